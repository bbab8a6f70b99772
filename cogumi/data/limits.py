"""How much a data set may hold: what no evaluation needs is refused before it fills the memory.

A text of a million characters is some 250,000 tokens, more than most models take. Where a file is packed, what it unpacks to
counts.
"""

from __future__ import annotations

MAX_TEXT = 1_000_000
"""Characters of a field."""
MAX_ROW = 4 * 2**20
"""Bytes of a row."""
MAX_FILE = 256 * 2**20
"""Bytes of a file of problems."""
MAX_ROWS = 1_000_000
"""Rows of a file of problems."""
MAX_DEPTH = 100
"""Lists and objects inside each other."""
MAX_DIGITS = 4_300
"""Digits of a whole number: as many as Python reads and writes as text."""


def megabytes(size: int) -> str:
    """4 MB."""
    return f"{size // 2**20:,} MB"
