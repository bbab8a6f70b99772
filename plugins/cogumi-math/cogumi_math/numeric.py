r"""Numbers as people and models write them, read exactly.

    $1,800.00 a month   1800        2 1/2 cups   5/2        -\frac{3}{4}   -3/4        1.5 \times 10^6   1500000

Values are `fractions.Fraction`, so 0.5 and 1/2 are the same number and 0.33 and 1/3 are not. Currency signs and units
carry no value; a per cent sign is remembered, because 50 % may answer both "how many per cent" (50) and "which share"
(0.5). Longer numbers than `MOST_DIGITS` are not read at all: nothing here can be made to compute for long.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

MOST_DIGITS = 300
"""A number with more digits than this, written out, is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that was read."""

    value: Fraction
    """Its exact value, the per cent sign left out of account: 50 for `50%`."""
    percent: bool = False
    """A per cent sign follows it."""
    start: int = 0
    """Where in the text it begins, sign and currency included."""
    end: int = 0
    """Where the text behind it goes on, per cent sign included."""


_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "B": 10**9, "bn": 10**9, "T": 10**12}
_DIGITS = r"(?:[0-9]++(?:,[0-9]++)*+(?:\.[0-9]++)?+|\.[0-9]++)"
_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_^]) (?<![0-9][.,/])
    (?P<sign>[-+])? (?:\\?[$€£¥₹]\s?)? (?P<inner>[-+])?
    (?P<head>{_DIGITS})
    (?:
        \s{{0,2}} (?:x|\*|\\times|\\cdot) \s{{0,2}} 10 \s? (?:\^|\*\*) \s? \{{?\s?(?P<ten>[-+]?[0-9]++)\s?\}}?
      | [eE](?P<exponent>[-+]?[0-9]++) (?![A-Za-z0-9])
      | (?:\^|\*\*) (?: (?P<power>[-+]?[0-9]++) | \{{\s?(?P<braced>[-+]?[0-9]++)\s?\}} ) (?!\s?(?:\^|\*\*))
      | \s?/\s? (?P<over>{_DIGITS})
      | \s (?P<part>[0-9]++) \s?/\s? (?P<parts>[0-9]++)
    )?
    (?: \s (?P<scale>hundred|thousand|million|billion|trillion)\b | (?-i:(?P<suffix>[kKMBT]|mn|bn)) (?![A-Za-z0-9]) )?
    (?:\s?\$(?![0-9]))? (?P<percent>\s?\\?%|\s?percent\b|\s?per\ cent\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)

_GROUPS = re.compile(r"(?<![\d.,/])[1-9][0-9]{0,2}(?: [0-9]{3})+(?![\d/]|[.,]\d{3})")
"""Groups of three digits with plain blanks between them."""
_VULGAR = {c: unicodedata.normalize("NFKC", c).replace("\u2044", "/") for c in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"}
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_CHARACTERS = {
    **{ord(c): "-" for c in "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63"},
    **{ord(c): " " for c in "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"},
    **{ord(c): None for c in "\u200b\u200c\u200d\u2060\ufeff"},
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{ord(c): f" {text}" for c, text in _VULGAR.items()},
    ord("\u2044"): "/",
    ord("×"): r"\times ",
    ord("·"): r"\cdot ",
    ord("⋅"): r"\cdot ",
    ord("÷"): "/",
    ord("π"): r"\pi ",
    ord("∞"): r"\infty ",
}
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[0-9])(?:[\u00a0\u2007\u2009\u202f'’_]|,?\\[,;:! ]\s?|\{,\}|,\\!\s?)(?=[0-9]{3}(?![0-9]))", ""),  # thousands
        (r"(?<![\d.,/])[1-9][0-9]{0,2}(?: [0-9]{3}){2,}(?![\d/]|[.,]\d{3})", lambda match: match[0].replace(" ", "")),
        (r"(?<![\d.,/])([1-9][0-9]{0,2}) (?=0[0-9]{2}(?![\d/]|[.,]\d{3}))", r"\1"),
        (r"([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]++)", lambda match: "^" + match[1].translate(_SUPERSCRIPT)),
        (r"√\s?\(([^()]{1,60})\)", r"\\sqrt{\1}"),
        (r"√\s?([0-9]++)", r"\\sqrt{\1}"),
        (r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|operatorname)\s?\{([^{}]{0,200}+)\}", r" \1 "),
        (r"\\(?:left|right|displaystyle|[!;:,])(?![A-Za-z])|(?<![A-Za-z0-9)\]}])\*\*|\*\*(?![A-Za-z0-9(])|`", ""),
        (r"\\[()\[\]]|\\ ", " "),
        (r"(?:\b(?:US|CA|AU|NZ)(?=\$)|\b(?:USD|EUR|GBP)\s?(?=[0-9]))", ""),
        (r"\^\s?\{?\s?(?:\\circ|°)\s?\}?|\\degree", "°"),
        (r"\\[dt]frac", r"\\frac"),
        (r"(?<=[0-9])\s?\\frac\s?\{\s?([0-9]++)\s?\}\s?\{\s?([0-9]++)\s?\}", r" \1/\2"),  # mixed numbers
        (r"\\frac\s?\{\s?(-?[0-9.,]++)\s?\}\s?\{\s?([0-9.,]++)\s?\}", r"\1/\2"),
        (r"(?<=[0-9])\s?\\frac\s?([0-9])\s?([0-9])(?![0-9])", r" \1/\2"),
        (r"\\frac\s?([0-9])\s?([0-9])(?![0-9])", r"\1/\2"),
    )
)


def plain(text: str) -> str:
    """The same text with one way of writing minus, spaces, thousands, powers, fractions, emphasis and LaTeX layout."""
    head, *tail = _REWRITES
    text = head[0].sub(head[1], _western(text)).translate(_CHARACTERS)
    for pattern, replacement in tail:
        text = pattern.sub(replacement, text)
    return text


def _western(text: str) -> str:
    """The text with the decimal digits of all scripts as 0 to 9."""
    return text if text.isascii() else "".join(str(unicodedata.decimal(c, c)) for c in text)


def number_at(text: str, start: int = 0) -> Number | None:
    """The number that begins at `start` of a `plain` text, if there is one."""
    match = _NUMBER.match(text, start)
    return None if match is None else _read(match)


def last_number(text: str) -> Number | None:
    """The last number in a `plain` text, if there is one; `16 -3` ends in 3, for that minus is an operation."""
    last = None
    for match in _NUMBER.finditer(text):
        if not _is_part(text, match):
            last = _read(match, binary=_follows_operand(text, match.start())) or last
    return last


def joined(text: str) -> str:
    """A `plain` statement without the blanks between groups of three digits: `1 000`."""
    return _GROUPS.sub(lambda match: match[0].replace(" ", ""), text)


def _is_part(text: str, match: re.Match[str]) -> bool:
    """Whether a number is an exponent or index in braces, or has a power that is no number: part of a formula."""
    before, behind = text[max(match.start() - 4, 0) : match.start()].rstrip(), text[match.end() : match.end() + 3].lstrip()
    return before.endswith(("^{", "_{", "^", "**")) or behind.startswith(("^", "**"))


def canonical(value: Fraction) -> str:
    """One text per value: an integer, a decimal where it ends within twelve places, else `numerator/denominator`."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**12
    if scaled.denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    whole, places = divmod(abs(scaled.numerator), 10**12)
    return f"{'-' if value < 0 else ''}{whole}.{places:012}".rstrip("0")


def _follows_operand(text: str, start: int) -> bool:
    return text[max(start - 3, 0) : start].rstrip(" ")[-1:] in tuple("0123456789)")


def _read(match: re.Match[str], *, binary: bool = False) -> Number | None:
    value = _value(match)
    if value is None:
        return None
    signs = ("" if binary else match["sign"] or "") + (match["inner"] or "")
    if signs.count("-") % 2:
        value = -value
    if match["scale"]:
        value *= _SCALES[match["scale"].lower()]
    if match["suffix"]:
        value *= _SUFFIXES[match["suffix"]]
    return Number(value=value, percent=match["percent"] is not None, start=match.start(), end=match.end())


def _value(match: re.Match[str]) -> Fraction | None:
    head = _decimal(match["head"])
    if head is None:
        return None
    if match["over"] or match["parts"]:
        return _fraction(head, match)
    if exponent := match["ten"] or match["exponent"]:
        return _times_power(head, Fraction(10), exponent)
    if power := match["power"] or match["braced"]:
        return _times_power(Fraction(1), head, power)
    return head


def _fraction(head: Fraction, match: re.Match[str]) -> Fraction | None:
    if match["over"]:
        below = _decimal(match["over"])
        return head / below if below else None
    part, parts = _decimal(match["part"]), _decimal(match["parts"])
    return head + part / parts if part is not None and parts else None


def _times_power(factor: Fraction, base: Fraction, exponent: str) -> Fraction | None:
    if len(exponent) > 5 or (base == 0 and int(exponent) < 0):
        return None
    size = max(len(str(base.numerator)), len(str(base.denominator)))
    if size * abs(int(exponent)) > 2 * MOST_DIGITS:
        return None
    return factor * base ** int(exponent)


def _decimal(text: str) -> Fraction | None:
    """The value of digits with or without thousands separators and a decimal point."""
    whole, *groups = text.partition(".")[0].split(",")
    if groups and not _grouped(whole, groups):
        return None
    return Fraction(text.replace(",", "")) if len(text) <= MOST_DIGITS else None


def _grouped(whole: str, groups: list[str]) -> bool:
    """Groups of three, or Indian ones: two digits each and three in the last."""
    inner = {len(group) for group in groups[:-1]}
    return len(whole) <= 3 and len(groups[-1]) == 3 and inner in (set(), {3}, {2})
