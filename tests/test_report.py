"""The report says what the verdict found, survives hostile text, and is the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt  # comes with rich
from rich.console import Console

from cogumi import stats
from cogumi.codec import to_json
from cogumi.comparison.paired import compare
from cogumi.decision.facts import Facts
from cogumi.decision.verdict import decide
from cogumi.errors import BadInput
from cogumi.files import write_json, write_lines
from cogumi.phases import Gate, Phase
from cogumi.planning.manifest import Manifest, RecordedSide
from cogumi.planning.plan import NO_SIZES
from cogumi.planning.settings import Settings
from cogumi.records import Strategy
from cogumi.report import words
from cogumi.report.blocks import Block
from cogumi.report.content import build
from cogumi.report.markdown import fenced, inline, render_markdown
from cogumi.report.page import render_html
from cogumi.report.side_by_side import Said, Shown
from cogumi.report.terminal import summary
from cogumi.report.write import write_report
from cogumi.results import (
    CategoryDistillation,
    Diagnosis,
    Distillation,
    EvaluationResult,
    HeadToHead,
    Match,
    ProblemResult,
    TrainingResult,
)
from cogumi.runs import RunView

Render = Callable[..., str]
HOSTILE = (
    "````\n# owned\n| a | b |\n</pre></td><script>alert(1)</script><img src=x onerror=y>\n![i](http://e.example) $x$ **b** `c`"
)
CONTROL = "\x1b[31mred\x00 \u202egnp.exe \ud800 \u2028next"
PHASE = Phase(
    name="small",
    passed="Use it.",
    gates=(
        Gate(name="consistency", metric="consistency", threshold=0.4),
        Gate(name="MATH", metric="accuracy", category="math", threshold=0.45),
        Gate(name="CODE", metric="accuracy", category="code", threshold=0.45),
        Gate(name="training time", metric="training_hours", threshold=1.0, relation="<"),
    ),
)


def result(steady: int) -> EvaluationResult:
    """Forty problems, of which the first `steady` are answered consistently and right."""
    items = tuple(_item(f"gsm8k-{i:02}", steady=i < steady) for i in range(40))
    names = ("response_consistency", "answer_consistency", "unique_responses", "tie_rate", "accuracy", "majority_accuracy")
    columns = {name: [item.value(name) or 0.0 for item in items] for name in (*names, "greedy_accuracy", "lm_eval_strict")}
    zeros = {name: [0.0] * 40 for name in ("truncated", "no_answer")}
    return EvaluationResult(
        benchmark="gsm8k",
        purpose="trained",
        voter="majority",
        problems=40,
        samples=10,
        temperature=0.7,
        metrics={name: stats.mean(values) for name, values in (columns | zeros).items()},
        matrix={},
        cause="Too random.",
        items=items,
        errors=3,
    )


def _item(name: str, *, steady: bool) -> ProblemResult:
    share = 0.9 if steady else 0.1
    return ProblemResult(
        id=name,
        response_consistency=share,
        answer_consistency=share,
        unique_responses=2 if steady else 10,
        tie=not steady,
        consistent=steady,
        accuracy=share,
        majority_correct=steady,
        greedy_correct=steady,
        truncated=0.0,
        no_answer=0.0,
        metrics={"lm_eval_strict": share},
    )


def said(text: str, answer: str | None) -> Said:
    return Said(text=text, answer=answer, correct=None)


def example(text: str) -> Shown:
    return Shown(
        category="math",
        id="gsm8k-00",
        prompt="3 apples & 4 pears?",
        reference="7",
        before=(*(said(text, "7") for _ in range(6)), *(said(text, None) for _ in range(3)), said("other", None)),
        after=tuple(said("7", "7") for _ in range(10)),
    )


BEFORE, AFTER = (Diagnosis(evaluations={"math": result(steady)}) for steady in (2, 38))
TRAINING = TrainingResult(
    examples=61,
    steps=1_075,
    losses=(1.25, 0.5, 0.25),
    weight_change=0.0123,
    quantization="nf4",
    under_an_hour=True,
    notes=("4-bit is not possible here",),
)
KEPT = CategoryDistillation(
    problems=100,
    kept=61,
    examples=61,
    dropped={"tie": 20, "disagrees": 19},
    mean_agreement=0.8,
    label_accuracy=0.9,
    taught=7,
)
MANIFEST = Manifest(
    settings=Settings(plugins=("math",), model="tiny", options={"qlora": {"epochs": 2}}),
    phase=PHASE,
    roles={},
    category_gates={},
    trainer=None,
    strategies={"math": Strategy(generate_temperature=0.1, train_temperature=0.0, why="exact answers")},
    sizes=NO_SIZES,
    evaluations={},
    external={},
    data={"math (training)": RecordedSide(source="bundled", file=None, taken=100, available=200, digest="0123abcd")},
    versions={"cogumi": "0.1.0"},
    environment={"python": "3.11.2"},
)
RIVAL = Match(wins=30, losses=2, ties=8, n=40, left_out=0, score=0.85, low=0.75, high=0.93, p=0.00001)
FILES: dict[str, Any] = {
    "run": MANIFEST,
    "before": BEFORE,
    "after": AFTER,
    "comparison": compare(BEFORE, AFTER),
    "verdict": decide(PHASE, BEFORE, AFTER, compare(BEFORE, AFTER), Facts(training=TRAINING)),
    "distillation": Distillation(categories={"math": KEPT}),
    "training": TRAINING,
    "head_to_head": HeadToHead(scores={"against": {"math": RIVAL}}),
}
VERDICT = FILES["verdict"]


def run_folder(folder: Path, **changes: Any) -> RunView:
    """A run's files; None leaves one out."""
    for name, value in {**FILES, **changes}.items():
        if value is not None:
            write_json(folder / f"{name}.json", to_json(value))
    write_lines(folder / "problems.jsonl", [])
    return RunView(folder)


def markdown(blocks: Iterable[Block]) -> str:
    return render_markdown(blocks)


def html(blocks: Iterable[Block]) -> str:
    return render_html("a verdict", blocks)


Report = Callable[..., str]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    def write(render: Render, examples: Any = None, **changes: Any) -> str:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        shown = [example("6\n#### 6")] if examples is None else examples
        return render(build(run_folder(folder, **changes), shown))

    return write


def hostile_example() -> Shown:
    return replace(example(HOSTILE), prompt=HOSTILE, reference=HOSTILE, id=HOSTILE)


def plain(page: str) -> str:
    """What a reader of the page sees."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(page)
    return " ".join(found).replace("\N{NO-BREAK SPACE}", " ")


def tags(page: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)

    Reader().feed(page)
    return found


@pytest.mark.parametrize(("render", "read"), [(markdown, lambda text: text.replace("\\", "")), (html, plain)])
def test_both_forms_say_all_there_is_to_say(report: Report, render: Render, read: Callable[[str], str]) -> None:
    text = read(report(render))
    response = BEFORE.evaluations["math"].metrics["response_consistency"]
    for expected in (
        VERDICT.verdict,
        words.estimate(response, share=True),
        "different texts per problem",
        "lm_eval_strict",
        "consistency: at least 40 %",
        "✓ pass",
        "– not measured",
        "wrong before, correct after",
        "consistent but wrong",
        "vote worth teaching (math)",
        "61, 7 of them by the teacher",
        "the other run",
        "85.0 % (75.0 to 93.0)",
        "disagrees 19, tie 20",
        "1,075",
        "1.2500, 0.2500",
        "0.0123",
        "nf4",
        "4-bit is not possible here",
        "Before: 3 samples failed",
        "2 different texts in 10 samples; answers: 7 × 6, none × 4",
        "1 different text in 10 samples",
        "options.qlora.epochs",
        "0123abcd",
        "exact answers",
        "the share of the most frequent text among a problem's samples",
    ):
        assert expected in text, expected
    assert text.index(VERDICT.verdict) < text.index("Before and after") < text.index("Criteria") < text.index("Words")


@pytest.mark.parametrize("render", [markdown, html])
def test_the_same_run_gives_the_same_bytes(report: Report, render: Render) -> None:
    assert report(render).encode() == report(render).encode()


def test_markdown_tables_keep_their_shape_whatever_a_model_writes(report: Report) -> None:
    text = report(markdown, examples=[example(HOSTILE + CONTROL)])
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    assert len(tables) >= 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "# owned" not in re.sub(r"\\#", "", text)
    assert "<" not in text
    assert "![" not in text


def test_a_markdown_reader_sees_the_models_text_and_nothing_of_its_markup(report: Report) -> None:
    """As a CommonMark parser reads it: hostile text adds tables' cells and code, never an element of another kind."""
    parse = MarkdownIt("commonmark").enable("table").parse

    def kinds(text: str) -> set[str]:
        return {part.type for token in parse(text) for part in (token, *(token.children or ()))}

    hostile = report(markdown, examples=[hostile_example()])
    assert kinds(hostile) == kinds(report(markdown))
    assert not {"html_block", "html_inline", "image", "link_open", "code_inline"} & kinds(hostile)
    cells = [token.content for token in parse(hostile) if token.type == "inline"]
    shown = ["".join(part.content for part in parse(cell)[1].children or ()) for cell in cells if "owned" in cell]
    assert words.one_line(HOSTILE) in shown


def test_a_prompt_cannot_end_its_code_block() -> None:
    block = fenced(HOSTILE, 2_000)
    fence = block.split("\n")[0]
    assert fence == "`````"
    assert block.endswith("\n" + fence)
    assert block.count(fence) == 2


def test_html_holds_no_element_that_a_model_wrote(report: Report) -> None:
    clean = tags(report(html))
    hostile = report(
        html,
        examples=[hostile_example()],
        run=replace(MANIFEST, versions={HOSTILE: HOSTILE}),
        training=replace(TRAINING, notes=(HOSTILE,)),
    )
    assert tags(hostile) == clean
    assert "script" not in clean
    assert "<script>alert(1)</script>" in plain(hostile)


@pytest.mark.parametrize("render", [markdown, html])
def test_control_characters_are_shown_and_have_no_effect(report: Report, render: Render) -> None:
    text = report(render, examples=[replace(example(CONTROL), prompt=CONTROL)])
    text.encode()  # a lone surrogate would raise
    assert not set("\x1b\x00\u202e\u2028") & set(text)
    assert "u001b" in text
    assert "u202e" in text


@pytest.mark.parametrize("render", [markdown, html])
def test_huge_texts_are_clipped_and_keep_their_end(report: Report, render: Render) -> None:
    text = report(render, examples=[example("x" * 1_000_000 + "#### 42")])
    assert len(text) < 60_000
    assert "characters …" in text
    assert "42" in text


def test_html_needs_nothing_from_outside(report: Report) -> None:
    page = report(html)
    assert not re.search(r"\s(?:src|href)=|@import|url\(", page)
    assert "default-src 'none'" in page


def test_html_is_accessible(report: Report) -> None:
    page = report(html)
    assert '<html lang="en">' in page
    assert page.count("<caption>") == page.count("<table>") > 5
    assert page.count("<h1>") == 1
    assert "<svg viewBox" in page
    assert re.search(r'<svg [^>]*role="img" aria-label="response consistency [\d.]+ % before', page)
    assert "prefers-color-scheme: dark" in page


def test_the_picture_draws_the_intervals(report: Report) -> None:
    page = report(html)
    metric = AFTER.evaluations["math"].metrics["response_consistency"]
    line = re.search(r'<line class="after" stroke-width="2" x1="([\d.]+)" x2="([\d.]+)"', page)
    assert line is not None
    assert float(line[1]) == pytest.approx(210 + 400 * metric.low, abs=0.06)
    assert float(line[2]) == pytest.approx(210 + 400 * metric.high, abs=0.06)


@pytest.mark.parametrize("render", [markdown, html])
def test_a_run_that_stopped_early_is_reported_as_far_as_it_went(report: Report, render: Render) -> None:
    gone = dict.fromkeys(("after", "comparison", "training", "distillation", "head_to_head"))
    text = report(render, examples=[], **gone)
    assert "Nothing was trained." in text
    assert "Nothing was distilled." in text
    assert "The untouched model" in text
    assert "Side by side" not in text
    assert "Head to head" not in text


@pytest.mark.parametrize("render", [markdown, html])
def test_a_category_that_cannot_be_scored_is_reported(report: Report, render: Render) -> None:
    items = [
        replace(_item(f"c{i}", steady=False), accuracy=None, majority_correct=None, greedy_correct=None) for i in range(40)
    ]
    metrics = {"response_consistency": stats.mean([0.1] * 40)}
    side = Diagnosis(evaluations={"creativity": replace(result(0), items=tuple(items), metrics=metrics)})
    found = compare(side, side)
    verdict = decide(PHASE, side, side, found, Facts())
    text = report(render, before=side, after=side, comparison=found, verdict=verdict)
    assert "No problem could be scored on both sides." in text
    assert verdict.verdict in text


def test_the_files_are_written_from_the_run_folder_alone(tmp_path: Path) -> None:
    run_folder(tmp_path)
    assert write_report(tmp_path) == ["report.md", "report.html"]
    first = [(tmp_path / name).read_bytes() for name in ("report.md", "report.html")]
    write_report(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("report.md", "report.html")] == first


def test_a_run_that_was_never_decided_has_no_report(tmp_path: Path) -> None:
    run_folder(tmp_path, verdict=None)
    with pytest.raises(BadInput, match="no verdict there"):
        write_report(tmp_path)
    assert not (tmp_path / "report.md").exists()


def test_what_stays_true_whatever_was_decided_stands_under_the_verdict(report: Report) -> None:
    warned = replace(VERDICT, warnings=("A lower temperature does better.",))
    text = report(markdown, verdict=warned)
    assert text.index(VERDICT.verdict) < text.index("A lower temperature does better.") < text.index("Before and after")


def test_the_terminal_shows_figures_criteria_and_verdict(tmp_path: Path) -> None:
    hostile = replace(VERDICT, sentence="[bold red]markup[/] stays text")
    console = Console(file=io.StringIO(), width=160)
    console.print(summary(run_folder(tmp_path, verdict=hostile)))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for expected in (
        "response consistency",
        "✓ pass",
        "MATH: at least 45 %",
        VERDICT.verdict,
        "[bold red]markup[/]",
        "Next:",
    ):
        assert expected in text


def test_figures_read_as_people_write_them() -> None:
    change = replace(stats.paired([0.5, 0.4], [0.4, 0.5]), value=-0.0312, low=-0.05, high=0.01, p=0.0301)
    assert words.with_p(change, share=True) == "-3.1 points (-5.0 to +1.0), p = 0.030"
    assert words.with_p(replace(change, p=0.0001), share=False) == "-0.0 (-0.1 to +0.0), p < 0.001"
    figure = replace(stats.mean([0.5, 0.4]), value=9.44, low=9.2, high=9.61)
    assert words.estimate(figure, share=False) == "9.4 (9.2 to 9.6)"
    assert inline("a|b\nc_d <e>") == r"a\|b ⏎ c\_d &lt;e&gt;"
    assert words.clip("0123456789", 6) == "0123 [… 4 characters …] 89"


def test_verdicts_that_could_not_be_read_are_said_even_where_nothing_else_was_judged(tmp_path: Path) -> None:
    match = Match(wins=0, losses=0, ties=0, n=0, left_out=2, judged=2, unreadable=3)
    view = run_folder(tmp_path, head_to_head=HeadToHead(judged={"before": {"words": match}}))
    assert "words against before: 3 of the judge's 4 verdicts could not be read" in markdown(build(view, []))
