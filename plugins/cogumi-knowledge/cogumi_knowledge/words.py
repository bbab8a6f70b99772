"""What English sentences are made of around an answer: function words, linking verbs, hedges.

    "Well, I believe the capital of Peru is called Lima, if I remember correctly."        hedges, linking words, the answer

Contract: closed, readable lists for `cogumi_knowledge.extract`; none of them looks at a right answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


BE = _set("is are was were am be been")
LINKS = BE | _set(
    "equals becomes became has have had uses use used speaks speak spoke wrote writes wins won made makes invented discovered "
    "founded directed painted composed sang sings played plays starred built designed created hosted holds held means contains "
    "includes studies takes took produced recorded released led ruled married killed scored introduced lies"
)
"""Verbs at which a sentence is taken apart."""
JOINTS = _set("by as in on at of to from with called named known written located situated spoken")
"""Words that belong to the verb before them: `is called`, `was written by`."""
PASTS = {
    past: base
    for base, pasts in {
        "begin": "began begun", "break": "broke broken", "bring": "brought", "build": "built", "buy": "bought",
        "catch": "caught",
        "choose": "chose chosen", "come": "came", "draw": "drew drawn", "drive": "drove driven", "eat": "ate eaten",
        "fall": "fell fallen", "fight": "fought", "fly": "flew flown", "get": "got", "give": "gave given", "go": "went gone",
        "grow": "grew grown", "hold": "held", "know": "knew", "lead": "led", "leave": "left", "lose": "lost", "make": "made",
        "meet": "met", "rise": "rose risen", "run": "ran", "sell": "sold", "send": "sent", "shoot": "shot", "sing": "sang sung",
        "sink": "sank sunk", "speak": "spoke spoken", "stand": "stood", "take": "took taken", "teach": "taught",
        "throw": "threw thrown", "win": "won", "write": "wrote written", "find": "found", "bear": "born", "wear": "wore worn",
    }.items()
    for past in pasts.split()
}  # fmt: skip
"""Irregular past forms with the form that a question has ("When did it begin?")."""
HAPPENED = _set(
    "happened occurred ended began started finished concluded opened closed died lived came went stood arrived took born"
)
"""Verbs behind which a time or place answers, whatever the question calls it."""
FILLERS = BE | _set(
    "a an the of in on at to for from by with as into about than and it its this that these those there their his her has have "
    "had do does did can could would will shall should may might must not no one ones who whom whose which what where when why "
    "how many much i you me we us they he she them my your our please name names named call called calls known someone "
    "somebody person people also word words term use used uses"
)
"""Words that tell nothing of what a question is about."""

_SURE = r"(?:quite |pretty |fairly |very |not entirely |not completely )?(?:sure|certain|confident|positive)"
_OPINION = (
    rf"I(?:'d| would)? (?:think|believe|guess|suppose|say|assume)|I(?: a|')m {_SURE}|I recall|I remember|it seems"
    r"|as far as I (?:know|remember|recall|can tell)|to (?:the best of )?my knowledge|in my opinion|without (?:a |any )?doubt"
    r"|if I(?: a|')m (?:right|not mistaken|correct)|if I (?:remember|recall) (?:well|right|correctly|rightly)|most likely"
    r"|probably|definitely|certainly|surely|obviously|of course|for sure|presumably|perhaps|maybe|actually|in fact"
)
OPENING = re.compile(
    r"(?:(?:(?:yes|no|well|sure|sure thing|okay|ok|so|therefore|thus|hence|ah|oh|hmm|um|alright|great|absolutely|here you go"
    r"|(?:that's |that is )?(?:a )?(?:good|great|easy|interesting) (?:question|one))(?=\s?[,.!:…-])"
    rf"|(?:my (?:best )?(?:guess|answer) (?:is|would be)(?: that)?|based on (?:my|general) knowledge|{_OPINION})\b)"
    r"(?:[\s,:!.]*\bthat\b(?!['’]s|\s+(?:is|are|was|were|would|should|must|will|has|could|may|might)\b))?[\s,:!.…-]*)",
    re.IGNORECASE,
)
"""One hedge or filler at the beginning of a sentence."""
ENDING = re.compile(rf"[\s,.;:!(-]+(?:{_OPINION})[\s.!)]*$", re.IGNORECASE)
"""One hedge behind an answer."""
LEAD = re.compile(r"(?:(?:that|called|named|known as|simply|just|only|exactly)\s+)+", re.IGNORECASE)
"""Words before an answer that do not belong to it."""
_WHERE = r"(?:in|on|at|from|during|around|near|since|circa|by)"
LABEL = re.compile(
    rf"(?:(?:\w+ed|{'|'.join(PASTS)})\s+(?={_WHERE}\s))?(?:{_WHERE}\s+)?(?:the\s+)?(?:(?:year|letter|number|word|digit|date)\s+(?:of\s+)?)?",
    re.IGNORECASE,
)
"""Words before an answer that tell how it belongs to the question: "born in", "in the year", "the letter"."""
ASIDE = re.compile(
    r"\s*[(\[;:]|\s+[-–—]\s*|—|\s+(?:because|since|although|though|whereas)\b"
    r"|,\s+(?:which|who|whose|where|when|because|since|as|not|but|although|though|while|with"
    r"|after|before|following|also|a|an|the|in the|and it|and is"
    r"|based|according|known|located|founded|written|published)\b"
)
"""Where an explanation behind an answer begins."""
INSERTION = re.compile(r",\s+(?:which|who|whose|also|formerly|officially|originally|known|or)\b[^,]{1,80},")
"""A clause between two commas."""
REFUSAL = re.compile(
    r"\b(?:(?:do|does|did|can|could|would|is|are|was|were|am)(?: not|n['’]t)|cannot|unable|unsure|no idea"
    r"|not (?:sure|certain|aware)|(?:is|are|was|were|remains?) (?:unknown|unclear|uncertain)|I(?: a|['’])m (?:very |so )?sorry"
    r"|apologi[sz]e|as an ai|language model|no (?:single|definite|specific) answer)\b|^(?:unknown|unclear|sorry)\W*$",
    re.IGNORECASE,
)
"""Who writes this in a sentence states no answer in it."""
NEGATION = re.compile(r"(?:not|never|no longer|neither)\b", re.IGNORECASE)
"""What begins like this is denied."""
DESCRIPTION = re.compile(r"an?\s", re.IGNORECASE)
"""What begins like this may describe something instead of naming it."""
OTHERS = re.compile(r"[\s(\[;:,–—-]*(?:or|and/or|either|possibly|perhaps|maybe|alternatively)\b", re.IGNORECASE)
"""What begins like this behind an answer is another candidate."""
SEVERAL = re.compile(
    r"\b(?:or|either|possibly|perhaps|maybe|alternatively)\b|\w{3}\s?/\s?\w{3}|\s/\s|,\s[^,]+,\s|\n|(?:^|\s)\d{1,2}[.)]\s",
    re.IGNORECASE,
)
"""A text with one of these offers several candidates."""
ITEM = re.compile(r"(?:[-•*]|\d{1,2}[.)]|[A-Za-z][.)])\s+\S")
"""The beginning of one item of a list."""
NUMBER = re.compile(
    r"[\d.,]+|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|dozen)(?:-\w+)?",
    re.IGNORECASE,
)
"""A number, in digits or as a word."""

_ASKING = re.compile(
    r"\s*(?:please[\s,]+)?(?:(?:name|give)(?: me)?|(?:can you |could you )?(?:say|tell me)|do you know|I want to know"
    r"|I(?:'d| would) like to know)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


def words(text: str) -> Sequence[re.Match[str]]:
    """The words of a text, with their places."""
    return list(_WORD.finditer(text))


def stem(word: str) -> str:
    """A word in lower case without possessive and plural s."""
    plain = re.sub(r"['’]s?$", "", word.lower())
    return plain[:-1] if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss") else plain


def is_verb_of(word: str, asked: frozenset[str]) -> bool:
    """Whether a word is a form of a verb of the question: `ended`, `fell` and `married` of `end`, `fall` and `marry`."""
    plain = word.lower()
    forms = {stem(plain), PASTS.get(plain, plain)}
    if plain.endswith("ed"):
        forms |= {plain[:-1], plain[:-2], *([plain[:-3]] if plain[-3:-2] == plain[-4:-3] else ())}
    if plain.endswith(("ied", "ies")):
        forms.add(f"{plain[:-3]}y")
    return not asked.isdisjoint(forms)


def content(text: str) -> frozenset[str]:
    """The stems of the words that tell what a text is about."""
    return frozenset(stem(word[0]) for word in words(text) if word[0].lower() not in FILLERS)


def subject(question: str) -> frozenset[str]:
    """`content` of a question without "Can you tell me" and the like before it."""
    asking = _ASKING.match(question)
    return content(question[asking.end() if asking else 0 :])
