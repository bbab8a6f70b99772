"""The report says what the verdict found, survives hostile text, and is the same every time."""

import io
import re
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt  # comes with rich
from rich.console import Console

from cogumi import stats
from cogumi.gates import judge
from cogumi.report import render_html, render_markdown, summary, words
from cogumi.report.markdown import fenced, inline

Render = Callable[..., str]
HOSTILE = (
    "````\n# owned\n| a | b |\n</pre></td><script>alert(1)</script><img src=x onerror=y>\n![i](http://e.example) $x$ **b** `c`"
)
CONTROL = "\x1b[31mred\x00 \u202egnp.exe \ud800 \u2028next"


def diagnosis(steady: int) -> dict[str, Any]:
    """Twelve problems, of which the first `steady` are answered consistently and right."""
    items = [_item(f"gsm8k-{i:02}", i < steady) for i in range(12)]
    fields = ("response_consistency", "answer_consistency", "unique_responses", "accuracy", "truncated", "no_answer")
    columns = {field: [item[field] for item in items] for field in fields}
    columns |= {"tie_rate": [float(item["tie"]) for item in items], "lm_eval_strict": [item["accuracy"] for item in items]}
    metrics = {field: asdict(stats.mean(values)) for field, values in columns.items()}
    base = {"benchmark": "gsm8k", "samples": 10, "temperature": 0.7, "errors": 3, "unscored": 0, "items": items}
    return {**base, "metrics": metrics, "cause": "Too random."}


def _item(name: str, steady: bool) -> dict[str, Any]:
    share = 0.9 if steady else 0.1
    base = {"id": name, "response_consistency": share, "answer_consistency": share, "unique_responses": 2 if steady else 10}
    scores = {"accuracy": share, "majority_correct": steady, "greedy_correct": steady, "consistent": steady, "tie": not steady}
    return {**base, **scores, "truncated": 0.0, "no_answer": 0.0, "metrics": {"lm_eval_strict": share}}


def example(text: str) -> dict[str, Any]:
    sides = {
        "before": [text] * 9 + ["other"],
        "after": ["7"] * 10,
        "before_answers": ["7"] * 6 + [None] * 4,
        "after_answers": ["7"] * 10,
    }
    return {"category": "math", "id": "gsm8k-00", "prompt": "3 apples & 4 pears?", "reference": "7", **sides}


BEFORE, AFTER = ({"categories": {"math": diagnosis(steady)}} for steady in (2, 11))
VERDICT = judge("minimal", BEFORE, AFTER, training_under_an_hour=True)
RUN: dict[str, Any] = {
    "settings": {"model": "tiny", "options": {"qlora": {"epochs": 2}}, "plugins": ["math"]},
    "fingerprints": {"data": {"math": "0123abcd"}},
    "versions": {"cogumi": "0.1.0"},
    "strategies": {"math": {"why": "exact answers"}},
    "distillation": {"math": {"problems": 100, "kept": 61, "dropped": {"tie": 20, "disagrees": 19}, "label_accuracy": 0.9}},
    "training": {
        "steps": 1_075,
        "losses": [1.25, 0.5, 0.25],
        "weight_change": 0.0123,
        "quantization": "nf4",
        "notes": ["4-bit is not possible here"],
    },
}


def report(render: Render, **changes: Any) -> str:
    given = {"run": RUN, "before": BEFORE, "after": AFTER, "verdict": VERDICT, "examples": [example("6\n#### 6")], **changes}
    return render(*given.values())


def plain(html: str) -> str:
    """What a reader of the page sees."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html)
    return " ".join(found).replace("\N{NO-BREAK SPACE}", " ")


def tags(html: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)

    Reader().feed(html)
    return found


@pytest.mark.parametrize(("render", "read"), [(render_markdown, lambda text: text.replace("\\", "")), (render_html, plain)])
def test_both_forms_say_all_there_is_to_say(render: Render, read: Callable[[str], str]) -> None:
    text = read(report(render))
    response = BEFORE["categories"]["math"]["metrics"]["response_consistency"]
    for expected in (
        VERDICT["verdict"],
        words.estimate(response, share=True),
        "different texts per problem",
        "lm_eval_strict",
        "consistency: at least 40 %",
        "✓ pass",
        "– not measured",
        "wrong before, correct after",
        "consistent but wrong",
        "Majority vote against random vote before training",
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
    assert text.index(VERDICT["verdict"]) < text.index("Before and after") < text.index("Criteria") < text.index("Words")


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_the_same_run_gives_the_same_bytes(render: Render) -> None:
    assert report(render).encode() == report(render).encode()


def test_markdown_tables_keep_their_shape_whatever_a_model_writes() -> None:
    text = report(render_markdown, examples=[example(HOSTILE + CONTROL)])
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    assert len(tables) >= 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "# owned" not in re.sub(r"\\#", "", text)
    assert "<" not in text
    assert "![" not in text


def test_a_markdown_reader_sees_the_models_text_and_nothing_of_its_markup() -> None:
    """As a CommonMark parser reads it: hostile text adds tables' cells and code, never an element of another kind."""
    parse = MarkdownIt("commonmark").enable("table").parse

    def kinds(text: str) -> set[str]:
        return {part.type for token in parse(text) for part in (token, *(token.children or ()))}

    hostile = report(render_markdown, examples=[{**example(HOSTILE), "prompt": HOSTILE, "reference": HOSTILE, "id": HOSTILE}])
    assert kinds(hostile) == kinds(report(render_markdown))
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


def test_html_holds_no_element_that_a_model_wrote() -> None:
    clean = tags(report(render_html))
    hostile = report(
        render_html,
        examples=[{**example(HOSTILE), "prompt": HOSTILE, "reference": HOSTILE, "id": HOSTILE}],
        run={**RUN, "settings": {HOSTILE: HOSTILE}, "training": {**RUN["training"], "notes": [HOSTILE]}},
    )
    assert tags(hostile) == clean
    assert "script" not in clean
    assert "<script>alert(1)</script>" in plain(hostile)


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_control_characters_are_shown_and_have_no_effect(render: Render) -> None:
    text = report(render, examples=[{**example(CONTROL), "prompt": CONTROL}])
    text.encode()  # a lone surrogate would raise
    assert not set("\x1b\x00\u202e\u2028") & set(text)
    assert "u001b" in text
    assert "u202e" in text


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_huge_texts_are_clipped_and_keep_their_end(render: Render) -> None:
    text = report(render, examples=[example("x" * 1_000_000 + "#### 42")])
    assert len(text) < 60_000
    assert "characters …" in text
    assert "42" in text


def test_html_needs_nothing_from_outside() -> None:
    html = report(render_html)
    assert not re.search(r"\s(?:src|href)=|@import|url\(", html)
    assert "default-src 'none'" in html


def test_html_is_accessible() -> None:
    html = report(render_html)
    assert '<html lang="en">' in html
    assert html.count("<caption>") == html.count("<table>") > 5
    assert html.count("<h1>") == 1
    assert "<svg viewBox" in html
    assert re.search(r'<svg [^>]*role="img" aria-label="response consistency [\d.]+ % before', html)
    assert "prefers-color-scheme: dark" in html


def test_the_picture_draws_the_intervals() -> None:
    html = report(render_html)
    metric = AFTER["categories"]["math"]["metrics"]["response_consistency"]
    line = re.search(r'<line class="after" stroke-width="2" x1="([\d.]+)" x2="([\d.]+)"', html)
    assert line is not None
    assert float(line[1]) == pytest.approx(210 + 400 * metric["low"], abs=0.06)
    assert float(line[2]) == pytest.approx(210 + 400 * metric["high"], abs=0.06)


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_a_run_that_stopped_early_is_reported_as_far_as_it_went(render: Render) -> None:
    text = report(render, run={"settings": {}, "training": None}, examples=[])
    assert "Nothing was trained." in text
    assert "Nothing was distilled." in text
    assert "Side by side" not in text


@pytest.mark.parametrize("render", [render_markdown, render_html])
def test_a_category_that_cannot_be_scored_is_reported(render: Render) -> None:
    items = [{**_item(f"c{i}", False), "accuracy": None, "majority_correct": None, "greedy_correct": None} for i in range(5)]
    metrics = {"response_consistency": asdict(stats.mean([0.1] * 5))}
    sides = {"categories": {"creativity": {**diagnosis(0), "items": items, "metrics": metrics}}}
    verdict = judge("minimal", sides, sides, training_under_an_hour=None)
    text = report(render, before=sides, after=sides, verdict=verdict)
    assert "No problem could be scored on both sides." in text
    assert "? undecided" in text


def test_problems_shown_in_part_tell_how_many_texts_there_were() -> None:
    shown = {**example("6"), "before": ["6", "7"], "before_answers": ["6", "7"], "before_different": 9}
    assert "9 different texts in all samples; answers of the first 2: 6 × 1, 7 × 1" in report(render_markdown, examples=[shown])


def test_the_terminal_shows_figures_criteria_and_verdict() -> None:
    hostile = {**VERDICT, "why": "[bold red]markup[/] stays text"}
    console = Console(file=io.StringIO(), width=160)
    console.print(summary(hostile, BEFORE, AFTER))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for expected in (
        "response consistency",
        "✓ pass",
        "MATH: at least 45 %",
        VERDICT["verdict"],
        "[bold red]markup[/]",
        "Next:",
    ):
        assert expected in text


def test_figures_read_as_people_write_them() -> None:
    change = {"difference": -0.0312, "low": -0.05, "high": 0.01, "p": 0.0301}
    assert words.with_p(change, share=True) == "-3.1 points (-5.0 to +1.0), p = 0.030"
    assert words.with_p({**change, "p": 0.0001}, share=False) == "-0.0 (-0.1 to +0.0), p < 0.001"
    assert words.estimate({"value": 9.44, "low": 9.2, "high": 9.61}, share=False) == "9.4 (9.2 to 9.6)"
    assert inline("a|b\nc_d <e>") == r"a\|b ⏎ c\_d &lt;e&gt;"
    assert words.clip("0123456789", 6) == "0123 [… 4 characters …] 89"
