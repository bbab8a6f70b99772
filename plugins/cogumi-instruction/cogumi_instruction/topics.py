"""What the bundled problems are about, and the words their constraints ask for. Plain words, and few of them."""

from __future__ import annotations

from collections.abc import Mapping

TOPICS: Mapping[str, tuple[str, ...]] = {
    "sea": ("deep", "cold", "wild", "green", "calm", "wide"),
    "dog": ("small", "fast", "good", "red", "old", "wild"),
    "cat": ("soft", "slow", "small", "wild", "calm", "old"),
    "river": ("long", "cold", "deep", "fast", "wide", "green"),
    "moon": ("round", "cold", "high", "calm", "old", "red"),
    "market": ("loud", "busy", "free", "big", "good", "old"),
    "train": ("fast", "long", "loud", "red", "full", "new"),
    "house": ("big", "warm", "old", "wide", "new", "red"),
    "tree": ("tall", "green", "old", "wide", "wild", "good"),
    "rain": ("wet", "cold", "soft", "long", "good", "loud"),
    "horse": ("fast", "tall", "good", "wild", "red", "calm"),
    "farm": ("busy", "green", "big", "good", "free", "wet"),
    "park": ("green", "calm", "wide", "free", "new", "big"),
    "shop": ("new", "small", "busy", "good", "full", "warm"),
    "boat": ("slow", "long", "wet", "new", "red", "small"),
    "bird": ("light", "small", "free", "wild", "fast", "loud"),
    "fish": ("wet", "cold", "fast", "small", "red", "light"),
    "book": ("good", "long", "old", "light", "new", "small"),
    "lake": ("calm", "round", "deep", "cold", "green", "wide"),
    "fire": ("hot", "red", "warm", "wild", "light", "big"),
    "snow": ("cold", "soft", "light", "deep", "wet", "new"),
    "city": ("big", "loud", "full", "busy", "new", "old"),
    "king": ("old", "tall", "good", "calm", "big", "loud"),
    "wind": ("wild", "cold", "loud", "fast", "dry", "warm"),
    "star": ("high", "light", "red", "small", "old", "hot"),
    "night": ("long", "dry", "cold", "calm", "warm", "deep"),
    "hill": ("high", "green", "round", "dry", "wide", "calm"),
    "road": ("long", "dry", "wide", "new", "slow", "busy"),
    "car": ("red", "fast", "new", "small", "light", "loud"),
    "song": ("soft", "old", "good", "slow", "long", "light"),
    "sun": ("hot", "round", "big", "high", "red", "warm"),
    "door": ("tall", "wide", "green", "old", "dry", "new"),
}
"""Adjectives by topic, the plainest first. None of them occurs in another word of a bundled text."""
KEYWORDS = (
    "box", "bag", "cup", "lamp", "bell", "map", "bread", "egg", "rose", "stone", "gold", "milk", "rope", "drum",
    "flag", "coat", "shoe", "ball", "bike", "tent", "plum", "desk", "kite", "clock", "cake", "soup",
)  # fmt: skip
"""Words to be used. None of them is a topic or a part of a word of a bundled text."""
ENDS = (
    "That is all.", "See you soon.", "Thank you.", "Have a nice day.", "What do you think?", "I hope so.",
    "This is the end.", "Come and see.", "Let me know.", "Is that right?",
)  # fmt: skip
"""Phrases to end with. None of them ends another one."""
