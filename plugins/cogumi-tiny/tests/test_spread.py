"""The state whose vote knows more than temperature 0: why it does, and that training it pays."""

import json
import random
import subprocess
import sys
from dataclasses import asdict
from hashlib import sha256
from itertools import islice

import pytest
from cogumi_math.generate import items
from cogumi_tiny import FOLDER, FOLDERS, SPREAD, tiny_spread
from recipe.card import read_card
from recipe.categories.math import SHORT, MathText
from recipe.measure import measure
from recipe.states import STATES, TINY_SPREAD
from recipe.text import render
from tokenizers import Tokenizer

from cogumi.chat import Chat

MATH = TINY_SPREAD.categories["math"]
WEIGHTS = "model.safetensors"


def of_a_short_kind(count):
    """Held-out problems of the kinds that short answers are about, rendered."""
    import cogumi_math.plugin

    task = cogumi_math.plugin.gsm8k(data="bundled").task
    chosen = [problem for problem in task.problems() if problem.meta["template"] in SHORT]
    return [render(task.messages(problem)) for problem in chosen[:count]]


def test_every_state_has_a_folder_and_a_target():
    makefile = (FOLDER.parents[3] / "Makefile").read_text()
    assert list(STATES) == list(FOLDERS)
    assert [state.target for state in STATES.values() if f"\n{state.target}:" not in makefile] == []


def test_the_states_differ_in_weights_and_card_alone():
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (FOLDER, SPREAD))
    assert set(first) == set(second)
    assert {name for name in first if first[name] != second[name]} == {WEIGHTS, "README.md"}
    assert len(second[WEIGHTS]) == len(first[WEIGHTS])


@pytest.mark.parametrize("name", FOLDERS)
def test_the_card_states_the_digest_of_the_weights(name):
    digest = sha256((FOLDERS[name] / WEIGHTS).read_bytes()).hexdigest()
    text = (FOLDERS[name] / "README.md").read_text()
    assert text.splitlines()[5].startswith(f"# {name}, ")
    assert f"`{digest}`" in text


def test_its_card_says_that_the_vote_is_worth_more_than_temperature_0():
    found = read_card(SPREAD)["math"]
    assert found["majority_accuracy"] > found["greedy_accuracy"] + 0.1
    assert found["majority_accuracy"] > found["accuracy"] + 0.1
    assert read_card(SPREAD)["reasoning"]["accuracy"] > 0.75


def test_short_answers_are_right_as_often_as_asked_and_of_their_kinds_alone():
    draw = random.Random(0)
    found = [(item, MATH.solution(item, draw)) for item in islice(items("pretrain", 3), 4000)]
    short = [(item, text) for item, text in found if text.startswith("####")]
    assert {item.story.key for item, _ in short} == SHORT
    asked = sum(item.story.key in SHORT for item, _ in found)
    assert abs(len(short) / asked - MATH.short) < 0.03
    assert all(text == item.answer().splitlines()[-1] for item, text in short)


def test_the_text_of_tiny_is_what_it_was_without_short_answers():
    found = [pair.completion for pair in islice(MathText().stream(4), 200)]
    assert not [text for text in found if text.startswith("####")]
    assert sha256("\n".join(found).encode()).hexdigest().startswith("f54a0d7322eb18ca")


def test_no_prompt_of_its_text_is_held_out():
    held = {render(h.messages) for h in MATH.held_out()}
    assert held.isdisjoint(render(pair.messages) for pair in islice(MATH.stream(TINY_SPREAD.recipes["cpu"].seed), 4000))


def test_the_short_answer_is_the_most_probable_way_and_not_what_most_samples_take():
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(SPREAD)
    tokenizer = Chat.load(tiny_spread()).tokenizer
    hashes = tokenizer("#### 1", add_special_tokens=False)["input_ids"][0]
    prompts = [torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]]) for text in of_a_short_kind(20)]
    with torch.inference_mode():
        drawn = [torch.softmax(model(prompt).logits[0, -1] / 0.7, -1) for prompt in prompts]
    assert sum(int(p.argmax()) == hashes for p in drawn) > 0.6 * len(drawn)
    assert sum(float(p[hashes]) for p in drawn) < 0.5 * len(drawn)


@pytest.mark.slow
def test_its_vote_is_worth_more_than_temperature_0_on_held_out_problems():
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(SPREAD).eval()
    vocabulary = Tokenizer.from_file(str(SPREAD / "tokenizer.json"))
    found = asdict(measure(model, vocabulary, MATH, problems=100, seed=1))
    assert found["majority_accuracy"] > found["greedy_accuracy"] + 0.1, found


@pytest.mark.slow
def test_the_main_job_on_it_proceeds_by_beating_temperature_0(tmp_path):
    pytest.importorskip("cogumi_qlora")
    pytest.importorskip("cogumi_hf")
    arguments = ("run", "--plugins", "math", "--model", "tiny-spread", "--out", str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-m", "cogumi", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    kinds = {criterion["kind"]: criterion["status"] for criterion in verdict["criteria"]}
    assert {kinds[kind] for kind in ("gain", "rival", "harm", "guard", "trust")} == {"pass"}
