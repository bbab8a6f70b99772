r"""Which answers are the same answer.

    18, 18.00, $18, 36/2 and \boxed{18}   one answer        0.5, 1/2 and 2/4   one answer        x+1 and 1+x   one answer

Two numbers are the same when their exact values are (0.33 is not 1/3); only where a formula is involved is math-verify
asked. A gold answer is met by the same rule, and, as math-verify has it, 50% meets 50 as well as 0.5. Source of the task:
Cobbe et al. 2021; their rule, equality of the digits behind `####`, is the special case of plain integers.

A formula that cannot be evaluated within its own processor time, like 10^{10^9}, is no number that anybody can check, and
equals none. Whatever else could not be compared is neither the same nor different: that is None, and nobody's fault.
"""

from __future__ import annotations

from collections.abc import Sequence

from cogumi_math.extract import Answer
from cogumi_math.symbolic import Formulas


class Equivalence:
    """Compares answers, and asks math-verify only where it must."""

    def __init__(self, formulas: Formulas | None = None) -> None:
        self._formulas = formulas or Formulas()

    def same(self, one: Answer, other: Answer) -> bool | None:
        """Whether they are the same answer; None where they could not be compared."""
        if one.text == other.text:
            return True
        if one.value is not None and other.value is not None:
            return one.value == other.value
        if not (_is_formula(one) and _is_formula(other)):
            return False
        first, second = sorted((one.text, other.text))
        equal = self._formulas.equal(first, second)
        return False if equal is None and self._is_beyond_numbers(one, other) else equal

    def meets(self, answer: Answer, gold: Answer) -> bool | None:
        """Whether an answer is the gold one; a share may be given in per cent. None where they could not be compared."""
        if answer.value is not None and gold.value is not None and answer.percent != gold.percent:
            shares = (answer.value, answer.value / 100) if answer.percent else (answer.value, answer.value * 100)
            return gold.value in shares
        return self.same(answer, gold)

    def keys(self, answers: Sequence[Answer | None]) -> list[str | None]:
        """One text per answer, equal for the same answers; which text does not depend on the answers' order.

        An answer that could not be compared with another stays one of its own.
        """
        classes: list[list[Answer]] = []
        key: dict[str, str] = {}
        for answer in sorted(_distinct(answers), key=_rank):
            home = next((known for known in classes if self.same(known[0], answer)), None)
            if home is None:
                classes.append(home := [])
            home.append(answer)
            key[answer.text] = home[0].text
        return [None if answer is None else key[answer.text] for answer in answers]

    def _is_beyond_numbers(self, one: Answer, other: Answer) -> bool:
        """Whether one is a plain number and the other a formula that cannot be evaluated."""
        formulas = [answer.text for answer in (one, other) if answer.value is None]
        return len(formulas) == 1 and self._formulas.is_beyond(formulas[0])


def _distinct(answers: Sequence[Answer | None]) -> list[Answer]:
    return list({answer.text: answer for answer in answers if answer is not None}.values())


def _rank(answer: Answer) -> tuple[bool, int, str]:
    """Numbers first, then the shorter text: the first of a class lends it its name."""
    return (answer.value is None, len(answer.text), answer.text)


def _is_formula(answer: Answer) -> bool:
    """Whether math-verify has anything to say of it: numbers, and texts that are neither words nor times."""
    return answer.value is not None or (not answer.text.isalpha() and ":" not in answer.text)
