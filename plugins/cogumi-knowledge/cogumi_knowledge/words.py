"""What English sentences are made of around an answer: function words, linking verbs, hedges.

    "Well, I believe the capital of Peru is called Lima, if I remember correctly."        hedges, linking words, the answer

Contract: these are lists for `cogumi_knowledge.extract`, closed and readable; none of them looks at a right answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BE = frozenset("is are was were am be been equals becomes became".split())
"""Forms of to be, and verbs that say the same."""
LINKS = BE | frozenset(
    "has have had uses use used speaks speak spoke wrote writes wins won made makes invented discovered founded directed "
    "painted composed sang sings played plays starred built designed created hosted holds held means contains includes "
    "studies takes took became produced recorded released led ruled married killed scored introduced lies".split()
)
"""Words at which a sentence is taken apart."""
FILLERS = frozenset(
    "a an the of in on at to for from by with as into about than and it its this that these those there their his her "
    "do does did can could would will shall should may might must not no one ones who whom whose which what where when why "
    "how many much i you me we us they he she them my your our please name names named call "
    "called calls known someone somebody person people also word words term use used uses".split()
) | frozenset("is are was were am be been has have had 's 're".split())
"""Words that tell nothing of what a question is about."""
JOINTS = frozenset("by as in on at of to from with called named known written located situated spoken".split())
"""Words that follow a link and belong to it: `is called`, `was written by`."""

_SURE = r"(?:quite |pretty |fairly |very |not entirely |not completely )?(?:sure|certain|confident|positive)"
_OPINION = (
    rf"I(?:'d| would)? (?:think|believe|guess|suppose|say|assume|know)|I(?: a|')m {_SURE}|I recall|I remember"
    r"|as far as I (?:know|remember|recall|can tell)|to (?:the best of )?my knowledge|if I(?: a|')m (?:right|not mistaken|correct)"
    r"|if I (?:remember|recall) (?:well|right|correctly|rightly)|in my opinion|it seems|without (?:a |any )?doubt|most likely"
    r"|probably|definitely|certainly|surely|obviously|of course|for sure|presumably|perhaps|maybe|actually|in fact"
)
OPENING = re.compile(
    r"(?:(?:(?:yes|no|well|sure|sure thing|okay|ok|so|therefore|thus|hence|ah|oh|hmm|um|alright|great|absolutely|here you go"
    r"|(?:that's |that is )?(?:a )?(?:good|great|easy|interesting) (?:question|one))(?=[\s]?[,.!:…-])"
    rf"|(?:my (?:best )?(?:guess|answer) (?:is|would be)(?: that)?|based on (?:my|general) knowledge|{_OPINION})\b)"
    r"(?:[\s,:!.]*\bthat\b(?!['’]s|\s+(?:is|are|was|were|would|should|must|will|has|could|may|might)\b))?[\s,:!.…-]*)",
    re.IGNORECASE,
)
"""One hedge or filler at the beginning of a sentence."""
ENDING = re.compile(rf"[\s,.;:!(-]+(?:{_OPINION})[\s.!)]*$", re.IGNORECASE)
"""One hedge behind an answer."""
ASIDE = re.compile(
    r"\s*[(\[;]|\s+[-–—]\s*|—|,\s+(?:which|who|whose|where|when|because|since|as|not|but|although|though|while|with|also|a|an|the"
    r"|based|according|known|located|founded|written|published|and it|and is|in the)\b|\s+(?:because|since|although|though|whereas)\b"
)
"""Where an explanation behind an answer begins."""
INSERTION = re.compile(r",\s+(?:which|who|whose|also|formerly|officially|originally|known|or)\b[^,]{1,80},")
"""A clause between two commas."""
REFUSAL = re.compile(
    r"\b(?:(?:do|does|did|can|could|would|is|are|was|were|am)(?: not|n't)|cannot|unable|unsure|unknown|uncertain|unclear|no idea"
    r"|not (?:sure|certain|known|clear|aware)|sorry|apologi[sz]e|as an ai|language model|no (?:single|definite|specific) answer)\b",
    re.IGNORECASE,
)
"""Who writes this in a sentence states no answer in it."""
LEAD = re.compile(r"^(?:(?:that|called|named|known as|simply|just|only|exactly)\s+)+", re.IGNORECASE)
"""Words before an answer that do not belong to it."""
NEGATION = re.compile(r"(?:not|never|no longer|neither|n't)\b", re.IGNORECASE)
"""What begins like this is denied."""
DESCRIPTION = re.compile(r"an?\s", re.IGNORECASE)
"""What begins like this may describe something instead of naming it."""
NUMBER = re.compile(
    r"[\d.,]+|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|dozen)(?:-\w+)?",
    re.IGNORECASE,
)
"""A number, in digits or as a word."""

ASKING = re.compile(
    r"\s*(?:please[\s,]+)?(?:I(?:'d| would) like to know|I want to know|tell me|do you know|can you (?:say|tell me)|could you tell me"
    r"|(?:name|give)(?: me)?)\b",
    re.IGNORECASE,
)
"""How a question may begin before it says what it is about."""

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


def words(text: str) -> Sequence[re.Match[str]]:
    """The words of a text, with their places."""
    return list(_WORD.finditer(text))


def stem(word: str) -> str:
    """A word in lower case without possessive and plural s."""
    plain = re.sub(r"['’]s?$", "", word.lower().replace("’", "'"))
    return plain[:-1] if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss") else plain


def subject(question: str) -> frozenset[str]:
    """The stems of the words that tell what a question is about."""
    asking = ASKING.match(question)
    return content(words(question[asking.end() if asking else 0 :]))


def content(found: Sequence[re.Match[str]]) -> frozenset[str]:
    """The stems of the words that tell what a text is about."""
    return frozenset(stem(word[0]) for word in found if word[0].lower() not in FILLERS)
