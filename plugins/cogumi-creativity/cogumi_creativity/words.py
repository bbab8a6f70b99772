"""The words of the bundled prompts. Data: short, common, and each fits every other in `a black kite and a storm`."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LOOKS = _words("red blue green black white small big lost new wet slow kind")
"""What the thing is like."""
THINGS = _words(
    "kite boat lamp bell book fox cat dog hen horse bird coin car bus hat ship tree rose bear goat cow ball clock cup"
)
"""What the text is about."""
THEMES: Mapping[str, tuple[str, ...]] = {
    "water": _words("river lake pond beach port flood"),
    "land": _words("hill field farm park road cave"),
    "town": _words("town bridge tower wall shop school"),
    "event": _words("storm fire feast dream song game"),
}
"""What else it is about, by theme."""
SCENES = tuple(scene for scenes in THEMES.values() for scene in scenes)
"""The same without the themes."""
THEME_OF: Mapping[str, str] = {scene: theme for theme, scenes in THEMES.items() for scene in scenes}
"""The theme of each scene."""
REQUESTS = (
    "Write a line about a {look} {thing} and a {scene}.",
    "Tell of a {look} {thing} and a {scene} in one line.",
    "One line, please: a {look} {thing}, a {scene}.",
)
"""Ways to ask."""
