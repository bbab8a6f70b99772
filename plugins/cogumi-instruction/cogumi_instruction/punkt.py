"""NLTK's English sentence model `punkt_tab`: found where it is, never downloaded.

Two of IFEval's constraints are checked with it: the number of sentences, and the number of words in capital letters (NLTK
splits sentences before it splits words). It is looked for where NLTK looks (`nltk.data.path`, `NLTK_DATA`), and in the
distribution llama-index-core, which carries a copy and which the extra `punkt` installs for machines that reach a package
index and nothing else. Where it is in neither place a prompt that needs it is refused: another sentence model would count
differently.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

INSTRUCTIONS = ("length_constraints:number_sentences", "change_case:capital_word_frequency")
"""The constraints that are checked with it."""
FIX = "pip install 'cogumi-instruction[punkt]', or python -m nltk.downloader punkt_tab"
"""What to do where it is missing."""


def available() -> bool:
    """Whether NLTK finds the model; afterwards it does where a copy is installed."""
    import nltk

    if _found():
        return True
    try:
        carrier = distribution("llama-index-core")
    except PackageNotFoundError:
        return False
    nltk.data.path.append(str(carrier.locate_file("llama_index/core/_static/nltk_cache")))
    return _found()


def _found() -> bool:
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab/english/")
    except LookupError:
        return False
    return True
