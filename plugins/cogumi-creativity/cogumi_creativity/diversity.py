"""How different several texts for one prompt are: distinct-n and self-BLEU.

    "the kite waits", "the kite sleeps"    6 words; the, kite, waits, sleeps: distinct-1 = 4/6; distinct-2 = 3/6

distinct-n (Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models"): different n-grams
in all texts together, divided by the number of their words. Self-BLEU (Zhu et al. 2018, "Texygen: A Benchmarking Platform for
Text Generation Models"): the mean BLEU of each text with all others as its references, 0.0 to 1.0, computed by
sacrebleu with effective order, as it advises for sentences. Words are those of BLEU's tokenizer 13a. The more diverse the
texts, the higher is distinct-n and the lower is self-BLEU.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean


def diversity(texts: Sequence[str]) -> dict[str, float]:
    """`distinct_1`, `distinct_2` and `self_bleu` of the samples of one problem; what has no value for so few is left out."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokenize = Tokenizer13a()  # type: ignore[no-untyped-call]  # the only untyped class of a typed package
    words = [tokenize(text).split() for text in texts]
    figures = {f"distinct_{n}": distinct(words, n) for n in (1, 2)} if any(words) else {}
    return figures | ({"self_bleu": self_bleu(texts)} if len(texts) > 1 else {})


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Different n-grams of all texts by the number of their words. There is at least one word."""
    grams = {tuple(words[i : i + n]) for words in texts for i in range(len(words) - n + 1)}
    return len(grams) / sum(map(len, texts))


def self_bleu(texts: Sequence[str]) -> float:
    """Mean BLEU of each of at least two texts against the others."""
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(effective_order=True)
    others = ([*texts[:i], *texts[i + 1 :]] for i in range(len(texts)))
    scores = [metric.sentence_score(text, rest).score for text, rest in zip(texts, others, strict=True)]
    return min(1.0, fmean(scores) / 100)
