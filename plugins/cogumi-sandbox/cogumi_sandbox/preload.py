"""What programs and tests often import: there already when a worker or an oracle is forked."""

from __future__ import annotations

import gc
import importlib

PRELOADED = [
    "abc",
    "array",
    "base64",
    "bisect",
    "calendar",
    "cmath",
    "collections.abc",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "operator",
    "pprint",
    "queue",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "threading",
    "time",
    "traceback",
    "typing",
    "unicodedata",
    "warnings",
    "weakref",
    "zlib",
]


def everything() -> None:
    """Import it all, and keep the collector from writing to it in every fork."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
