"""From a name to lm-eval's task objects.

Each file that is needed gets a small one in a temporary folder that includes it, and sets the local data where there is some.
A `TaskManager` that knows this folder alone is ready at once, and follows lm-eval's rules for groups, tags and overrides.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cogumi.errors import BadInput, CogumiError
from cogumi_lm_eval.catalogue import Entry
from cogumi_lm_eval.local import sources
from cogumi_lm_eval.selection import Selection, refuse_unsafe, select
from cogumi_lm_eval.settings import Settings

READERS = ("json", "csv", "parquet", "text", "arrow")
"""Values of `dataset_path` that are formats and no repositories."""

NO_HUB = "connect, or give local data: --data lm-eval=PATH"


def load(settings: Settings) -> dict[str, Any]:
    """lm-eval's tasks by name, with their data. Raises `BadInput` for whatever cannot be had or must not be executed."""
    selection = select(settings)
    refuse_unsafe(selection, settings)
    _refuse_shots(selection, settings)
    with tempfile.TemporaryDirectory(prefix="cogumi-lm-eval-") as folder:
        write(selection, settings, Path(folder))
        if settings.data == "hub":
            _reach_hub(selection)
        try:
            tasks = _loaded(selection.name, folder)
        except CogumiError:
            raise
        except Exception as error:  # tasks execute code of their own on data of any kind, and name neither when it fails
            raise unusable(error, settings) from error
    if any(getattr(task, "UNSAFE_CODE", False) for task in tasks.values()):
        raise BadInput("the task executes what the model wrote, without a sandbox", field="task")
    for task in tasks.values():
        _settle(task)
    return tasks


def write(selection: Selection, settings: Settings, folder: Path) -> None:
    """Leave in `folder` one YAML file for each of the selection's, which includes it and sets the local data."""
    for number, entry in enumerate(selection.entries.values()):
        if entry.path is not None:
            (folder / f"{number}.yaml").write_text(_wrapper(entry, settings), encoding="utf-8")


def configure(tasks: Mapping[str, Any], settings: Settings) -> None:
    """Set what a user of lm-eval sets on its command line, by its rules and with its default seed."""
    for task in tasks.values():
        if settings.max_gen_toks is not None and task.get_config("output_type") == "generate_until":
            task.set_config(key="generation_kwargs", value={"max_gen_toks": settings.max_gen_toks}, update=True)
        if settings.shots is not None:
            task.set_config(key="num_fewshot", value=settings.shots)
        elif task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=1234)


def _loaded(name: str, folder: str) -> dict[str, Any]:
    import numpy
    from lm_eval.tasks import TaskManager

    random.seed(0)  # some tasks shuffle as they load; these are lm-eval's own seeds
    numpy.random.seed(1234)
    tasks: dict[str, Any] = TaskManager(include_path=folder, include_defaults=False).load([name])["tasks"]
    return tasks


def _settle(task: Any) -> None:
    """Make a task's documents once and for all: lm-eval makes them anew for prompts and for scores, and some are shuffled."""
    docs = getattr(task, "task_docs", None)
    docs = task.eval_docs if docs is None else docs
    setattr(task, "test_docs" if task.has_test_docs() else "validation_docs", lambda: docs)


def _wrapper(entry: Entry, settings: Settings) -> str:
    """A YAML file that is this one but for its data. JSON is YAML."""
    text = f"include: {json.dumps(str(entry.path))}\n"
    if settings.data == "hub" or entry.kind != "task":
        return text
    if settings.data == "bundled":
        raise BadInput("lm-eval's tasks come without data", field="data", fix="--data lm-eval=hub, or --data lm-eval=PATH")
    given = sources(entry.config, settings.data, settings.task, _shots(entry, settings))
    return text + f"custom_dataset: !function cogumi_lm_eval.local.dataset\ndataset_kwargs: {json.dumps(given)}\n"


def _shots(entry: Entry, settings: Settings) -> int:
    own = entry.config.get("num_fewshot")
    return int(own or 0) if settings.shots is None else settings.shots


def _refuse_shots(selection: Selection, settings: Settings) -> None:
    if settings.shots is None:
        return
    if settings.shots < 0:
        raise BadInput(f"{settings.shots} is not possible", field="shots", fix="0 or more")
    for task in selection.tasks:
        if task.config.get("num_fewshot") == 0 and settings.shots:  # lm-eval would leave them out without a word
            raise BadInput(f"'{task.name}' is defined without worked examples", field="shots", fix="leave shots out")


def _reach_hub(selection: Selection) -> None:
    """Ask the hub for each dataset's card: offline and without a cache that fails at once, loading only after half a minute."""
    from huggingface_hub import snapshot_download

    for repo in dict.fromkeys(path for task in selection.tasks for path in _repository(task)):
        try:
            snapshot_download(repo, repo_type="dataset", allow_patterns="README.md")
        except Exception as error:  # the hub client raises many unrelated types; each means: no data
            raise BadInput(f"cannot be loaded from the hub: {line(error)}", file=repo, field="data", fix=NO_HUB) from error


def _repository(task: Entry) -> Iterator[str]:
    path = task.config.get("dataset_path")
    if "class" in task.config and path is None and task.path is not None:
        path = _python_task(task).DATASET_PATH
    if path is not None and path not in READERS and "custom_dataset" not in task.config and not Path(path).exists():
        yield str(path)


def _python_task(task: Entry) -> Any:
    assert task.path is not None
    module, _, name = str(task.config["class"]).rpartition(".")
    package = ".".join(task.path.parent.parts[task.path.parent.parts.index("lm_eval") :])
    try:
        return getattr(import_module(f"{package}.{module}"), name)
    except ImportError as error:
        raise BadInput(f"'{task.name}' needs a package: {line(error)}", field="task", fix="install it") from error


def unusable(error: Exception, settings: Settings) -> BadInput:
    """What lm-eval or a task's own code raised, as something to mend."""
    if settings.data == "hub":
        return BadInput(f"lm-eval cannot use '{settings.task}': {line(error)}", field="task")
    fix = "give rows in the schema that the hub serves for it"
    return BadInput(f"'{settings.task}' cannot use these rows: {line(error)}", file=settings.data, field="data", fix=fix)


def line(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
