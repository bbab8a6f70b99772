"""The closed word lists that the project's own questions are made of: few, short and common.

No word is of two kinds in `KINDS`, and no word is the opposite of two in `OPPOSITES`: else a question had two answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAMES = ("Ann", "Ben", "Cara", "Dan", "Finn", "Ida", "Mia", "Pia", "Sam", "Uma", "Zoe", "Lena", "Omar", "Noah", "Ella", "Jack")

KINDS: Mapping[str, Sequence[str]] = {
    "a fruit": ("apple", "pear", "plum", "grape", "lemon", "peach", "melon", "fig"),
    "an animal": ("dog", "cat", "horse", "cow", "sheep", "goat", "pig", "tiger"),
    "a colour": ("red", "blue", "green", "yellow", "black", "white", "pink", "purple"),
    "a tool": ("hammer", "saw", "drill", "axe", "spade", "rake", "clamp", "wrench"),
    "clothing": ("shirt", "coat", "hat", "shoe", "sock", "scarf", "belt", "boot"),
    "a vehicle": ("car", "bus", "train", "bike", "boat", "truck", "ship", "van"),
    "an instrument": ("piano", "drum", "violin", "flute", "guitar", "harp", "trumpet", "banjo"),
}
"""What each kind is called after "Which one is", and its members."""

OPPOSITES = (
    ("hot", "cold"), ("big", "small"), ("tall", "short"), ("fast", "slow"), ("old", "new"), ("wet", "dry"), ("light", "dark"),
    ("hard", "soft"), ("rich", "poor"), ("up", "down"), ("left", "right"), ("day", "night"), ("early", "late"),
    ("near", "far"), ("thick", "thin"), ("true", "false"),
)  # fmt: skip
"""Pairs of opposites."""

PURPOSES: Mapping[str, str] = {
    "write": "pen", "cut bread": "knife", "eat soup": "spoon", "open a lock": "key", "drink tea": "cup",
    "see at night": "lamp", "sweep a floor": "broom", "sew a shirt": "needle", "tell the time": "clock",
    "take a photo": "camera", "send a letter": "stamp", "catch a fish": "net", "climb a wall": "ladder",
    "wash hands": "soap", "pay for food": "money", "find a road": "map", "kick a goal": "ball", "light a fire": "match",
}  # fmt: skip
"""What one needs for what."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip

THINGS = ("cup", "key", "ball", "book", "pen", "map", "box", "bag", "coin", "ring")
MEASURES = (("taller", "tallest", "shortest"), ("older", "oldest", "youngest"), ("faster", "fastest", "slowest"))
"""A comparative, the superlative of who has most of it, and that of who has least."""
