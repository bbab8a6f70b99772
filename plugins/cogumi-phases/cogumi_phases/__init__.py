"""The phases `minimal` and `full` for cogumi."""

__version__ = "0.1.0"
