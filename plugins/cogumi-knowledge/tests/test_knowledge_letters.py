import pytest
from cogumi_knowledge.letters import letter
from hypothesis import given, settings
from hypothesis import strategies as st

CHOICES = ["You get sick", "The seeds pass through your body", "Nothing, I think", "A tree grows in you"]


@pytest.mark.parametrize(
    "completion",
    [
        "The answer is B.",
        "The answer is (B).",
        "**The answer is B.** The seeds pass through.",
        "The correct answer is **B**",
        "Answer: B",
        "Answer: B. The seeds pass through your body",
        "Final answer: b",
        "\\boxed{B}",
        "\\boxed{\\text{B}}",
        "B",
        "b",
        "(B)",
        "B.",
        "B) The seeds pass through your body",
        "B. The seeds pass through your body",
        "B: it is true",
        "B - they pass",
        "**B**\n\nThe seeds are not digested.",
        "Option B",
        "Option (B) is correct.",
        "The correct choice is B.",
        "I would choose B.",
        "It is B.",
        "Sure! B.",
        "I think it's B.",
        "(B) is the true one.",
        "The seeds pass through your body.",
        "The answer is the seeds pass through your body.",
        "The answer is B. The answer is A.",
        "Let us see. A is a myth, and so is D. The answer is B.",
    ],
)
def test_what_chat_models_write_when_they_mean_b(completion):
    assert letter(completion, CHOICES) == "B"


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "?!",
        "E",
        "The answer is E.",
        "A or B",
        "A, B",
        "A and B",
        "A/B",
        "(A) or (B)",
        "The answer is A or B.",
        "The answer is either.",
        "A cat does.",
        "A tree",
        "A tree does grow there.",
        "I do not know.",
        "Both are true.",
        "None of the above",
        "Because of B12.",
    ],
)
def test_no_letter(completion):
    assert letter(completion, CHOICES) is None


def test_a_cut_statement_does_not_count_and_a_whole_one_does():
    assert letter("Well. The answer is B", CHOICES, cut=True) is None
    assert letter("The answer is B. The seeds", CHOICES, cut=True) == "B"


def test_choices_named_word_for_word_count_with_commas_and_articles():
    assert letter("Nothing, I think", CHOICES) == "C"
    assert letter("A tree grows in you.", CHOICES) == "D"


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(["A", "B", " or ", "The answer is ", "(", ")", ".", "\n", " ", "**", "is"])).map("".join)
)
def test_any_text_is_read_without_complaint(completion):
    assert letter(completion, CHOICES) in (None, "A", "B", "C", "D")
    assert letter(completion, CHOICES[:1]) in (None, "A")


@pytest.mark.parametrize("piece", [" ", "\n", "(", "A ", "A, ", "option ", "well, ", "answer is "])
def test_long_repetitions_are_read(piece):
    letter(piece * 30_000, CHOICES)
    letter(piece * 30_000 + "The answer is B.", CHOICES)
