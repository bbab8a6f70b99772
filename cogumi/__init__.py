"""Evaluation and self-consistency distillation of language models, built of plugins."""

from cogumi.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl"]
