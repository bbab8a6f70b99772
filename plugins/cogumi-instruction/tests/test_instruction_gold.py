import json

import pytest
from cogumi_instruction import gold
from cogumi_instruction.checkers import constraint, strict
from cogumi_instruction.plugin import ifeval, instruction

IMPOSSIBLE = {
    "ifeval-1627": "no commas, and a request to repeat that holds some",
    "ifeval-3718": "no commas, and a request to repeat that holds some",
    "ifeval-3369": "the word at most once, and a request to repeat that holds it twice",
    "ifeval-3371": "forbidden words, and a request to repeat that holds them",
    "ifeval-374": "forbidden words, and a request to repeat that holds them",
}
"""Real prompts that no text can follow, and why."""


def test_the_gold_of_every_real_prompt_scores_one_but_where_none_can(real, said):
    task = ifeval(data=str(real)).task
    problems = task.problems()
    assert len(problems) == 541
    failed = {p.id for p in problems if not task.score(p, said(task.gold(p)))[0].correct}
    assert failed == set(IMPOSSIBLE)


def test_what_is_called_impossible_contradicts_itself(rows):
    for row in rows:
        if f"ifeval-{row['key']}" in IMPOSSIBLE:
            found = dict(zip(row["instruction_id_list"], row["kwargs"], strict=True))
            request = found.pop("combination:repeat_prompt")["prompt_to_repeat"]
            rest = [constraint(*pair) for pair in found.items()]
            broken = [each for each, met in zip(rest, strict(rest, request), strict=True) if not met]
            absences = ("punctuation:no_comma", "keywords:frequency", "keywords:forbidden_words")
            assert [each.instruction for each in broken if each.instruction in absences]


@pytest.mark.parametrize("make", [instruction, ifeval])
def test_every_bundled_gold_scores_one_and_garbage_less(said, make):
    task = make(data="bundled").task
    lucky = 0
    for problem in task.problems():
        good, odd, empty = task.score(problem, said(task.gold(problem), "?!", ""))
        assert good.correct, problem
        assert set(good.metrics.values()) == {1.0}
        assert (empty.correct, sum(empty.metrics.values())) == (False, 0.0)
        lucky += odd.correct is True
    assert lucky < 0.25 * len(task.problems())  # "?!" has no commas and few words


def test_garbage_scores_below_on_real_prompts(real, said):
    task = ifeval(data=str(real)).task
    found = [task.score(problem, said("?!", "")) for problem in task.problems()]
    assert sum(odd.correct for odd, _ in found) < 0.15 * len(found)
    assert not any(empty.correct for _, empty in found)


def test_constraints_are_met_together():
    text = gold.conforming(
        [
            constraint("startend:quotation", {}),
            constraint("detectable_format:title", {}),
            constraint("change_case:english_lowercase", {}),
            constraint("punctuation:no_comma", {}),
            constraint("keywords:frequency", {"keyword": "tea", "frequency": 3, "relation": "at least"}),
            constraint("length_constraints:number_words", {"num_words": 40, "relation": "at least"}),
            constraint("startend:end_checker", {"end_phrase": "that is all"}),
        ]
    )
    assert text[0] == text[-1] == '"'
    assert text.count("tea") == 3
    assert "<<" in text
    assert text.islower()
    assert len(text.split()) >= 40


def test_json_holds_the_keywords():
    text = gold.conforming(
        [constraint("detectable_format:json_format", {}), constraint("keywords:existence", {"keywords": ["tea", "cup"]})]
    )
    assert {"tea", "cup"} <= set(json.loads(text)["text"].split())


def test_what_cannot_be_met_together_is_met_as_far_as_it_goes():
    both = [constraint("change_case:english_capital", {}), constraint("change_case:english_lowercase", {})]
    assert sum(strict(both, gold.conforming(both))) == 1
