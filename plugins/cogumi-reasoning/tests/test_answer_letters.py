import pytest
from cogumi_reasoning.extract import final_letter
from hypothesis import given, settings
from hypothesis import strategies as st

CHOICES = ["drum", "a plum", "B. F. Skinner", "True, False"]


def letter(completion, choices=CHOICES, **how):
    return final_letter(completion, choices, **how)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "{}.",
        "({})",
        "**{}**",
        "{})",
        "`{}`",
        "Answer: {}",
        "**Answer:** {}",
        "Answer:\n{}",
        "ANSWER: ({})",
        "The answer is {}.",
        "The answer is ({}).",
        "The answer is: {}",
        "The answer is **{}**.",
        "The answer is option {}.",
        "The answer is {} because it is so.",
        "The answer is {}, a good one.",
        "The correct answer is ({}).",
        "The correct option is {}.",
        "The answer to the question is {}.",
        "The answer is most likely {}.",
        "The final answer is $\\boxed{{{}}}$.",
        "\\boxed{{\\text{{{}}}}}",
        "\\boxed{{({})}}",
        "Option {} is correct.",
        "({}) is the right answer.",
        "I would choose {}.",
        "I'd go with option ({}).",
        "A dog is no fruit. A drum is none, either.\nThe answer is {}.",
        "Let us think.\n\n{}",
        "The answer is {}.\n\nQuestion: What else?\nThe answer is A or B. The answer is C. The answer is D.",
        "The answer is {}.<|im_end|>The answer is A. The answer is C.",
    ],
)
@pytest.mark.parametrize("right", ["A", "B", "C", "D"])
def test_a_stated_letter_is_read(form, right):
    assert letter(form.format(right)) == right


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("the answer is b.", "B"),
        ("(d)", "D"),
        ("B. a plum", "B"),
        ("(B) a plum\n\nPlums are fruits.", "B"),
        ("**D. True, False**", "D"),
        ("a plum", "B"),
        ("Drum.", "A"),
        ("The answer is a plum.", "B"),
        ('The answer is "True, False".', "D"),
        ("The answer is B. F. Skinner.", "C"),
        ("The answer is drum. It is loud.", "A"),
        ("\\boxed{\\text{a plum}}", "B"),
        ("A. drum: no\nB. a plum: yes\nThe answer is B.", "B"),
        ("Not A. Not C.\nSo the answer is B.", "B"),
    ],
)
def test_other_ways_to_say_it(completion, expected):
    assert letter(completion) == expected


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " \n",
        "?!",
        "A dog is an animal.",
        "The answer is A dog.",
        "The answer is A drum that is loud.",
        "The answer is A or B.",
        "The answer is A, B and C.",
        "The answer is (A) or (B).",
        "The answer is A/B.",
        "The answer is E.",
        "The answer is not B.",
        "Is the answer B? Who knows.",
        "The answer is AB.",
        "The answer is A-level work.",
        "The answer is A's.",
        "The answer is D.C.",
        "Neither A nor B is correct.",
        "B because",
        "A. drum\nB. a plum\nC. B. F. Skinner\nD. True, False",
        "Pick an option:\nA. Loud\nB. Sweet",
        "The drum is loud",
        "\\boxed{}",
        "\\boxed{E}",
        "grade A",
        "vitamin C",
    ],
)
def test_what_states_no_letter(completion):
    assert letter(completion) is None


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("The answer is A. The answer is B.", None),
        ("The answer is A.\nNo, wait.\nThe answer is B.", "B"),
        ("The answer is A.\nFinal answer: B.\nOr was it A, or C?", "B"),
        ("The answer is A. \\boxed{B} is what I mean. The answer is C.", "B"),
        ("\\boxed{A} and \\boxed{B}", None),
        ("The answer is B. The answer is B.", "B"),
        ("The answer is A.\nThe answer is drum.", "A"),
        ("The answer is B.\nI mean drum.\nAnswer: drum", "A"),
        ("The answer is A. Wait, that is wrong. The answer is B. It is sweet.", "B"),
        ("Answer: A ... no, Answer: B\nIs it?", "B"),
        ("The answer is A. No, B.\nIt is sweet.", "B"),
        ("The answer is A. B is wrong. The answer is A.", "A"),
        ('The answer is D. The answer is the letter "A".', None),
    ],
)
def test_different_statements_are_none_unless_a_final_one_decides(completion, expected):
    assert letter(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("The answer is B", None),
        ("The answer is (B", None),
        ("B", None),
        ("a plum", None),
        ("The answer is drum", None),
        ("The answer is B.", "B"),
        ("The answer is B\n", "B"),
        ("\\boxed{B}", "B"),
        ("The answer is B. The reason", "B"),
        ("The answer is A. It is\nThe answer is B", "A"),
    ],
)
def test_a_cut_completion_has_only_what_it_states_in_full(completion, expected):
    assert letter(completion, cut=True) == expected


def test_words_that_two_choices_share_name_neither():
    choices = ["687", "687", "Bb", "bb"]
    assert letter("The answer is 687.", choices) is None
    assert letter("A. 687", choices) == "A"
    assert letter("The answer is Bb.", choices) == "C"
    assert letter("The answer is bb.", choices) == "D"
    assert letter("The answer is BB.", choices) is None


def test_a_letter_that_is_also_a_choice_is_the_letter():
    assert letter("The answer is B.", ["As", "P", "Sb", "B"]) == "B"


PIECES = st.sampled_from(
    [
        *("A", "B", "(C)", "answer is ", "Answer: ", "final ", "\\boxed{", "}", "option ", " or ", " is correct", "I choose "),
        *("\n", " ", ".", ",", "*", "drum", "a plum", "\nQuestion:", "\ud800", "\x00", "\\text{", "so "),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)), st.booleans())
def test_any_text_is_read_without_complaint(completion, cut):
    assert letter(completion, cut=cut) in (None, "A", "B", "C", "D")


@pytest.mark.parametrize(
    "piece", ["A ", "A\n", "answer is ", "final ", "answer to ", "\\boxed{", "(", " ", "* ", "B or ", "A. drum\n"]
)
def test_long_repetitions_are_read(piece):
    for completion in (piece * 20_000, (piece + "answer is ") * 5_000, "answer " * 9 + piece * 20_000):
        assert letter(completion + "\n\\boxed{B}\nso it is") in (None, "B")


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("B. a plumb", "B"),
        ("A. creating a drum\n\nA more concise and accurate answer could be:\n\nB. a plum", "B"),
        ("C. A is loud, so the drum is none.", "C"),
        ("B. a plum is the answer.", "B"),
        ("B. (The answer is)", "B"),
        ("D. The answer is: The answer is:", "D"),
        ('A: D. "The answer is"', "D"),
        ("A was the most accurate answer among the given options.", "A"),
        ("The answer is B.plum", "B"),
        ("The answer to this question is drum.", "A"),
        ("The answer to the question which is most likely to be sweet is B. It grows.", "B"),
        ("The fruit that was asked for is a plum.", "B"),
        ("D. L can only be the correct symbol.", "D"),
        ("A. loud it is\nTherefore, the answer is D.", "D"),
    ],
)
def test_what_small_models_write(completion, expected):
    assert letter(completion) == expected


@pytest.mark.parametrize(
    "completion",
    [
        "A. Loud\nB. a plum\nC. B. F.",
        "A. a drum\nB. a plum\nC. Skinner\nD. True",
        "A. drum\nA. drum\nC. B. F. Skinner",
        "The answer is:\n\nA. Loud\nB. Sweet",
        "A: Nine\n\nThis is a decimal answer.",
        "A. a drum is wrong",
        "A status index such as vitamin C is most likely to be used with diets.",
        "The fruit is drum or a plum.",
        "It is not a plum.",
        "You have already identified the correct answer.",
        'The answer is "The answer is "',
        "The answer is R.",
    ],
)
def test_what_small_models_write_without_an_answer(completion):
    assert letter(completion) is None


def test_a_lettered_line_that_was_cut_is_none():
    assert letter("B. a plu", cut=True) is None
    assert letter("B. a plum\n\nPlums are fr", cut=True) == "B"
    assert letter("B. a plum\nC. B", cut=True) is None
