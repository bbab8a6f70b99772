r"""Where a text takes back what it said before, for readers of answers that state more than one.

    "#### 2\nWait, that is wrong, I forgot one.\n#### 3"      "Answer: 2 ... no, Answer: 3"      both answer 3

The rule that readers share: of two statements the later one counts where the text between them takes the earlier one back;
otherwise whatever rule the reader has for texts that state two things. What counts as taking back is in `_CUES`: an
interjection ("wait", "no,", "oops"), a correction announced ("let me correct that", "on second thought", "I mean"), or a
verdict on oneself ("that is wrong", "I made a mistake"). "A is wrong" judges something else and takes nothing back.
"""

from __future__ import annotations

import re
from itertools import islice

MOST = 50
"""Places that are looked at; who takes more back has written nonsense."""

_REDO = (
    r"correct|fix|redo|recalculate|recompute|re-?consider|re-?check|re-?do|(?:double[- ]?)?check|verify|try again|start over"
)
_MINE = r"that|this|it|my (?:first |previous |earlier )?answer|the (?:above|previous|first|earlier) answer"
_WRONG = r"wrong|incorrect|not (?:right|correct)|a mistake|an error|mistaken"
_CUES = re.compile(
    r"(?:^|(?<=[\s.,;:!?…(*—–-]))(?:"
    r"wait\b(?=\s?(?:[,.!:;…—–-]|$)|\s+(?:no|actually|that|i|let|it)\b)"
    r"|no(?=\s?(?:[,.!;:…—–]|\s-\s)|,?\s+(?:wait|sorry|that|it)\b)"
    r"|oops|hold on|scratch that|strike that|correction(?=\s?[:,—–])|on (?:second thoughts?|reflection)|or rather"
    r"|my (?:bad|mistake|apologies)|i apologi[sz]e|apologies\b|(?<!what )i meant?\b|(?:i(?:'m| am)\s)?sorry(?=\s?[,.!:])"
    r"|actually\b(?=\s?,|\s+(?:no|it|that|the|i|it's|that's|\\boxed|#|answer|\W*\d))"
    rf"|let me (?:{_REDO})"
    rf"|(?:{_MINE})(?:'s|’s| is| was| looks)(?: (?:just|clearly|actually|obviously))? (?:{_WRONG})"
    r"(?=\s?[,.;:!…—–]|\s*$|\s+(?:because|since|as)\b)"
    r"|i (?:was|am) (?:wrong|mistaken)|i(?:'ve| have)? made an? (?:\w+ )?(?:mistake|error|slip)"
    r"|i (?:forgot|miscounted|miscalculated|misread)\b"
    r")",
    re.IGNORECASE | re.MULTILINE,
)


def retractions(text: str) -> list[int]:
    """Where the text goes on behind each place at which it takes something back, in order."""
    return [match.end() for match in islice(_CUES.finditer(text), MOST)]
