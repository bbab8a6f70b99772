"""Instruction following for cogumi: the category `instruction` and the benchmark `ifeval`."""

__version__ = "0.1.0"
