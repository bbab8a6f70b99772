"""The sampler as a run first meets it: it says what it serves and resolves its model, and loads nothing before it draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cogumi_peft.fitting import fitted
from cogumi_peft.gguf import as_folder

from cogumi.errors import BadInput
from cogumi.records import Completion, Endpoint, Message, Model, Request, Resolved, Serves, Weights
from cogumi.weights import resolve
from cogumi_hf.options import Options

if TYPE_CHECKING:
    from cogumi_hf.sampler import HFSampler


class LightSampler:
    """Sampler `hf`: a `Sampler` and a `Resolver`. See `cogumi_hf.hf` for the options."""

    def __init__(self, model: Model, options: Options) -> None:
        self.model = model
        self.options = options
        self._loaded: HFSampler | None = None

    @property
    def serves(self) -> Serves:
        """Weights from disk, adapters, log-probabilities and ids; exact where it computes in float32, or is told to be."""
        folder = Path(self.model.path) if isinstance(self.model, Weights) else Path()
        return Serves(exact=self.options.is_exact(folder))

    def resolve(self) -> Resolved:
        """Find and check model, tokenizer, template, adapter and options without loading anything here.

        A GGUF file is converted, once.
        """
        self.options.check()
        found = resolve(as_folder(self._weights()))
        self.model = found.model
        return replace(found, notes=(*found.notes, *fitted(found)))

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion for every index of every request, in no particular order; may be called again."""
        yield from self.load().sample(requests)

    def loglikelihood(self, contexts: Sequence[Sequence[Message]], continuations: Sequence[str]) -> list[tuple[float, bool]]:
        """Per pair: the continuation's log-probability after the context, and whether greedy decoding would write it."""
        return self.load().loglikelihood(contexts, continuations)

    def load(self) -> HFSampler:
        """The sampler with its model in memory; loaded once."""
        if self._loaded is None:
            from cogumi_hf.sampler import HFSampler

            self.options.check()
            self._loaded = HFSampler(self._weights(), self.options)
        return self._loaded

    def close(self) -> None:
        """Give all memory back."""
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None

    def _weights(self) -> Weights:
        if isinstance(self.model, Endpoint):
            problem = f"sampler 'hf' loads models from disk, and '{self.model.name}' is served at {self.model.url}"
            raise BadInput(problem, field="model", fix="name a sampler that asks servers")
        return self.model
