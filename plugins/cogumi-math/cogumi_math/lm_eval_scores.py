r"""The two scores that the task `gsm8k` of lm-evaluation-harness (version 3 of the task) gives to a completion.

    completion "... 2 * 9 = 18 eggs.\n#### 18"      strict 1.0, flexible 1.0 where the gold answer ends `#### 18`
    completion "... so she has 18 eggs."            strict 0.0, flexible 1.0

Rule: `lm_eval/tasks/gsm8k/gsm8k.yaml` (filters `strict-match` and `flexible-extract`, metric exact_match with its ignored
patterns), for the benchmark of Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems". A test runs the
harness's own filters and metric beside these. The harness stops generating at `Question:`; what is scored here is the
completion as it is, exactly as the harness scores the text it is given.
"""

from __future__ import annotations

import re

_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_IGNORED = tuple(re.compile(pattern) for pattern in (",", r"\$", r"(?s).*#### ", r"\.$"))
_NONE = "[invalid]"


def scores(completion: str, gold: str) -> dict[str, float]:
    """Both scores, each 0.0 or 1.0; `gold` is the whole worked answer as the dataset has it."""
    wanted = _stripped(gold)
    return {
        "lm_eval_strict": float(_stripped(_strict(completion)) == wanted),
        "lm_eval_flexible": float(_stripped(_flexible(completion)) == wanted),
    }


def _strict(completion: str) -> str:
    match = _STRICT.search(completion)
    return _NONE if match is None else match[1].strip()


def _flexible(completion: str) -> str:
    last = _NONE
    for match in _FLEXIBLE.finditer(completion):
        last = match[0]
    return last.strip()


def _stripped(text: str) -> str:
    for pattern in _IGNORED:
        text = pattern.sub("", text)
    return text.lower().rstrip("\0")  # the harness compares numpy strings, which do not know trailing NULs
