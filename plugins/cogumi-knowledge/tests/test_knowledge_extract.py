import random

import pytest
from cogumi_knowledge.extract import read
from cogumi_knowledge.normal import key
from hypothesis import given, settings
from hypothesis import strategies as st

PERU = "What is the capital of Peru?"
LEGS = "How many legs does a spider have?"


def answer(completion, question=PERU, **how):
    found = read(completion, question, **how)
    return None if found is None or found.several else key(found.text)


@pytest.mark.parametrize(
    "completion",
    [
        "Lima",
        "Lima.",
        "lima",
        "**Lima**",
        "  Lima\n",
        '"Lima"',
        "Lima!",
        "Sure! Lima.",
        "Certainly. Lima",
        "Lima, I believe.",
        "Lima, as far as I know.",
        "I think Lima.",
        "Probably Lima.",
        "It is Lima.",
        "It's Lima.",
        "It’s Lima!",
        "That would be Lima.",
        "I believe that it is Lima, if I remember correctly.",
        "The answer is Lima.",
        "The correct answer is: **Lima**.",
        "Answer: Lima",
        "**Answer:** Lima",
        "Answer:\nLima",
        "The answer to your question is Lima.",
        "Final answer: Lima",
        "$\\boxed{Lima}$",
        "\\boxed{\\text{Lima}}",
        "The capital of Peru is Lima.",
        "The capital of Peru is **Lima**, which is also its largest city.",
        "The capital city of Peru is called Lima.",
        "Peru's capital is Lima.",
        "The capital is Lima.",
        "Lima is the capital of Peru.",
        "Lima is the capital and largest city of Peru.",
        "Lima has been the capital of Peru since 1535.",
        "Yes, Lima is the capital of Peru.",
        "Well, I am quite sure the capital of Peru is Lima, of course.",
        "The capital of Peru, which is in South America, is Lima.",
        "The capital of Peru is:\n\n**Lima**",
        "Lima (Peru)",
        "Lima, Peru",
        "Lima - the city of kings.",
        "Lima. It is a city on the coast, founded by Pizarro.",
        "Lima\n\nExplanation: it was founded in 1535.",
        "Great question! The capital of Peru is Lima.",
        "Let me think about this for a moment. The capital of Peru is Lima.",
        "I know this one. It is Lima.",
        "Cusco was important, but the answer is Lima.",
        "Is it Cusco? No. The capital of Peru is Lima.",
        "Cusco is not the capital of Peru. The capital of Peru is Lima.",
        "- The capital of Peru is Lima.\n- It was founded by Pizarro, and it lies on the coast.",
        "Lima\n\nQuestion: What is the capital of Chile?\nThe answer is Santiago.",
        "Question: What is the capital of Peru?\nAnswer: Lima",
        "Lima<|im_end|>\nThe answer is Quito.",
    ],
)
def test_what_chat_models_write_when_they_mean_lima(completion):
    assert answer(completion) == "lima"


@pytest.mark.parametrize(
    ("question", "completion", "expected"),
    [
        (LEGS, "8", "8"),
        (LEGS, "Eight legs.", "eight"),
        (LEGS, "A spider has 8 legs.", "8"),
        (LEGS, "Spiders have eight legs.", "eight"),
        (LEGS, "There are 8 legs on a spider.", "8"),
        ("How many planets does the solar system have?", "The solar system has 8 planets.", "8"),
        ("Who wrote Dracula?", "Bram Stoker wrote Dracula.", "bram stoker"),
        ("Who wrote Dracula?", "Dracula was written by Bram Stoker in 1897.", "bram stoker in 1897"),
        ("Who wrote Dracula?", "Dracula was written by the Irish author Bram Stoker.", "irish author bram stoker"),
        ("Who wrote The Hobbit?", "J. R. R. Tolkien. He was a professor.", "j r r tolkien"),
        ("Who wrote The Hobbit?", "The Hobbit was written by J. R. R. Tolkien.", "j r r tolkien"),
        ("Who was the first man on the moon?", "The man who was first on the moon is Neil Armstrong.", "neil armstrong"),
        ("Who was the first man on the moon?", "Neil Armstrong was the first man on the moon.", "neil armstrong"),
        ("Which Lewis won the Nobel Prize in 1930?", "Sinclair Lewis won the Nobel Prize in 1930.", "sinclair lewis"),
        ("What is the plural of fish?", "The plural of fish is fish.", "fish"),
        ("What is the plural of potato?", "Potatoes is the plural of potato.", "potatoes"),
        ("What is the past tense of make?", "The past tense of make is made.", "made"),
        ("What is the past tense of win?", "Won.", "won"),
        ("What is the opposite of left?", "The opposite of left is right.", "right"),
        ("What is the opposite of left?", "Right, I believe.", "right"),
        ("What do you call a person who bakes bread?", "A person who bakes bread is called a baker.", "baker"),
        ("What do you call a person who bakes bread?", "A baker is a person who bakes bread.", "baker"),
        ("What is the currency of Japan?", "Japan uses the yen.", "yen"),
        ("Which river flows through Cologne?", "The Rhine flows through Cologne.", "rhine"),
        ("Which river flows through Cologne?", "The river that flows through Cologne is the Rhine.", "rhine"),
        ("Which language do people speak in Brazil?", "People in Brazil speak Portuguese.", "portuguese"),
        ("What is the symbol of carbon?", "The symbol of carbon is C. It stands for carbonium.", "c"),
        ("Which city is on the Mississippi?", "St. Louis. It is in Missouri.", "st louis"),
        ("Is water wet?", "Yes.", "yes"),
        ("How many people live there?", "1,000,000", "1 000 000"),
    ],
)
def test_sentences_about_other_things(question, completion, expected):
    assert answer(completion, question) == expected


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " \n",
        "?!",
        "Lima or Cusco",
        "Either Lima or Cusco.",
        "It is Lima or Cusco.",
        "The capital of Peru is Lima or Cusco.",
        "The answer is Lima or maybe Cusco.",
        "Lima (or Cusco)",
        "Lima - or Cusco",
        "Lima. Or Cusco.",
        "Lima, Cusco, Arequipa",
        "Lima/Cusco",
        "Lima\nCusco\nArequipa",
        "- Lima\n- Cusco",
        "1. Lima\n2. Cusco",
        "The answer is not Cusco.",
        "The capital of Peru is not Cusco.",
        "The capital of Peru isn't Cusco.",
        "I do not know.",
        "I don't know the capital of Peru.",
        "I'm sorry, I cannot answer that.",
        "The capital of Peru is unknown.",
        "I am not sure what the capital of Peru is.",
        "What is the capital of Peru?",
        "Is it Lima?",
        "Peru is a country in South America.",
        "Many people would like to know that.",
        "Let me think.",
        "Lima " * 30,
    ],
)
def test_no_answer(completion):
    assert answer(completion) is None


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("The capital of Peru is Li", None),
        ("Lima", None),
        ("The answer is Li", None),
        ("Lima.", "lima"),
        ("Lima. It is a city on the", "lima"),
        ("The capital of Peru is Lima. It lies", "lima"),
        ("Lima\nIt is", "lima"),
    ],
)
def test_a_cut_completion_is_read_up_to_its_last_whole_sentence(completion, expected):
    assert answer(completion, cut=True) == expected


def test_the_whole_statement_and_its_bare_form_may_both_be_compared():
    assert read("It is Washington, D.C., the capital.", "Where does the president live?").forms == (
        "Washington, D.C., the capital",
        "Washington, D.C",
    )
    assert read("Lima, Peru", PERU).forms == ("Lima, Peru", "Lima")


PIECES = (
    "Lima", " is ", " the capital", " of Peru", ". ", ", ", "\n", "answer", ": ", "\\boxed{", "}", "or ", "not ", "I am ",
    "It's ", "Well, ", "J. ", "A. ", "\n- ", "1. ", "<think>", "</think>", "Question:", "(", " - ", "\ud800", "\x00", "8 ",
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)), st.booleans())
def test_any_text_is_read_without_complaint(completion, cut):
    for question in (PERU, LEGS, "", "?"):
        found = read(completion, question, cut=cut)
        assert found is None or (all(found.forms) and key(found.text))


@pytest.mark.parametrize(
    "piece", [*PIECES, "\n ", " ", "\t\n", "well, ", "is ", "answer is ", "A. B ", ", and", "_", "(((", "a/b "]
)
def test_long_repetitions_are_read(piece):
    for completion in (piece * 20_000, "The capital of Peru is Lima. " + piece * 20_000, piece * 20_000 + "It is Lima."):
        read(completion, PERU)
        read(completion, PERU, cut=True)


def test_reading_does_not_depend_on_chance():
    texts = ["It is Lima.", "Lima or Cusco", "Quito, I think", "no"] * 5
    expected = {text: answer(text) for text in texts}
    random.Random(0).shuffle(texts)
    assert all(answer(text) == expected[text] for text in texts)


WAR = "In what year did the Second World War end?"


@pytest.mark.parametrize(
    ("question", "completion", "expected"),
    [
        (WAR, "It ended in 1945.", "1945"),
        (WAR, "World War II ended in 1945.", "1945"),
        (WAR, "In 1945.", "1945"),
        (WAR, "in the year 1945", "1945"),
        (WAR, "The war ended in the year 1945.", "1945"),
        (WAR, "It came to an end in 1945.", "1945"),
        (WAR, "That happened in 1945.", "1945"),
        (WAR, "It was in 1945.", "1945"),
        (WAR, "It ended in 1945, after six years.", "1945"),
        ("When did the Berlin Wall fall?", "The Berlin Wall fell in 1989.", "1989"),
        ("When did the Berlin Wall fall?", "It fell in 1989.", "1989"),
        ("When did Mozart die?", "Mozart died in 1791.", "1791"),
        ("When did Columbus reach America?", "He reached America in 1492.", "1492"),
        ("When was the Eiffel Tower built?", "It was built in 1889.", "1889"),
        ("When was the Eiffel Tower built?", "The Eiffel Tower was completed in 1889.", "1889"),
        ("Where was Einstein born?", "He was born in Ulm.", "ulm"),
        ("Where was Einstein born?", "Einstein was born in Ulm.", "ulm"),
        ("Where do penguins live?", "Penguins live in Antarctica.", "antarctica"),
        ("Where do penguins live?", "They live in Antarctica.", "antarctica"),
        ("What did Bell invent?", "He invented the telephone.", "telephone"),
        ("Who invented the telephone?", "It was invented by Alexander Bell.", "alexander bell"),
        ("Who wrote Dracula?", "By Bram Stoker", "bram stoker"),
        ("Who won the race?", "The race was won by Ann.", "ann"),
        ("Which is the first letter?", "The letter A.", "a"),
    ],
)
def test_what_ties_an_answer_to_the_question_is_no_part_of_it(question, completion, expected):
    assert answer(completion, question) == expected


def test_a_title_may_begin_like_that_all_the_same():
    assert "In Bruges" in read("In Bruges", "Which film is set in Belgium?").forms
    assert "The Year of Living Dangerously" in read("The Year of Living Dangerously.", "Which film is it?").forms


def test_a_sentence_that_says_the_question_again_is_no_answer_to_it():
    assert answer("He invented the telephone.", "Who invented the telephone?") is None
