"""Where a text takes back what it said."""

from __future__ import annotations

import pytest

from cogumi.retractions import retractions


@pytest.mark.parametrize(
    "text",
    [
        "2\nWait, that is wrong.",
        "2 ... no, 3",
        "2. wait, actually 3",
        "2. Actually, it is 3.",
        "2. Sorry, 3.",
        "2. Oops!",
        "2. Let me recalculate: 3",
        "2. Correction: 3",
        "2. On second thought, 3.",
        "2. I made a mistake.",
        "2. My previous answer was incorrect.",
        "2 (no, 3)",
        "2. I mean 3.",
    ],
)
def test_a_text_takes_something_back(text: str) -> None:
    assert retractions(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A is wrong because it is small.",
        "There is no 3.",
        "No more eggs are left.",
        "The wait is 5 minutes.",
        "She waits for 3.",
        "It is wrong to steal.",
        "The number 2 is correct.",
        "He is actually right.",
        "C. Surgical correction\nD. No treatment",
    ],
)
def test_a_text_that_only_sounds_like_it_takes_nothing_back(text: str) -> None:
    assert retractions(text) == []
