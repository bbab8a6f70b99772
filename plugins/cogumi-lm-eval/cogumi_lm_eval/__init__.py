"""Benchmark `lm-eval`: any task of lm-evaluation-harness."""
