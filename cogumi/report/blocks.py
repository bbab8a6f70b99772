"""What a report is made of, whatever it is written to. Texts are plain: escaping is the renderer's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """The title (level 1), a section (2) or a part of one (3)."""

    level: int
    """1 to 3."""
    text: str
    """One line."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One or more sentences."""

    text: str
    """One line."""


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict, which stands first."""

    verdict: str
    """PROCEED, ITERATE, ABANDON or INCONCLUSIVE."""
    why: str
    """The reason."""
    next: str
    """What to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the first column names the row."""

    caption: str
    """What the table shows, for those who cannot see the page around it."""
    header: tuple[str, ...]
    """One text per column."""
    rows: tuple[tuple[str, ...], ...]
    """As many cells per row as the header has."""


@dataclass(frozen=True, slots=True)
class Range:
    """An estimate with its 95 % interval, all shares of 0 to 1."""

    value: float
    """The estimate."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares before and after as intervals on one axis; text-only renderings leave it to the table beside it."""

    caption: str
    """What the picture shows."""
    rows: tuple[tuple[str, Range, Range], ...]
    """Name, before, after."""


@dataclass(frozen=True, slots=True)
class Side:
    """What the model said to one problem on one side of the training."""

    summary: str
    """How many samples, how many different texts, which answers."""
    texts: tuple[str, ...]
    """The first few samples, as the model wrote them."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One problem, before and after."""

    prompt: str
    """The question, as its dataset words it."""
    reference: str
    """The right answer, or an empty text."""
    before: Side
    """Before training."""
    after: Side
    """After training."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Words and what they mean."""

    rows: tuple[tuple[str, str], ...]
    """Word and meaning."""


Block: TypeAlias = Heading | Paragraph | Banner | Table | Bars | SideBySide | Terms
