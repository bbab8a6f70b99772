"""Benchmark `lm-eval`: any task of lm-evaluation-harness."""

__version__ = "0.1.0"
