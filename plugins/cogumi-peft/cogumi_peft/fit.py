"""Whether a folder, its tokenizer, chat template and adapter fit together: `python -m cogumi_peft.fit MODEL` prints JSON.

MODEL is a `cogumi.records.Weights` as JSON. Key `notes`: what the user has to know; key `problem`: why it cannot be used.
Everything is asked of the libraries themselves, and no weights are read: the network is made without its numbers, and the
names and shapes in the files' headers are held against it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cogumi.chat import Chat
from cogumi.codec import from_json
from cogumi.errors import BadInput
from cogumi.records import Weights
from cogumi_peft.adapters import attach
from cogumi_peft.bases import hollow, one_line, refuse_gaps
from cogumi_peft.probing import answer


def look() -> dict[str, Any]:
    """Try the model that the command line names."""
    model = from_json(Weights, json.loads(sys.argv[1]))
    try:
        return {"notes": fit(model)}
    except BadInput as error:
        return {"problem": str(error)}


def fit(model: Weights) -> list[str]:
    """Sentences for the user. Raises `BadInput` for parts that do not fit together."""
    config = json.loads((Path(model.path) / "config.json").read_text(encoding="utf-8"))
    if config.get("quantization_config"):  # which packs tensors in a way that only its own library knows
        Chat.load(model).check()
        return []
    network, info = hollow(model)
    refuse_gaps(info, model)
    notes = [*_left_out(info), *_vocabulary(Chat.load(model), network.get_input_embeddings(), model)]
    return [*notes, *_adapter(network, model)]


def _left_out(info: Mapping[str, Any]) -> list[str]:
    if not (found := sorted(info["unexpected_keys"])):
        return []
    return [f"{len(found)} tensors of the weights have no place in the model and are left out, e.g. {found[0]}"]


def _vocabulary(chat: Chat, embedding: Any, model: Weights) -> list[str]:
    """Every id that the template or a text can come to needs a row; a special token that nothing writes needs none."""
    written, rows = chat.check(), int(embedding.weight.shape[0])
    beyond = {i: name for name, i in sorted(chat.tokenizer.get_vocab().items()) if i >= rows}
    for ids, who in ((set(written), "the chat template writes"), (set(beyond) - chat.control_ids, "a text may hold")):
        if wanting := sorted(ids & set(beyond)):
            raise BadInput(_no_row(beyond, wanting, who, rows), file=Path(model.path) / "tokenizer.json", fix=_RESIZE)
    return [f"{len(beyond)} special tokens have no row in the embedding, e.g. {min(beyond.values())}"] if beyond else []


_RESIZE = "take the tokenizer that the model was made with, or model.resize_token_embeddings(len(tokenizer))"


def _no_row(names: Mapping[int, str], wanting: Sequence[int], who: str, rows: int) -> str:
    token = f"{names[wanting[0]]} (id {wanting[0]})"
    return f"the tokenizer has more tokens than the embedding's {rows} rows: {who} {token}, which has none"


def _adapter(network: Any, model: Weights) -> list[str]:
    if model.adapter is None:
        return []
    try:
        attach(network, model.adapter, dry=True)
    except BadInput:
        raise
    except Exception as error:  # some ways of peft want numbers, which a hollow network has none of
        return [f"whether the adapter fits is only seen when it is loaded: {one_line(error)}"]
    return []


if __name__ == "__main__":
    answer(look)
