import pytest
from cogumi_math.extract import final_answer, gold_answer
from hypothesis import given, settings
from hypothesis import strategies as st


def text(completion, **how):
    answer = final_answer(completion, **how)
    return answer and answer.text


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("18", "18"),
        ("-5", "-5"),
        ("\u22125", "-5"),
        ("- 5", "-5"),
        ("007", "7"),
        ("18.", "18"),
        ("18.00", "18"),
        (".5", "0.5"),
        ("0.50", "0.5"),
        ("$29.00", "29"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("\\$18", "18"),
        ("US$18", "18"),
        ("18 USD", "18"),
        ("18$", "18"),
        ("€ 18", "18"),
        ("1,800", "1800"),
        ("1,00,000", "100000"),
        ("1\u202f800", "1800"),
        ("1\\,800", "1800"),
        ("1{,}800", "1800"),
        ("1'800", "1800"),
        ("\uff11\uff18", "18"),
        ("2 1/2 cups", "2.5"),
        ("2½", "2.5"),
        ("2\\frac{1}{2}", "2.5"),
        ("-\\dfrac{1}{3}", "-1/3"),
        ("\\frac12", "0.5"),
        ("3\u20444", "0.75"),
        ("1e6", "1000000"),
        ("1.5e-3", "0.0015"),
        ("1.5 × 10^6", "1500000"),
        ("1.5 x 10^{6}", "1500000"),
        ("1.5 \\times 10^6", "1500000"),
        ("10⁶", "1000000"),
        ("2^3", "8"),
        ("2 million dollars", "2000000"),
        ("50%", "50"),
        ("50 \\%", "50"),
        ("50 percent", "50"),
        ("45°", "45"),
        ("45^\\circ", "45"),
        ("18 eggs a day", "18"),
        ("18 \\text{ eggs}", "18"),
        ("60 km/h", "60"),
        ("$18/hour", "18"),
        ("**18**", "18"),
        ("`18`", "18"),
        ("$18$", "18"),
        ("\\(18\\)", "18"),
        ("≈ 18", "18"),
        ("about 18", "18"),
        ("x = 18", "18"),
        ("9 * 2 = 18", "18"),
        ("16 - 3 = 13 eggs", "13"),
        ("18 x 2 = 36", "36"),
        ("9 times 2 = 18", "18"),
        ("18 = 9 * 2", "18"),
        ("3 * (4 + 5) = 27 cups", "27"),
        ('"18"', "18"),
        ("18 (eighteen)", "18"),
        ("18 (9 * 2 = 18, not 16)", "18"),
        ("18, because 3+4=7", "18"),
        ("18 - that is it", "18"),
        ("She makes 18 dollars", "18"),
        ("3:30 pm", "3:30pm"),
        ("3, 4", "3, 4"),
        ("(1, 2)", "(1, 2)"),
        ("2x+3", "2x+3"),
        ("√2", "\\sqrt{2}"),
        ("Monday", "monday"),
    ],
)
def test_statements_behind_the_mark(statement, expected):
    assert text(f"Some 7 steps.\n#### {statement}") == expected
    assert gold_answer(f"Some 7 steps.\n#### {statement}").text == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("####18", "18"),
        ("####\n18", "18"),
        ("**#### 18**", "18"),
        ("The answer is $\\boxed{18}$.", "18"),
        ("\\boxed{18\\text{ dollars}}", "18"),
        ("\\boxed{\\frac{1}{\\sqrt{2}}}", "\\frac{1}{\\sqrt{2}}"),
        ("\\boxed{\\text{Monday}}", "monday"),
        ("The answer is 12 + 6 = 18.", "18"),
        ("The answer is 18 dollars. She is happy for 7 days.", "18"),
        ("The answer is that she makes 18 dollars.", "18"),
        ("The answer to the question is 18.", "18"),
        ("The final answer is $18$. I hope it is correct.", "18"),
        ("Answer: 18", "18"),
        ("**Answer:** $18", "18"),
        ("**Final Answer:** 18 eggs", "18"),
        ("So the answer is 3 a box. Four boxes hold 12.\n#### 12", "12"),
        ("So she makes $18 per day", "18"),
        ("It is 16 - 3", "3"),
        ("A total of 16 -3", "3"),
        ("It is -3", "-3"),
        ("Left:\n- 3 apples", "3"),
        ("It takes 2 1/2 hours.", "2.5"),
    ],
)
def test_kinds_of_statement(completion, expected):
    assert text(completion) == expected


@pytest.mark.parametrize(
    "completion",
    [
        "#### 18\n\nQuestion: How many legs have 3 spiders?\nAnswer: 3 * 8 = 24\n#### 24",
        "#### 18\n#### 24",
        "#### 18#### 24",
        "#### 18 18 18 24",
        "#### 18\nNow 24 more words: 1 2 3 24",
        "#### 18<|im_end|>\n#### 24",
        "The answer is 18.\n\nQ: What is 4 * 6?\nThe answer is 24.",
        "The answer is 18. The answer is 24.",
        "\\boxed{18} and then \\boxed{24}",
        "It makes 18 dollars\n\n**Problem 2:** What is 4 * 6? 24",
        "It makes 18.\nUser: and 4 * 6?\nAssistant: 24",
    ],
)
def test_what_follows_the_answer_does_not_count(completion):
    assert text(completion) == "18"


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("#### Step 1: compute\n16-3=13\n#### Step 2: more\n13-4=9\nThe answer is 9.", "9"),
        ("#### 1. Find the eggs\n16\n#### 2. Find the dollars\n18\n#### 18", "18"),
        ("#### Solution\n5+5=10", "10"),
        ("Question: How many?\n16 - 3 = 13\n#### 13", "13"),
        ("Let me see.\nQuestion: How many?\n#### 5", "5"),
    ],
)
def test_headings_and_restated_questions_are_no_answers(completion, expected):
    assert text(completion) == expected


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " \n",
        "no digits",
        "#### ",
        "#### I do not know",
        "The answer is unknown.",
        "\\boxed{}",
        "x2",
        "\x00",
        "#### " + "7" * 5000,
    ],
)
def test_no_answer(completion):
    assert text(completion) is None


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("16 - 3 is 13 and 13 - 4", None),
        ("#### 1", None),
        ("#### 18.", None),
        ("The answer is 18", None),
        ("\\boxed{18", None),
        ("#### Mond", None),
        ("#### 18\n", "18"),
        ("#### 18\nand she", "18"),
        ("\\boxed{18}", "18"),
        ("The answer is 18. And", "18"),
        ("It makes 18.\n\nQuestion: What is", "18"),
    ],
)
def test_a_cut_completion_has_only_the_answer_it_states_in_full(completion, expected):
    assert text(completion, cut=True) == expected


MARKS = (
    "#### ",
    "\\boxed{",
    "\\frac{",
    "\\sqrt{",
    "\\text{",
    "answer is ",
    "Answer: ",
    "final ",
    "\nQuestion:",
    "**",
    "$",
    "%",
)
DIGITS = ("1", "000", "9" * 400, ",", ".", "/", "^", "10^{", "½", "e", "-", "=", "(", "{", "}", " ", "\n")
PIECES = st.sampled_from((*MARKS, *DIGITS, "Monday", "\ud800", "\x00"))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)), st.booleans())
def test_any_text_is_read_without_complaint(completion, cut):
    answer = final_answer(completion, cut=cut)
    assert answer is None or (answer.text and len(answer.text) < 2000)
    gold_answer(completion)


@pytest.mark.parametrize(
    "piece",
    ["9", "1,", "1/", "1 1/", "1^", "-", "#", "#### ", "\\boxed{", "{", "answer to ", "final answer", " ", "10^", "= ,"],
)
def test_long_repetitions_are_read(piece):
    for completion in (
        piece * 20_000,
        (piece + "\\frac{") * 5_000,
        ("\\boxed{" + piece) * 5_000,
        "answer " * 9 + piece * 20_000,
    ):
        assert final_answer(completion + "\n#### 18\n").text == "18" or piece.startswith(("#", "\\boxed"))


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("#### 2\nWait, that is wrong, I forgot one.\n#### 3", "3"),
        ("the answer is \\boxed{2}. wait, actually \\boxed{3}", "3"),
        ("Answer: 2 ... no, Answer: 3", "3"),
        ("Answer: 2. No, 3.", "3"),
        ("Answer: 2. No, it is 3 eggs.", "3"),
        ("#### 2\nOops, I made a mistake. The answer is 3.", "3"),
        ("The answer is 2. Wait, let me double-check. The answer is 3. Wait, that is right.", "3"),
        ("The answer is 12. Wait, let me double-check: 4 * 3 = 12.", "12"),
        ("#### 2\nThe wait takes 3 minutes.\n#### 3", "2"),
        ("#### 2\nNo more of them, 3 or 4.\n#### 3", "2"),
        ("#### 42\n#### 7", "42"),
    ],
)
def test_what_is_taken_back_does_not_count_where_another_statement_follows(completion, expected):
    assert final_answer(completion).text == expected


def test_a_cut_retraction_is_read_as_far_as_it_is_whole():
    assert final_answer("Answer: 2. No, 3", cut=True).text == "2"
    assert final_answer("#### 2\nWait, no.\n#### 3", cut=True).text == "2"


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("Final Answer:\nThe number of eggs left of the 12 is:\nAnswer: 9", "9"),
        ("Final answer:\nOf 12 eggs 3 are eaten, so the number left is\n\\[ 9 \\]", "9"),
        ("Final answer: of 12 eggs, the rest is\n\n$$9$$", "9"),
        ("The answer is:\n\n18 eggs", "18"),
        ("Final answer: \\(2003^{2002^{2001}}\\)", "2003^{2002^{2001}}"),
        ("Answer: She has 16 - 3 = 13 eggs left. 13 * 2 = 26. So she makes $26.", "26"),
        ("Answer: She has 9 eggs left.\n\nLet me know if you need 2 more.", "9"),
        ("Answer: 16 - 3 = 13 eggs. I hope the 3 steps help.", "13"),
    ],
)
def test_a_heading_announces_what_stands_behind_it(completion, expected):
    assert final_answer(completion).text == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("#### 1 000", "1000"),
        ("#### 5 100", "5100"),
        ("So it has 1 000 eggs.", "1000"),
        ("1 234 567 eggs", "1234567"),
        ("#### 11,\\! 111,\\! 111,\\! 100", "11111111100"),
        ("#### 1_000", "1000"),
        ("The answer is $5k.", "5000"),
        ("1M", "1000000"),
        ("$2.5M", "2500000"),
        ("The answer is 3 hundred.", "300"),
        ("#### 5 km", "5"),
        ("#### 5km", "5"),
        ("#### 12 B", "12"),
        ("#### ١٨", "18"),
        ("in 2020 100 came", "100"),
        ("2^{10}", "1024"),
    ],
)
def test_a_number_is_read_as_a_whole(completion, expected):
    assert final_answer(completion).text == expected


def test_part_of_a_power_is_no_number():
    assert final_answer("It is 2^{3^{2}}") is None


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("A: 18\nI hope this helps with your 3 questions.", "18"),
        ("**A:** $18.00\n5 more?", "18"),
        ("Ans: 18 eggs\n2", "18"),
        ("A: She has 16 eggs and sells 3.\nSo 13 are left.", "13"),
        ("A: 5\nB: 6\nTogether 11", "11"),
    ],
)
def test_a_labelled_line_states_the_answer(completion, expected):
    assert final_answer(completion).text == expected
