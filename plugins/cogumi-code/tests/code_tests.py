"""What the tests of category and benchmark share: completions from texts."""

from __future__ import annotations

from cogumi.records import Completion


def said(*texts: str, finish: str = "stop") -> list[Completion]:
    """These texts as completions."""
    error = "the engine died" if finish == "error" else None
    return [Completion(request="r", index=i, text=text, finish=finish, error=error) for i, text in enumerate(texts)]
