"""The door: what a model thought is set apart from what it said, before anything reads it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi.comparison.head_to_head import judge_outcomes, judge_requests
from cogumi.comparison.pairing import text_pairs
from cogumi.diagnosis.scoring import ballots, score_problem
from cogumi.records import Completion, Problem, Score, Weights
from cogumi.testing import make_problems
from cogumi.thoughts import PAIRS, UNENDED, declared, is_unended, set_apart, shown
from cogumi.weights import thoughts_of

WRONG, RIGHT = "The answer is 12? No.", "The answer is 18."
FENCE = "```"


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
@pytest.mark.parametrize(
    "form",
    [
        "{o}\n{wrong}\n{c}\n{right}",
        "{o}{wrong}{c}{right}",
        "\n {o}\n{wrong}\n{c}\n\n\n{right}",
        "{wrong}\n{c}\n\n{right}",
        "{wrong}{c}{right}",
        "{o}{wrong}{c}\n{o}{wrong}{c} {right}",
        "{o}\n```python\n{wrong}\n```\n{c}\n{right}",
        "{o}\n```python\n{wrong}\n{c}\n{right}",
        '{o}It is 5" wide, "so. {wrong}{c}{right}',
        '{wrong} It is 5" wide.{c}\n{right}',
    ],
)
def test_a_thought_is_set_apart(opening: str, closing: str, form: str) -> None:
    text = form.format(o=opening, c=closing, wrong=WRONG, right=RIGHT)
    said = set_apart(text)
    assert said.text == RIGHT
    assert WRONG in said.thoughts[0]
    assert not said.unended


@pytest.mark.parametrize("name", ["Think", "THINKING", "Reasoning"])
def test_tags_are_known_in_any_case(name: str) -> None:
    assert set_apart(f"<{name}>{WRONG}</{name.lower()}>{RIGHT}").text == RIGHT


@pytest.mark.parametrize("mark", [opening for opening, _ in PAIRS])
def test_a_thought_that_never_ends_leaves_nothing_said(mark: str) -> None:
    for text in (f"{mark}\n{WRONG}", f"\n{mark}{WRONG} {RIGHT}", f"Sure.\n{mark}\n{RIGHT}", mark):
        said = set_apart(text)
        assert (said.text, said.unended) == ("", True)


def test_a_thought_within_the_text_is_set_apart_where_it_begins_a_line() -> None:
    assert set_apart(f"Let me see.\n<think>\n{WRONG}\n</think>\n{RIGHT}").text == f"Let me see.\n{RIGHT}"
    assert set_apart(f"Let me see.\n<think>{WRONG}</think> {RIGHT}").text == f"Let me see.\n{RIGHT}"


def test_the_mark_of_another_name_closes_a_thought_where_it_has_a_line_to_itself() -> None:
    assert set_apart(f"<think>\n{WRONG}\n</thinking>\n{RIGHT}").text == RIGHT


def test_thoughts_within_thoughts() -> None:
    assert set_apart(f"<think>a<think>{WRONG}</think>c</think>{RIGHT}").text == RIGHT
    assert set_apart(f"I must not write <think> again. {WRONG}\n</think>\n{RIGHT}").text == RIGHT
    assert set_apart(f'<think>The mark "</think>" is no end. {WRONG}\n</think>\n{RIGHT}').text == RIGHT
    assert set_apart(f'<think>The mark "</think>" is no end. {RIGHT}').unended


HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"


@pytest.mark.parametrize(
    "text",
    [
        HARMONY.format(WRONG, RIGHT),
        HARMONY.format(WRONG, RIGHT) + "<|return|>",
        "<|start|>assistant" + HARMONY.format(WRONG, RIGHT) + "<|end|>",
        f"<|channel|>commentary<|message|>{WRONG}<|end|>" + "<|start|>assistant" + HARMONY.format(WRONG, RIGHT),
        f"{WRONG}<|end|><|start|>assistant<|channel|>final<|message|>{RIGHT}",
        f"<|channel|>final<|message|>{RIGHT}",
        f"analysis{WRONG}assistantfinal{RIGHT}",
    ],
)
def test_of_channels_the_final_one_is_said(text: str) -> None:
    assert set_apart(text).text == RIGHT


def test_channels_without_a_final_one_say_nothing() -> None:
    assert set_apart(f"<|channel|>analysis<|message|>{RIGHT}").unended
    assert set_apart("analysis of the data shows 18.").text == "analysis of the data shows 18."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<answer>Montreal</answer>", "Montreal"),
        ("<think>A sinks.</think><answer>B</answer>", "B"),
        ("<answer> 9 </answer>", "9"),
        ("<final>\n18\n</final>\n", "18"),
        ("<FINAL_ANSWER>18</FINAL_ANSWER>", "18"),
        ("<answer>18", "18"),
        ("18\n</answer>", "18"),
        (f"{WRONG} <answer>18</answer>.", "18"),
        (f"{WRONG}\n<answer>\n18\n</answer>\nI hope this helps.", "18"),
        ("The answer is <answer>18</answer>, as shown.", "The answer is 18, as shown."),
        ("<answer>12</answer>\n<answer>18</answer>", "18"),
        ("<response>18</response>", "18"),
        ("<response>18</response> is the element.", "<response>18</response> is the element."),
        ("<|begin_of_thought|>12<|end_of_thought|>\n<|begin_of_solution|>18<|end_of_solution|>", "18"),
        ("Write `<answer>18</answer>` there.", "Write `<answer>18</answer>` there."),
        (f"{FENCE}\n<answer>18</answer>\n{FENCE}", f"{FENCE}\n<answer>18</answer>\n{FENCE}"),
    ],
)
def test_answer_tags_are_taken_off(text: str, said: str) -> None:
    assert set_apart(text).text == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        f"Use this:\n{FENCE}python\nprint('<think>')\n{FENCE}\nDone.",
        f"{FENCE}html\n<think>\nhi\n</think>\n{FENCE}\nis the form.",
        f"{FENCE}\nprint(1)\n{FENCE}\nand\n{FENCE}\n<think>\n{FENCE}",
        "    return '<think>' + text + '</think>'\n",
        'import re\n\ndef strip(s):\n    return re.sub(r"<think>.*?</think>", "", s)\n',
        "def strip(s):\n    return s.split('</think>')[-1]\n",
        'def strip(s):\n    return s.replace("\\n</think>\\n", "")\n',
        'TEMPLATE = """\n<think>\n{thought}\n</think>\n{answer}\n"""\n',
        "FORM = '''\n</think>\n'''\n",
        '    """Say.\n\n    <think>\n    aloud\n    </think>\n    """\n    return 1\n',
        'print("x </think> Y")',
        "The tag `<think>` opens a thought and `</think>` closes it.",
        "Models write <think> and </think> around thoughts.",
        "Models use\n<think> and </think> around thoughts.",
        "The closing tag is </think>.",
        "“</think>” is how it ends.",
        "Its channel is `<|channel|>analysis<|message|>`.",
        "1 < 2 and <b>bold</b> [THIS] is 5 > 4",
    ],
)
def test_a_mark_that_is_written_about_is_no_mark(text: str) -> None:
    completion = Completion(request="r", index=0, text=text, finish="stop")
    assert shown(completion) is completion
    assert not is_unended(completion)


def test_a_literal_mark_behind_a_thought_stays() -> None:
    code = f"{FENCE}python\nprint('</think>')\n{FENCE}"
    assert set_apart(f"<think>\nhm\n</think>\n\n{code}").text == code


def test_indentation_behind_a_thought_stays() -> None:
    assert set_apart("<think>\nhm\n</think>\n\n    return 1\n").text == "    return 1\n"


def test_letters_are_composed() -> None:
    assert set_apart("Montre\u0301al").text == "Montr\u00e9al"


def test_what_a_mark_closes_was_not_cut() -> None:
    cut = Completion(request="r", index=0, text="<answer>18</answer>\nand so", finish="length")
    assert (shown(cut).text, shown(cut).finish) == ("18", "stop")
    thought = Completion(request="r", index=0, text="<think>hm</think>The answer is 1", finish="length")
    assert (shown(thought).text, shown(thought).finish) == ("The answer is 1", "length")


QWEN = "{% if '</mind>' in message.content %}{{ message.content.split('</mind>')[-1] }}{% endif %}"
BETWEEN = "{{ '<plan:own>' + message.reasoning_content + '</plan:own>' + message.content }}"
OPENED = "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<scratch>\\n' }}{%- endif %}"
BARS = "{{ '<|START_MUSING|>' + message['thinking'] + '<|END_MUSING|>' }}"


@pytest.mark.parametrize(
    ("template", "pairs"),
    [
        (QWEN, (("<mind>", "</mind>"),)),
        (BETWEEN, (("<plan:own>", "</plan:own>"),)),
        (OPENED, (("<scratch>", "</scratch>"),)),
        (BARS, (("<|START_MUSING|>", "<|END_MUSING|>"),)),
        (QWEN.replace("mind", "think"), ()),
        ("{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}", ()),
        ("{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}", ()),
        ("{{ '<tool_call>' + (message.tool_calls | tojson) + '</tool_call>' }}", ()),
        ("{% set content = content.split('</tool_response>')[0] %}", ()),
        ("{{ '<user>' + message.content + '</user>' }}", ()),
        ("", ()),
    ],
)
def test_a_template_declares_its_marks(template: str, pairs: Any) -> None:
    assert declared(template) == pairs


def test_declared_marks_are_marks() -> None:
    tags = declared(QWEN)
    assert set_apart(f"<mind>{WRONG}</mind>{RIGHT}", tags).text == RIGHT
    assert set_apart(f"{WRONG}</mind>{RIGHT}", tags).text == RIGHT
    assert set_apart(f"<mind>{WRONG}", tags).unended
    assert set_apart(f"<mind>{WRONG}</mind>{RIGHT}").text != RIGHT


class Careless:
    """A task that finds an answer in anything."""

    def __init__(self, correct: bool | None = True) -> None:
        self.correct = correct
        self.read: list[str] = []

    def problems(self) -> list[Problem]:
        return []

    def messages(self, problem: Problem) -> list[Any]:
        return []

    def answers(self, problem: Problem, completions: Any) -> list[str]:
        self.read += [completion.text for completion in completions]
        return [completion.text or "nothing" for completion in completions]

    def score(self, problem: Problem, completions: Any) -> list[Score]:
        self.read += [completion.text for completion in completions]
        return [Score(correct=self.correct) for _ in completions]


def drawn(*texts: str) -> list[Completion]:
    return [Completion(request="r", index=index, text=text, finish="stop") for index, text in enumerate(texts)]


def test_a_task_reads_what_was_said() -> None:
    task, problem = Careless(), Problem(id="p", prompt="q")
    samples = drawn(f"<think>{WRONG}</think>{RIGHT}", "<mind>a</mind>b", "<think>for ever")
    rows = list(score_problem(task, problem, [samples], contextlib.nullcontext(), declared(QWEN)))
    assert task.read == [RIGHT, "b", ""] * 2
    assert [row.answer for row in rows] == [RIGHT, "b", None]
    assert [row.correct for row in rows] == [True, True, False]
    assert [row.note for row in rows] == [None, None, UNENDED]


def test_where_nothing_is_right_or_wrong_an_unended_thought_is_neither() -> None:
    rows = list(score_problem(Careless(None), Problem(id="p", prompt="q"), [drawn("<think>")], contextlib.nullcontext()))
    assert (rows[0].answer, rows[0].correct) == (None, None)


def test_voters_are_given_what_was_said() -> None:
    samples = drawn("<think>a</think>b")
    rows = list(score_problem(Careless(), Problem(id="p", prompt="q"), [samples], contextlib.nullcontext()))
    assert [ballot.text for ballot in ballots(samples, rows)] == ["b"]


PIECES = st.sampled_from(
    [
        *(mark for pair in PAIRS for mark in pair),
        *("\n", "\n\n", "    ", "```", '"""', "'", "`", "a", "</answer>", "<answer>", ".", "e\u0301"),
        *("<|channel|>", "final", "<|message|>", "<|end|>", "\ud800", "\x00", "<|start|>assistant"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_is_taken_apart_without_complaint(text: str) -> None:
    said = set_apart(text)
    assert said.text == "" or not said.unended
    assert len(said.text) <= len(text)


def test_a_model_folder_declares_the_marks_of_its_templates(tmp_path: Path) -> None:
    named = [{"name": "default", "template": QWEN}, {"name": "tool_use", "template": BARS}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    (tmp_path / "chat_template.jinja").write_text(BETWEEN)
    pairs = (("<mind>", "</mind>"), ("<|START_MUSING|>", "<|END_MUSING|>"), ("<plan:own>", "</plan:own>"))
    assert thoughts_of(Weights(name="m", path=str(tmp_path))) == pairs


def pair_of(mine: str, theirs: str, **how: Any) -> Any:
    asked = make_problems(1)
    key = f"words/{asked[0].id}#use", 0
    sides = [{key: Completion(request=key[0], index=0, text=text, finish="stop")} for text in (mine, theirs)]
    return text_pairs("words", Judge(), asked, *sides, **how)


class Judge(Careless):
    """A task whose judge says the number of the better text."""

    def judge_messages(self, problem: Problem, first: str, second: str) -> list[Any]:
        return [{"role": "user", "content": f"{first} or {second}"}]

    def judge_verdict(self, text: str) -> Any:
        self.read.append(text)
        return {"1": "first", "2": "second"}.get(text)


def test_a_judge_reads_what_was_said_and_is_read_alike() -> None:
    tags, task = declared(QWEN), Judge()
    pairs = pair_of("<think>mine</think>Text 1 is better.", "<mind>theirs</mind>b", thoughts=tags)
    assert [(pair.mine, pair.theirs) for pair in pairs] == [("Text 1 is better.", "b")]
    asked = judge_requests("words", task, pairs)
    assert "mine" not in str(asked)
    verdicts = {
        (request.id, 0): Completion(request=request.id, index=0, text=f"<mind>1? 2?</mind>{number}", finish="stop")
        for request, number in zip(asked, "12", strict=True)
    }
    match = judge_outcomes("words", task, pairs, verdicts, tags)
    assert task.read == ["1", "2"]
    assert (match.wins, match.unreadable) == (1, 0)
