"""TriviaQA's normalised exact match.

    "The  Beatles!" = "beatles"        "St. Mary's" = "st mary s"        "Lima, Peru" = "lima peru", which is not "lima"

Source: the evaluation script of Joshi et al. 2017, "TriviaQA: A Large Scale Distantly Supervised Challenge Dataset for
Reading Comprehension" (`evaluation/triviaqa_evaluation.py` of the dataset's repository, version 1.0). Its rule, in this order:

1. underscores become spaces; 2. lower case; 3. every character of ASCII punctuation and each of ‘ ’ ´ ` becomes a space;
4. the whole words a, an and the become a space; 5. runs of white space become one space, none at the ends.

An answer is right when its normalised text equals one of the normalised aliases. (SQuAD's script deletes punctuation
instead of replacing it: "Mary's" is "marys" there and "mary s" here.)
"""

from __future__ import annotations

import re
import string
import unicodedata

_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`", " "))
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalise(text: str) -> str:
    """The normalised text, exactly as TriviaQA's script makes it; may be empty."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def key(text: str) -> str:
    """The normalised text; of a text of which nothing would be left ("The The", "!!!") the plain one in lower case.

    Only here goes the comparison beyond the script, which holds all such texts, and an empty one, to be equal, and an accent to
    be another letter where it is written as a character of its own.
    """
    text = unicodedata.normalize("NFC", text)
    return normalise(text) or " ".join(text.lower().split())
