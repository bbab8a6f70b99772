import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from cogumi_knowledge import generate
from cogumi_knowledge.facts import RELATIONS
from cogumi_knowledge.normal import normalise

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test")
FACTS = [(relation, fact) for relation in RELATIONS for fact in relation.facts]


def bundled(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def words(text):
    return " ".join(re.findall(r"\w+", text.lower()))


def test_bundled_files_are_what_the_generator_writes(tmp_path):
    assert generate.main(["--out", str(tmp_path)]) == 0
    for side in SIDES:
        assert (tmp_path / f"{side}.jsonl").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


@pytest.mark.parametrize(("side", "least"), [("train", 1000), ("test", 240)])
def test_bundled_files_hold_enough_different_problems(side, least):
    rows = bundled(side)
    assert len({words(row["question"]) for row in rows}) == len(rows) >= least
    assert all(set(row) == {"question", "answer", "aliases"} for row in rows)


def test_no_question_is_on_two_sides():
    every = {
        side: {
            words(generate.Item(relation=relation, fact=fact, ask=ask).question())
            for relation, fact in FACTS
            for ask in generate.asks_of(relation, fact, side)
        }
        for side in ("pretrain", *SIDES)
    }
    assert not every["pretrain"] & every["train"]
    assert not every["pretrain"] & every["test"]
    assert not every["train"] & every["test"]
    assert all(words(row["question"]) in every[side] for side in SIDES for row in bundled(side))


def test_every_fact_is_on_every_side_and_so_is_every_phrasing():
    for side in ("pretrain", *SIDES):
        used = Counter((relation.key, ask) for relation, fact in FACTS for ask in generate.asks_of(relation, fact, side))
        assert {key for key, _ in used} == {relation.key for relation in RELATIONS}
        if side == "pretrain":
            assert set(used) == {(relation.key, ask) for relation in RELATIONS for ask in relation.asks}
            assert min(used.values()) >= 9  # facts a phrasing is seen with


def test_facts_are_plain_and_no_fact_stands_twice():
    subjects = Counter((relation.key, fact.subject) for relation, fact in FACTS)
    assert max(subjects.values()) == 1
    assert 350 <= len(FACTS) <= 500
    for relation, fact in FACTS:
        accepted = [normalise(text) for text in (fact.answer, *fact.aliases)]
        assert all(accepted), fact
        assert len(set(accepted)) == len(accepted), fact
        assert fact.answer.lower() not in fact.subject.lower().split() or fact.answer == fact.subject, fact
        assert len(relation.answers) >= 15, relation.key


def test_no_alias_of_one_answer_is_another_answer_of_the_relation_unless_it_means_the_same():
    clashes = {
        (fact.answer, other)
        for relation, fact in FACTS
        for other in relation.answers
        if other != fact.answer and normalise(other) in {normalise(alias) for alias in fact.aliases}
    }
    assert clashes == {("puppy", "pup")}


def test_every_phrasing_reads_well_with_its_words():
    for relation, fact in FACTS:
        for ask in relation.asks:
            question = generate.Item(relation=relation, fact=fact, ask=ask).question()
            assert "{" not in question
            assert question[0].isupper() or question[0].isdigit()
            assert question[-1] in ".?"
            assert "  " not in question


def test_the_pretraining_side_is_unlimited_and_a_function_of_its_seed():
    def asked(seed):
        return [item.question() for item in islice(generate.items("pretrain", seed), 3 * len(FACTS))]

    assert asked(3) == asked(3) != asked(4)
    subjects = [(item.relation.key, item.fact.subject) for item in islice(generate.items("pretrain"), len(FACTS))]
    assert len(set(subjects)) == len(FACTS)
