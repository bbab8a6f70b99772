"""Code as a category: problems whose answers are programs, and a sandbox in which they are run."""

__version__ = "0.1.0"
