"""lm-eval without its bars and remarks, except what the user has to know."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any


class Remarks(logging.Handler):
    """Notices that prompts were cut; the other remarks concern settings that are made here."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.cut = False

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one remark."""
        self.cut = self.cut or "runcat" in record.getMessage()


@contextlib.contextmanager
def quiet() -> Iterator[Remarks]:
    """No progress bars, no warnings, what is printed goes to stderr; lm-eval's remarks go to the handler that is given."""
    import lm_eval.evaluator  # noqa: F401
    import transformers.utils.logging as transformers_logging

    transformers_logging.get_verbosity()  # it and lm-eval set up their loggers now, not in between
    remarks = Remarks()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_no_bars())
        for name in ("lm_eval", "transformers", "datasets"):
            stack.enter_context(_logged(logging.getLogger(name), remarks))
        yield remarks


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    from tqdm import tqdm  # type: ignore[import-untyped]

    bar: Any = tqdm
    kept, start = vars(bar)["__init__"], bar.__init__  # the first may be a descriptor that makes the second anew each time

    def disabled(self: Any, *args: Any, **options: Any) -> None:
        start(self, *args, **{**options, "disable": True})

    bar.__init__ = disabled
    try:
        yield
    finally:
        bar.__init__ = kept


@contextlib.contextmanager
def _logged(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    kept = logger.level, logger.propagate, logger.handlers
    logger.setLevel(logging.WARNING)
    logger.propagate, logger.handlers = False, [handler]
    try:
        yield
    finally:
        logger.setLevel(kept[0])
        logger.propagate, logger.handlers = kept[1:]
