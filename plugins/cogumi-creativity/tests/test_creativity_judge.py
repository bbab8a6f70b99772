import pytest
from cogumi_creativity.judge import question, verdict


def test_the_judge_is_shown_request_and_texts_in_this_order():
    (message,) = question("Write about {rain}.", " First one.\n", "The {second} one.")
    content = message["content"]
    assert message["role"] == "user"
    assert (
        content.index("Write about {rain}.")
        < content.index("Text 1:\nFirst one.\n")
        < content.index("Text 2:\nThe {second} one.\n")
    )
    assert content.endswith("Reply with 1 or 2 and nothing else.")


def test_the_other_order_differs_in_nothing_else():
    (one,), (other,) = question("p", "kite", "storm"), question("p", "storm", "kite")
    assert one["content"].replace("kite", "?!").replace("storm", "kite").replace("?!", "storm") == other["content"]


VERDICTS = (
    "{}", " {}.\n", "**{}**", "Text {}", "text {}.", "**Text {}**", "Text {} is better.", "The better text is {}.",
    "The answer is Text {}", "Answer is: {}", "{}\n\nIt is livelier than the other.",
    "Verdict: {}", "**Verdict:** {}", "Answer: {}", "The better answer is {}", "The winner is {}.", "Winner: Text {}",
    "Final answer: {}", "My choice is text {}.", "I prefer text {}.", "I would choose {}", "Option {}", "[[{}]]", "Better: {}",
    "Text {} is the better one.", '{{"winner": "{}"}}', '{{"winner": {}}}', "So, the winner is: {}!",
    '```json\n{{"reason": "It is fresh, 1 or 2", "verdict": "Text {}"}}\n```',
    "The one is dull and the other is not.\n\nVerdict: {}", "Both were read.\nThe better text is **{}**.",
)  # fmt: skip
NONE = (
    "", " \n", "3", "12", "1 or 2", "1/2", "1, 2", "Both", "Neither 1 nor 2", "not 1", "1 is worse", "first",
    "I think 1 and 2 are alike.", "Text 1 is better than text 2, or 2.", "It depends.\n1", "\x00", "\ud800",
    "1 is better than 2", "Verdict: 1\nVerdict: 2", "1\nNo, verdict: 2", "Verdict: 12", "Verdict: 1 or 2", "Winner: 1?",
    "Is the winner 1?", "-1", "Verdict: neither", "The answer is 1 of these", '{"winner": "both"}', '{"score": 1}',
    '{"winner": 1, "better": 2}', '{"winner": ', "[1]" * 9, "{" * 20_000, "!" * 50_000, " 1" * 50_000,
)  # fmt: skip


@pytest.mark.parametrize("pattern", VERDICTS)
def test_verdicts(pattern):
    assert verdict(pattern.format(1)) == "first"
    assert verdict(pattern.format(2)) == "second"


@pytest.mark.parametrize("text", NONE, ids=lambda text: repr(text[:20]))
def test_anything_else_is_no_verdict(text):
    assert verdict(text) is None


def test_the_place_may_be_a_word():
    assert verdict("The first text is better.") == "first"
    assert verdict("Verdict: the second one") == "second"
