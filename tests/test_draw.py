"""The log of samples: what is there is kept, what is missing is drawn, and what would be drawn again is named first."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from command_line import cogumi, final_files

SMALL = ("--held-out", "6", "--samples", "3", "--problems", "6")
DICE = ("--plugins", "sums", "--model", "hollow", "--sampler", "dice", "--trainer", "pretend", "--guard", "none")


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("diagnosed") / "run"
    done = cogumi("diagnose", *DICE, *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


class Drawing:
    """`cogumi diagnose` on a copy of a diagnosed folder; what is drawn is counted."""

    def __init__(self, folder: Path, source: Path | None = None) -> None:
        self.out, self.note = folder / "run", folder / "drawn"
        if source is not None:
            shutil.copytree(source, self.out)

    def __call__(self, *arguments: str) -> Any:
        return cogumi("diagnose", *DICE, *SMALL, "--out", self.out, *arguments, DRAWN=str(self.note))

    @property
    def drawn(self) -> Counter[str]:
        """How often each kind of sample was drawn."""
        lines = self.note.read_text().splitlines() if self.note.exists() else []
        return Counter(line.split("#")[1].split()[0] for line in lines)

    def rows(self, name: str = "before.jsonl") -> dict[tuple[str, int], str]:
        """Texts by request and index."""
        return texts((self.out / "samples" / name).read_text().splitlines())


def texts(lines: Iterable[str]) -> dict[tuple[str, int], str]:
    return {(row["request"], row["index"]): row["text"] for row in map(json.loads, lines)}


@pytest.fixture
def draw(diagnosed: Path, tmp_path: Path) -> Drawing:
    return Drawing(tmp_path, diagnosed)


@pytest.mark.parametrize(
    ("arguments", "drawn"),
    [
        (("--held-out", "8"), {"use": 2 * 3, "greedy": 2, "t0.2": 2 * 1}),
        (("--samples", "5"), {"use": 6 * 2, "t0.2": 6 * 1}),
        (("--benchmarks", "sums-guard"), {"use": 6 * 3, "greedy": 6}),
        (("--baseline-temperatures", "0.2,0.5"), {"t0.5": 6 * 1}),
    ],
)
def test_more_of_anything_adds_rows_only(draw: Drawing, arguments: tuple[str, ...], drawn: dict[str, int]) -> None:
    before = draw.rows()
    done = draw(*arguments)
    assert done.returncode == 0, done.stderr
    assert draw.drawn == drawn
    assert draw.rows().items() > before.items()
    assert not list((draw.out / "samples").glob("*.old*"))


@pytest.mark.parametrize("arguments", [("--held-out", "4"), ("--samples", "2"), ("--baseline-temperatures", "none")])
def test_less_of_anything_keeps_the_rows_and_measures_fewer(draw: Drawing, arguments: tuple[str, ...]) -> None:
    before = draw.rows()
    done = draw(*arguments)
    assert done.returncode == 0, done.stderr
    assert not draw.drawn
    assert draw.rows() == before
    found = json.loads((draw.out / "before.json").read_text())["evaluations"]["sums"]
    assert (found["problems"], found["samples"], len(found["baselines"])) == {
        "--held-out": (4, 3, 1),
        "--samples": (6, 2, 1),
        "--baseline-temperatures": (6, 3, 0),
    }[arguments[0]]


REDRAWN = [
    (("--temperature", "0.9"), "temperature: 0.7 -> 0.9", {"use"}),
    (("--top-p", "0.5"), "top_p: 1.0 -> 0.5", {"use", "t0.2"}),
    (("--max-tokens", "20"), "max_tokens: 32 -> 20", {"use", "greedy", "t0.2"}),
    (
        ("--seed", "0", "--system", "Add."),
        "6 prompts of sums greedy differ; 6 prompts of sums t0.2 differ; 6 prompts of sums use differ",
        {"use", "greedy", "t0.2"},
    ),
    (("-o", "dice.accent=Hm. "), "options.accent: ", {"use", "greedy", "t0.2"}),
    (("--sampler", "sage"), "sampler: dice -> sage", {"use", "greedy", "t0.2"}),
]


@pytest.mark.parametrize(("arguments", "told", "kinds"), REDRAWN)
def test_what_would_be_drawn_again_is_named_and_nothing_is_written(
    draw: Drawing, arguments: tuple[str, ...], told: str, kinds: set[str]
) -> None:
    before, state = final_files(draw.out), (draw.out / ".state/drawn-before.json").read_bytes()
    done = draw(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"samples/before.jsonl would have to be drawn again: {told}" in done.stderr
    assert "--redo" in done.stderr
    assert not draw.drawn
    assert final_files(draw.out) == before, "run.json too"
    assert (draw.out / ".state/drawn-before.json").read_bytes() == state


@pytest.mark.parametrize(("arguments", "told", "kinds"), REDRAWN)
def test_with_redo_only_what_differs_is_drawn_and_the_old_log_is_kept(
    draw: Drawing, arguments: tuple[str, ...], told: str, kinds: set[str]
) -> None:
    before = draw.rows()
    done = draw(*arguments, "--redo")
    assert done.returncode == 0, done.stderr
    assert set(draw.drawn) == kinds
    assert draw.rows("before.jsonl.old") == before
    assert draw.rows().keys() == before.keys()
    assert "what was there is kept as before.jsonl.old" in done.stderr
    again = draw(*arguments)
    assert (again.returncode, "done already" in again.stderr) == (0, True)


def test_a_change_back_is_a_change_and_every_old_log_is_kept(draw: Drawing) -> None:
    before = draw.rows()
    draw("--temperature", "0.9", "--redo")
    other = draw.rows()
    draw("--redo")
    assert draw.rows() == before, "the same samples as the first time"
    assert draw.rows("before.jsonl.old2") == other


def test_redo_alone_does_nothing(draw: Drawing) -> None:
    before = final_files(draw.out)
    assert draw("--redo").returncode == 0
    assert not draw.drawn
    assert final_files(draw.out) == before


def test_what_a_torn_log_lacks_is_drawn_and_nothing_else(draw: Drawing) -> None:
    """As a kill leaves it: the stage was never finished, and the last line is torn."""
    log = draw.out / "samples/before.jsonl"
    kept = log.read_text().splitlines(keepends=True)
    log.write_text("".join(kept[:-4]) + kept[-4][:20])
    (draw.out / ".state/stages.json").unlink()
    done = draw()
    assert done.returncode == 0, done.stderr
    assert "the last line was torn by a kill" in done.stderr
    assert sum(draw.drawn.values()) == 4
    assert log.read_text().splitlines(keepends=True) == kept


def test_samples_that_failed_are_rows_and_are_drawn_again_when_the_stage_is(tmp_path: Path) -> None:
    draw = Drawing(tmp_path)
    assert draw("-o", "dice.broken=some").returncode == 0
    found = json.loads((draw.out / "before.json").read_text())["evaluations"]["sums"]
    assert (found["errors"], found["problems"]) == (6, 6)
    (draw.out / "before.json").unlink()
    draw.note.unlink(missing_ok=True)
    assert draw().returncode == 0
    assert draw.drawn == {"use": 6}
    assert json.loads((draw.out / "before.json").read_text())["evaluations"]["sums"]["errors"] == 0


def test_a_damaged_log_names_file_and_line(draw: Drawing) -> None:
    log = draw.out / "samples/before.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join([*lines[:2], lines[2].replace("answer", "anwser"), *lines[3:]]))
    (draw.out / "before.json").unlink()
    done = draw()
    assert done.returncode == 2
    assert "before.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_runs_do_not_share_samples_by_accident(draw: Drawing, tmp_path: Path) -> None:
    """A log from another run's model is not taken for one's own."""
    other = tmp_path / "other"
    done = cogumi("diagnose", *DICE, *SMALL, "--out", other, "--sampler", "sage")
    assert done.returncode == 0, done.stderr
    shutil.copy(other / "samples/before.jsonl", draw.out / "samples/before.jsonl")
    refused = draw()
    assert refused.returncode == 2
    assert "before.jsonl: was changed after the run wrote it" in refused.stderr
