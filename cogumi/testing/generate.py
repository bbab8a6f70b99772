"""The command line of a module that makes a plugin's bundled problems.

    python -m cogumi_math.generate                                          writes data/train.jsonl and data/test.jsonl
    python -m cogumi_math.generate --side pretrain --count 50 --seed 1      prints fifty problems of the side without end

A generator is a function of its seed: bundled files can be made again, byte by byte, and a test shows that they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cogumi.records import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """What a module can make."""

    module: str
    """Its name, as `python -m` takes it."""
    bundled: Mapping[str, Callable[[], Iterable[Raw]]]
    """The rows of each bundled file, by the file's name without suffix."""
    pretrain: Callable[[int], Iterator[Raw]]
    """Rows without end, of problems that are in no bundled file, from a seed."""
    folder: Path
    """Where the bundled files lie."""


def generate(generator: Generator, arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines; 0 when done."""
    given = _parser(generator).parse_args(arguments)
    if given.side is None:
        _write_all(generator, given.out or generator.folder)
    else:
        text = _lines(_side(generator, given.side, given.count, given.seed))
        sys.stdout.write(text) if given.out is None else given.out.write_text(text, encoding="utf-8")
    return 0


def _parser(generator: Generator) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {generator.module}", description=generate.__doc__)
    sides = ("pretrain", *generator.bundled)
    parser.add_argument("--side", choices=sides, help="one side; without it all bundled files are written")
    parser.add_argument("--count", type=int, default=1000, help="problems of the pretrain side (the others are fixed)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pretrain side")
    parser.add_argument("--out", type=Path, help="a file (without --side: a folder) instead of standard output (the package)")
    return parser


def _side(generator: Generator, side: str, count: int, seed: int) -> Iterable[Raw]:
    return islice(generator.pretrain(seed), count) if side == "pretrain" else generator.bundled[side]()


def _write_all(generator: Generator, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for side, rows in generator.bundled.items():
        (folder / f"{side}.jsonl").write_text(_lines(rows()), encoding="utf-8")


def _lines(rows: Iterable[Raw]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
