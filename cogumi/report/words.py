"""The words and number formats of a report: one word for one thing, the same in Markdown, HTML and the terminal."""

from __future__ import annotations

import unicodedata

from cogumi.decision.words import moved
from cogumi.decision.words import percent as percent
from cogumi.stats import Difference, Interval

METRICS = {
    "response_consistency": "response consistency",
    "answer_consistency": "answer consistency",
    "unique_responses": "different texts per problem",
    "accuracy": "accuracy",
    "majority_accuracy": "majority accuracy",
    "greedy_accuracy": "greedy accuracy",
    "tie_rate": "tie rate",
    "truncated": "cut at the token limit",
    "no_answer": "samples without an answer",
}
"""Plain words for the metrics every category has, in the order of reading. A task's own keep their names."""

STATUSES = {"pass": "✓ pass", "fail": "✗ fail", "inconclusive": "? inconclusive", "not-measured": "– not measured"}
CELLS = {
    "consistent_correct": "consistent and correct",
    "consistent_wrong": "consistent but wrong",
    "inconsistent_correct": "inconsistent, majority correct",
    "inconsistent_wrong": "inconsistent and wrong",
}
PURPOSES = {"trained": "", "guard": ", the guard: not trained on", "benchmark": ", not trained on"}
"""What is said behind a benchmark's name."""
RIVALS = {"before": "before", "against": "the other run", "reference": "the reference"}
TRANSITIONS = {
    "learned": "wrong before, correct after",
    "sharpened": "correct before and after, and now consistent",
    "corrupted": "correct before, consistently wrong after",
    "lost": "correct before and now inconsistent (wrong, or no longer firm)",
    "hardened": "wrong before and after, and now consistent",
    "loosened": "consistently wrong before, wrong but inconsistent after",
    "unchanged": "in the same cell as before",
}
GLOSSARY = (
    ("sample", "one answer of the model to a problem, drawn at the temperature at which it is used"),
    ("response consistency", "the share of the most frequent text among a problem's samples; 10 different of 10 are 10 %"),
    ("answer consistency", "the same over answers instead of texts; a sample without an answer counts as its own"),
    ("consistent", "more than half of a problem's samples share one answer"),
    ("tie", "no single answer has the most votes"),
    ("accuracy", "the share of correct samples, averaged over problems"),
    ("majority accuracy", "the share of problems whose vote has the correct winner; a tie counts as wrong"),
    ("greedy accuracy", "the share of problems answered correctly at temperature 0"),
    ("random vote", "the answer of one sample drawn at random: what a vote has to beat; right as often as accuracy says"),
    ("interval", "values in brackets: a 95 % confidence interval over problems"),
    ("p", "how often a change at least this large would come by chance if training had changed nothing (two-sided)"),
    ("minimum detectable effect", "the smallest true change that 80 % of such comparisons would find"),
    ("weight change", "size of the adapter's update relative to the weights it is added to; 0 means that nothing moved"),
)


def metric(name: str) -> str:
    """The words for a metric."""
    return METRICS.get(name, name)


def is_share(name: str, values: Interval) -> bool:
    """Whether a metric is a share of 0 to 1, to be read in percent."""
    return name != "unique_responses" and 0.0 <= values.low <= values.high <= 1.0


def estimate(values: Interval, *, share: bool) -> str:
    """A value with its interval."""
    scale, unit = (100, " %") if share else (1, "")
    return f"{values.value * scale:.1f}{unit} ({values.low * scale:.1f} to {values.high * scale:.1f})"


def change(values: Difference, *, share: bool) -> str:
    """A paired difference with its interval; of shares in percentage points."""
    return moved(values) if share else f"{values.value:+.1f} ({values.low:+.1f} to {values.high:+.1f})"


def p_value(p: float) -> str:
    """A p-value to read, not to compute with."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def with_p(values: Difference, *, share: bool) -> str:
    """A paired difference with its interval and its p-value, as a clause."""
    sign = "" if values.p < 0.001 else "= "
    return f"{change(values, share=share)}, p {sign}{p_value(values.p)}"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number of things."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def visible(text: str) -> str:
    """Control, bidirectional-override and unpaired surrogate characters as escapes, so that none takes effect."""
    return "".join(c if _harmless(c) else f"\\u{ord(c):04x}" for c in text.replace("\r\n", "\n"))


def clip(text: str, limit: int) -> str:
    """The text, with its middle left out where it is longer than `limit` characters: answers stand at the end."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return f"{text[:head]} [… {len(text) - limit:,} characters …] {text[head - limit :]}"


def one_line(text: str) -> str:
    """Line breaks as visible signs."""
    return " ⏎ ".join(line.strip() for line in text.strip().split("\n"))


def _harmless(character: str) -> bool:
    if character in "\n\t":
        return True
    overrides = character in "\u200e\u200f" or "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return not overrides and unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
