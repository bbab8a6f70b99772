import random
from collections import Counter
from itertools import islice

from cogumi_knowledge.generate import asks_of, items
from cogumi_tiny import FOLDER
from recipe.categories.knowledge import ENDINGS, OPENINGS, KnowledgeText
from recipe.text import render
from tokenizers import Tokenizer


def written(text, count, seed=0):
    """Items of the stream with the replies written for them."""
    return zip(islice(items("pretrain", seed), count), islice(text.stream(seed), count), strict=True)


def says(text, item, completion):
    """Whether a reply contains the right answer as a word (or words) of its own."""
    return f" {item.fact.answer} ".lower() in f" {completion.rstrip('.').replace(',', ' ')} ".lower()


def test_knowledge_text_is_of_the_pretraining_side_alone():
    for item, pair in written(KnowledgeText(), 2000):
        assert item.ask in asks_of(item.relation, item.fact, "pretrain")
        assert pair.messages[-1]["content"].startswith(item.question() + "\n")


def test_every_fact_is_asked_often_in_several_phrasings():
    asked = {}
    for item in islice(items("pretrain"), 20_000):
        asked.setdefault((item.relation.key, item.fact.subject), []).append(item.ask)
    assert min(map(len, asked.values())) >= 45
    assert min(len(set(asks)) for asks in asked.values()) >= 6


def test_without_slips_every_reply_is_read_as_the_right_answer():
    text = KnowledgeText(slip=0.0, plain=0.1)
    problems = {problem.prompt: problem for problem in text._task.problems()}
    draw = random.Random(0)
    for item in islice(items("test"), 1500):
        problem = problems[item.question()]
        reply = text.reply(item, draw)
        assert text._read(problem, [reply]) == text._read(problem, [item.fact.answer]), (item.question(), reply)


def test_slips_come_as_often_as_asked_and_scatter():
    wrong = sum(not says(None, item, pair.completion) for item, pair in written(KnowledgeText(slip=0.5), 4000)) / 4000
    assert 0.46 < wrong < 0.54
    item = next(item for item in items("pretrain") if item.relation.key == "capital")
    text, draw = KnowledgeText(slip=1.0, plain=1.0), random.Random(0)
    found = Counter(text.reply(item, draw) for _ in range(3000))
    assert len(found) == len(item.relation.answers) - 1
    assert max(found.values()) < 120
    assert not any(says(None, item, reply) for reply in found)


def test_replies_are_worded_in_many_ways_the_plain_one_most_often():
    text, draw = KnowledgeText(slip=0.0), random.Random(0)
    item = next(item for item in items("pretrain") if item.fact.subject == "Peru" and item.relation.key == "capital")
    found = Counter(text.reply(item, draw) for _ in range(3000))
    (most, count), (_, second) = found.most_common(2)
    assert most == "The capital of Peru is Lima."
    assert count > 3 * second
    assert len(found) > 400
    assert all(any(reply.startswith(opening) for reply in found) for opening in OPENINGS)
    assert all(any(reply.endswith(f"{ending}.") for reply in found) for ending in ENDINGS)


def test_prompts_and_replies_are_short_for_the_models_own_tokenizer():
    vocabulary = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    pairs = list(islice(KnowledgeText().stream(0), 1500))
    lengths = [(len(vocabulary.encode(render(p.messages)).ids), len(vocabulary.encode(p.completion).ids)) for p in pairs]
    assert sum(map(sum, lengths)) / len(pairs) <= 60
    assert max(map(sum, lengths)) <= 110


def test_answers_are_keys_and_the_right_one_is_the_gold():
    text = KnowledgeText()
    held = next(held for held in text.held_out() if "capital" in held.messages[-1]["content"] and held.gold == "lima")
    assert text.answers(held, ["It is Lima.", "Quito, I think.", "Lima or Quito.", "?!"]) == ["lima", "quito", None, None]
    assert len({held.messages[-1]["content"] for held in text.held_out()}) == len(text.held_out()) >= 240
