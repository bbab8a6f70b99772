"""One word for one thing: docs/glossary.md is the source of the words that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import FAKE, cogumi

from cogumi.cli import COMMANDS, main
from cogumi.records import Strategy
from cogumi.registry.options import options_of_record
from cogumi.report import words

ROOT = Path(__file__).parents[1]
GLOSSARY = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)\.$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE))
FORBIDDEN = {
    "distill": r"(?<![A-Za-z])[Dd]istils?(?![a-z])|(?<=[a-z])Distils?(?![a-z])|(?<![A-Z])DISTILS?(?![A-Z])",
    "minimum detectable effect": r"\b[Vv]isible[ _]from\b",
    "minimum agreement": r"\b[Ll]east[ _]agreement\b",
    "evaluation": r"(?<![A-Za-z])[Ee]xams?(?![a-z])|(?<=[a-z])Exams?(?![a-z])|(?<![A-Z])EXAMS?(?![A-Z])",
    "external evaluation": r"\b[Oo]utside[ _]evaluations?\b",
    "inconclusive, or open": r"(?<![A-Za-z])[Uu]ndecided(?![a-z])",
    "tie": r"[\"'`]evens?[\"'`]|\bevens\b|\beven (votes?|splits?)\b|\b(votes?|ballots) (are|is) even\b|\bwins?, \w+ and even\b",
    "head to head": r"\b[Hh]ead-to-head\b",
    "tie rate": r"\btie-rate\b|\bshare of ties\b",
}
"""What is written instead, by the spellings that are not."""
SUFFIXES = (".py", ".md", ".toml", ".tmpl", ".html", ".css")
COLUMNS = ("metric", "value", "95 % interval", "before", "after", "change", "p", "criterion", "status", "evidence")


def plain(term: str) -> str:
    """A term as it is looked up: small letters, one number, no hyphens."""
    return re.sub(r"(?<=[a-z])ies$", "y", re.sub(r"(?<=[a-rt-z])s$", "", term.lower().replace("-", " ").strip()))


TERMS = {plain(term) for term in GLOSSARY}


def texts() -> Iterator[Path]:
    """Every text that people read: code, guides and documents; not the problems that plugins carry."""
    folders = [ROOT / "cogumi", ROOT / "docs", *ROOT.glob("plugins/*/cogumi_*")]
    files = [*ROOT.glob("*.md"), *ROOT.glob("plugins/*.md"), *ROOT.glob("plugins/*/*.md")]
    found = [path for folder in folders for path in folder.rglob("*") if "data" not in path.parts]
    yield from (path for path in sorted({*files, *found}) if path.suffix in SUFFIXES and path.is_file())


def test_a_term_is_in_the_glossary_once() -> None:
    lines = [line for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines() if line.startswith("- ")]
    assert len(lines) == len(TERMS) > 100


@pytest.mark.parametrize(("term", "sentence"), words.GLOSSARY)
def test_a_report_explains_a_word_as_the_glossary_does(term: str, sentence: str) -> None:
    assert GLOSSARY[term] == sentence


@pytest.mark.parametrize("term", [*words.METRICS.values(), *words.CELLS.values(), *words.TRANSITIONS])
def test_the_words_of_a_report_are_in_the_glossary(term: str) -> None:
    assert term in GLOSSARY


def test_transitions_and_statuses_say_what_the_glossary_says() -> None:
    assert {name: GLOSSARY[name] for name in words.TRANSITIONS} == dict(words.TRANSITIONS)
    assert [said for said in words.STATUSES.values() if said.partition(" ")[2] not in GLOSSARY] == []


def helps() -> Iterator[tuple[str, str]]:
    """Every option's help by command and flag."""
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"{name} {parameter.opts[0]}", parameter.help or ""


@pytest.mark.parametrize(("flag", "told"), list(helps()))
def test_a_help_text_leads_with_a_word_of_the_glossary(flag: str, told: str) -> None:
    first = re.findall(r"[\w@^-]+", told)[:3]
    leads = {plain(" ".join(first[:count])) for count in (1, 2, 3)}
    assert leads & TERMS, f"{flag}: {told}"


def test_a_setting_of_a_strategy_is_explained_in_words_of_the_glossary() -> None:
    told = {name: option.help for name, option in options_of_record(Strategy).items()}
    assert [name for name, text in told.items() if not text] == []
    assert "votes" in told["min_agreement"]
    assert "target" in told["generate_temperature"]


def first_cells(output: str, *, skip: tuple[str, ...]) -> Iterator[str]:
    """The first column of every table that was printed."""
    for line in output.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) > 1 and cells[0] and cells[0] not in skip and not re.match(r"[─╭╰│]", cells[0]):
            yield cells[0]


def unknown(cells: Iterator[str], own: tuple[str, ...]) -> list[str]:
    """What the glossary does not know; a subject in brackets, what is behind a colon and a temperature are left away."""
    short = (re.sub(r"(: .*| \(\w+\))$", "", re.sub(r"temperature [\d.]+$", "temperature T", cell)) for cell in cells)
    return [cell for cell in short if plain(cell) not in TERMS and cell not in own]


def test_the_tables_speak_the_glossarys_words(tmp_path: Path) -> None:
    run = tmp_path / "run"
    diagnosed = cogumi("diagnose", *FAKE, "--out", run)
    assert diagnosed.returncode == 0, diagnosed.stderr
    decided = cogumi("run", *FAKE, "--out", run)
    assert decided.returncode in (0, 3, 4, 5), decided.stderr
    cells = list(first_cells(diagnosed.stdout + decided.stdout, skip=()))
    assert len(cells) > 30
    gates = ("MATH", "training took less than an hour", "consistency")  # names that the phase gives
    assert unknown(iter(cells), gates) == []
    assert [column for column in COLUMNS if plain(column.removeprefix("95 % ")) not in TERMS] == []


@pytest.mark.parametrize(("instead", "spelling"), list(FORBIDDEN.items()))
def test_a_word_is_spelled_one_way(instead: str, spelling: str) -> None:
    found = []
    for path in texts():
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if re.search(spelling, line)
        ]
    assert found == [], f"write {instead}"


@pytest.mark.parametrize("spelling", list(FORBIDDEN.values()))
def test_a_file_is_named_one_way(spelling: str) -> None:
    assert [path for path in texts() if re.search(spelling, path.stem)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("distil_all", True),
        ("selfDistil(", True),
        ("distillation, distilled", False),
        ("FinalExam", True),
        ("EXAMS = 3", True),
        ("EXAMPLE", False),
        ("example", False),
    ],
)
def test_the_search_finds_what_it_should(text: str, found: bool) -> None:
    assert any(re.search(spelling, text) for spelling in FORBIDDEN.values()) is found
