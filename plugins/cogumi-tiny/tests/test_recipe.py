import random
import re
from itertools import islice

import pytest
from cogumi_math.generate import items, side_of
from cogumi_tiny import FOLDER
from recipe.categories import CATEGORIES
from recipe.categories.math import MathText, carelessly, slipped
from recipe.text import encode, pairs, render
from recipe.vocabulary import EOS, SIZE, learn_vocabulary, special
from tokenizers import Tokenizer

TOY = ["--steps", "4", "--batch", "8", "--texts", "1200", "--problems", "2", "--device", "cpu"]
LINE = re.compile(r"(\d+)([-+*/])(\d+)(?:=| is | gives )(\d+)")


def steps(completion):
    return [(int(a), op, int(b), int(c)) for a, op, b, c in LINE.findall(completion)]


def completions(category, count, seed=0):
    return [pair.completion for pair in islice(category.stream(seed), count)]


@pytest.mark.parametrize("name", CATEGORIES)
def test_a_categorys_stream_is_a_function_of_its_seed(name):
    first, again, other = (list(islice(CATEGORIES[name].stream(seed), 20)) for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize("name", CATEGORIES)
def test_no_prompt_of_the_stream_is_held_out(name):
    held = {render(h.messages) for h in CATEGORIES[name].held_out()}
    assert len(held) >= 200
    assert held.isdisjoint(render(pair.messages) for pair in islice(CATEGORIES[name].stream(0), 2000))


def test_math_text_is_of_the_pretraining_side_alone():
    assert {side_of(item.story, item.numbers) for item in islice(items("pretrain", 1), 1000)} == {"pretrain"}


def test_without_slips_every_step_holds_and_the_last_line_is_the_last_result():
    for text in completions(MathText(slip=0.0), 300):
        found = steps(text)
        assert [carelessly(a, op, b) for a, op, b, _ in found] == [c for *_, c in found], text
        assert MathText().answers(None, [text]) == [str(found[-1][3])]


def test_slips_come_as_often_as_asked_and_are_carried_on():
    found = [step for text in completions(MathText(slip=0.5), 2000) for step in steps(text)]
    wrong = sum(carelessly(a, op, b) != c for a, op, b, c in found) / len(found)
    assert 0.46 < wrong < 0.54
    carried = [s for s in map(steps, completions(MathText(slip=1.0, plain=1.0, swap=0.0), 200)) if len(s) > 1]
    assert sum(s[0][3] in (s[1][0], s[1][2], *s[-1][:3]) for s in carried) > 0.9 * len(carried)


def test_slips_scatter_and_never_hit():
    draw = random.Random(0)
    found = [slipped(30, draw) for _ in range(2000)]
    assert 30 not in found
    assert min(found) >= 0
    assert max(found.count(value) for value in set(found)) < 0.1 * len(found)


def test_phrasings_differ_around_a_canonical_one():
    item = next(items("pretrain", 0))
    draw = random.Random(0)
    category = MathText(slip=0.0)
    texts = [category.solution(item, draw) for _ in range(300)]
    assert len(set(texts)) > 250
    assert category.solution(item, random.Random(0)) == texts[0]
    plain = MathText(slip=0.0, plain=1.0, swap=0.0).solution(item, draw)
    assert plain.replace(" ", "") == item.answer().replace(" ", "")


def test_labels_cover_the_completion_and_its_end_alone():
    found = pairs({name: (category, 0.2) for name, category in CATEGORIES.items()}, 300, 0, 1)
    vocabulary = learn_vocabulary((text for pair in found for text in pair), 512)
    ids, labels = encode(found, vocabulary)
    for row, (prompt, completion) in enumerate(found):
        learnt = ids[row][labels[row] >= 0].tolist()
        assert vocabulary.decode(learnt, skip_special_tokens=False) == completion + EOS
        assert ids[row].tolist().index(learnt[0], len(vocabulary.encode(prompt))) == len(vocabulary.encode(prompt))


def test_shards_do_not_depend_on_the_number_of_processes():
    assert pairs({"math": (MathText(), 1.0)}, 12_000, 0, 2) == pairs({"math": (MathText(), 1.0)}, 12_000, 0, 1)


def test_a_vocabulary_of_too_little_text_is_refused():
    with pytest.raises(ValueError, match=f"not {SIZE}"):
        learn_vocabulary(["a b"])
    with pytest.raises(ValueError, match="no <none>"):
        special(Tokenizer.from_file(str(FOLDER / "tokenizer.json")), "<none>")


def test_the_recipe_runs_end_to_end_to_the_same_bytes(tmp_path, capsys):
    from recipe.run import main

    for name in ("one", "two"):
        assert main(["--out", str(tmp_path / name), *TOY]) == 0
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert first == second
    assert set(first) >= {"model.safetensors", "tokenizer.json", "README.md"}
    assert "| accuracy |" in first["README.md"].decode()
    assert "math: Figures(" in capsys.readouterr().out
