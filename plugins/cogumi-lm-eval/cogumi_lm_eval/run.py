"""The check before a model is loaded, and the evaluation: lm-eval's `evaluate` on lm-eval's own `HFLM`.

The model is loaded as the sampler `hf` loads it, so that what is evaluated is what was sampled and trained: an adapter whose
base was held in 4 bits in training is added to a base rounded in the same way. The rest, from tokens to scores, is lm-eval's.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cogumi.errors import BadInput, CogumiError, RunFailed
from cogumi.protocols import Progress
from cogumi.records import ItemResult, Weights
from cogumi_lm_eval.metrics import counting, figures, unknown
from cogumi_lm_eval.quiet import quiet
from cogumi_lm_eval.settings import Settings
from cogumi_lm_eval.tasks import configure, load, unusable


def check(settings: Settings) -> None:
    """Load the tasks and have one item of each answered without a model. Raises `BadInput` for whatever is found wrong."""
    if settings.batch_size < 1:
        raise BadInput(f"{settings.batch_size} is not possible", field="batch_size", fix="1 or more")
    if settings.max_gen_toks is not None and settings.max_gen_toks < 1:
        raise BadInput(f"{settings.max_gen_toks} is not possible", field="max_gen_toks", fix="1 or more")
    with quiet():
        tasks = load(settings)
        try:
            items = list(_items(tasks, _samples(Rehearsal(), tasks, settings, dict.fromkeys(tasks, 1))))
        except Exception as error:  # a task's own code on data of any kind
            raise unusable(error, settings) from error
    metric = counting(settings)
    for item in items:
        if metric not in item.metrics:
            raise unknown(metric, item)


def evaluate(settings: Settings, model: Weights, limit: int | None, progress: Progress) -> Iterator[ItemResult]:
    """One item per document, those of several tasks in turn, so that the first `limit` of a group are spread over its tasks."""
    progress(0, 0, "loading")
    with quiet() as remarks:
        tasks = load(settings)
        counts = Counter(name for name, _ in _order(tasks, limit))
        tasks = {name: task for name, task in tasks.items() if counts[name]}
        lm = _language_model(settings, model)
        _refuse_length(lm, tasks, settings)
        lm.set_cache_hook(requests := Requests(tasks, progress))
        samples = _patiently(lm, tasks, settings, counts)
    note = f"prompts over {lm.max_length} tokens were cut at their beginning" if remarks.cut else ""
    progress(requests.total, requests.total, note)
    yield from _items(tasks, samples)


class Requests:
    """Reports each answered request; lm-eval tells it through what it offers for caching answers."""

    def __init__(self, tasks: Mapping[str, Any], progress: Progress) -> None:
        self.tasks, self.progress = tasks, progress
        self.done = self.total = 0

    def add_partial(self, kind: str, request: object, answer: object) -> None:
        """One more request is answered."""
        if self.done == 0:  # all requests of all tasks exist before the first is answered
            self.total = sum(i.repeats for task in self.tasks.values() for i in task.instances)
        self.done += 1
        self.progress(self.done, self.total, "requests")


class Rehearsal:
    """A language model for lm-eval that answers at once, to see whether everything else is in order."""

    rank, world_size, tokenizer_name = 0, 1, ""

    def loglikelihood(self, requests: Sequence[object]) -> list[tuple[float, bool]]:
        """Every continuation is equally likely."""
        return [(-1.0, False)] * len(requests)

    def loglikelihood_rolling(self, requests: Sequence[object]) -> list[float]:
        """Every text is equally likely."""
        return [-1.0] * len(requests)

    def generate_until(self, requests: Sequence[object]) -> list[str]:
        """The same word to every prompt."""
        return ["nothing"] * len(requests)

    def apply_chat_template(self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
        """The texts alone."""
        return "\n".join(message["content"] for message in messages)


def _order(tasks: Mapping[str, Any], limit: int | None) -> list[tuple[str, int]]:
    """Task and number of the documents wanted: the first of each task, then the second of each, and so on."""
    sizes = {name: len(task.eval_docs) for name, task in tasks.items()}
    places = ((name, number) for number in range(max(sizes.values())) for name, size in sizes.items() if number < size)
    return list(itertools.islice(places, limit))


def _language_model(settings: Settings, model: Weights) -> Any:
    from cogumi_hf.load import load as load_network
    from lm_eval.models.huggingface import HFLM

    network = load_network(model, device=settings.device, dtype=settings.dtype, base=settings.base)
    trust, size = model.trust_remote_code, settings.batch_size
    return HFLM(pretrained=network, tokenizer=model.path, trust_remote_code=trust, batch_size=size)


def _refuse_length(lm: Any, tasks: Mapping[str, Any], settings: Settings) -> None:
    from lm_eval.models.utils import normalize_gen_kwargs

    for name, task in tasks.items():
        if task.OUTPUT_TYPE == "generate_until":
            own = normalize_gen_kwargs(task.config.generation_kwargs or {}, lm.max_gen_toks)["max_gen_toks"]
            asked = settings.max_gen_toks or own
            if asked >= lm.max_length:
                problem = f"'{name}' lets a model write {asked} tokens, and this one takes {lm.max_length}, prompt included"
                raise BadInput(problem, field="max_gen_toks", fix="set it lower")


def _patiently(lm: Any, tasks: Mapping[str, Any], settings: Settings, counts: Mapping[str, int]) -> Mapping[str, Any]:
    """The samples; with half the batch when memory runs out."""
    import torch
    from cogumi_hf.engine import out_of_memory

    while True:
        torch.manual_seed(1234)  # lm-eval's own, for tasks that sample
        try:
            return _samples(lm, tasks, settings, counts)
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, CogumiError) or not out_of_memory(error) or lm.batch_size_per_gpu == 1:
                raise
        lm.batch_size_per_gpu //= 2
        lm.cache_hook.done = 0


def _samples(lm: Any, tasks: Mapping[str, Any], settings: Settings, counts: Mapping[str, int]) -> Mapping[str, Any]:
    """lm-eval's rows by task: one per document and filter."""
    from lm_eval.evaluator import evaluate

    configure(tasks, settings)
    results = evaluate(
        lm=lm,
        task_dict={"tasks": tasks},
        samples={name: range(counts[name]) for name in tasks},
        bootstrap_iters=0,
        apply_chat_template=settings.apply_chat_template,
        fewshot_as_multiturn=True,
    )
    if results is None:
        raise RunFailed("lm-eval gave no results: it runs in one process here, not in several that share the work")
    samples: Mapping[str, Any] = results["samples"]
    return samples


def _items(tasks: Mapping[str, Any], samples: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterator[ItemResult]:
    """Items in turn. An id is the task and the start of lm-eval's hash of the document; a repeated document is numbered."""
    found: dict[tuple[int, int], tuple[str, dict[str, float]]] = {}
    for place, (name, rows) in enumerate(samples.items()):
        seen: Counter[str] = Counter()
        for row in sorted(rows, key=lambda row: int(row["doc_id"])):
            key = (int(row["doc_id"]), place)
            if key not in found:
                digest = str(row["doc_hash"])[:12]
                seen[digest] += 1
                found[key] = (f"{name}/{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else ""), {})
            found[key][1].update(figures(tasks[name], row))
    for _, (identifier, metrics) in sorted(found.items()):
        yield ItemResult(id=identifier, metrics=metrics)
