"""How a problem is put to the model: zero-shot chat, or eight worked exemplars as earlier turns of the conversation.

Every question is one user message: the question as the dataset words it, a newline, and one sentence that fixes how the
answer ends, so that it can be read. The embedded model is trained on exactly what `zero_shot` builds.

The form of the eight-shot prompt (eight worked solutions, reasoning first, answer last) is that of Wei et al. 2022,
"Chain-of-Thought Prompting Elicits Reasoning in Large Language Models"; the exemplars are this project's own and appear
in no dataset.
"""

from __future__ import annotations

from cogumi.records import Message

INSTRUCTION = 'Think step by step and end with "#### N", N being the answer.'
"""The sentence behind every question."""

EXEMPLARS: tuple[tuple[str, str], ...] = (
    (
        "Nadia picks 14 pears and 9 plums. She gives 5 of the pears to her uncle. How many fruits does she have left?",
        "Nadia picks 14 + 9 = 23 fruits.\nAfter giving 5 away she has 23 - 5 = 18 fruits left.\n#### 18",
    ),
    (
        "A bakery sells rolls at $3 for a bag of four. How much do 20 rolls cost?",
        "20 rolls are 20 / 4 = 5 bags.\n5 bags cost 5 * 3 = $15.\n#### 15",
    ),
    (
        "Tomas reads 12 pages each weekday and twice as many on each day of the weekend. "
        "How many pages does he read in a week?",
        "On the five weekdays he reads 5 * 12 = 60 pages.\n"
        "On a day of the weekend he reads 2 * 12 = 24 pages, so on both days 2 * 24 = 48 pages.\n"
        "In a week he reads 60 + 48 = 108 pages.\n#### 108",
    ),
    (
        "A tank holds 240 litres and is one third full. A pump adds 20 litres a minute. "
        "After how many minutes is the tank full?",
        "The tank already holds 240 / 3 = 80 litres.\n240 - 80 = 160 litres are missing.\n"
        "The pump needs 160 / 20 = 8 minutes.\n#### 8",
    ),
    (
        "A coat costs $80. It is sold at 25% off, and a coupon takes another $10 off. What is the final price in dollars?",
        "25% of 80 is 80 / 4 = $20.\nThe reduced price is 80 - 20 = $60.\nWith the coupon it is 60 - 10 = $50.\n#### 50",
    ),
    (
        "Rosa is 4 years older than Ben, and Ben is three times as old as Mia, who is 6. How old is Rosa?",
        "Ben is 3 * 6 = 18 years old.\nRosa is 18 + 4 = 22 years old.\n#### 22",
    ),
    (
        "A school takes 95 children and 7 teachers on a trip. Each van seats 12 people. How many vans are needed?",
        "There are 95 + 7 = 102 people.\n102 / 12 = 8.5, so 8 vans are too few and 9 vans are needed.\n#### 9",
    ),
    (
        "Leo earns $14 an hour and works 6 hours on each of 5 days. He saves half of what he earns. "
        "How many dollars does he save?",
        "Leo works 6 * 5 = 30 hours.\nHe earns 30 * 14 = $420.\nHe saves 420 / 2 = $210.\n#### 210",
    ),
)
"""Questions with their worked answers."""


def zero_shot(question: str) -> tuple[Message, ...]:
    """The question and the instruction, in one user message."""
    return (Message(role="user", content=f"{question}\n{INSTRUCTION}"),)


def eight_shot(question: str) -> tuple[Message, ...]:
    """The eight exemplars as earlier turns, then the question as in `zero_shot`."""
    turns: list[Message] = []
    for asked, worked in EXEMPLARS:
        turns += (*zero_shot(asked), Message(role="assistant", content=worked))
    return (*turns, *zero_shot(question))
