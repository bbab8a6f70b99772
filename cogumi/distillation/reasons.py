"""Why a training-side problem is dropped, in the words of `votes.jsonl`, `distillation.json` and the report."""

from __future__ import annotations

TIE = "tie"
DISAGREEMENT = "too little agreement"
NO_WINNER = "no answer won the vote"
NO_ANSWER = "no sample has an answer"
ALL_CUT = "the samples were cut off at the token limit"
NO_TARGET = "the target could not be sampled"
TARGET_CUT = "the target was cut off at the token limit"
TARGET_UNREAD = "the target has no answer"
TARGET_DISAGREES = "the target disagrees with the vote"
ALREADY_RIGHT = "already consistent and right"

NO_CONSENSUS = (TIE, DISAGREEMENT, NO_WINNER, NO_ANSWER, ALL_CUT)
"""Reasons that a teacher can do something about."""
