"""One row of a dataset, that knows where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from cogumi.data.limits import MAX_TEXT
from cogumi.errors import BadInput
from cogumi.records import Raw

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a dataset."""

    value: Raw
    """The row as read."""
    file: str
    """The file or hub address it was read from."""
    line: int
    """Its line (its row, where the format has no lines), from 1."""

    def get(self, field: str, kind: type[T]) -> T:
        """The value of a field that must be there and of this type."""
        if field not in self.value:
            raise self.error(field, "missing", f"give it a {kind.__name__}")
        value = self.value[field]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(field, f"a {type(value).__name__}, expected a {kind.__name__}", "correct the row")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise self.error(field, f"a text of {len(value):,} characters; {MAX_TEXT:,} are the most", "shorten it")
        return value

    def error(self, field: str, problem: str, fix: str) -> BadInput:
        """The error that names this row and one of its fields."""
        return BadInput(problem, file=self.file, line=self.line, field=field, fix=fix)
