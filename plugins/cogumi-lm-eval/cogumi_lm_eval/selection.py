"""What a task's name stands for, and what is refused before anything of it is executed.

lm-eval's own files come with lm-eval and are trusted as it is. A YAML file of one's own is a program: it names Python
functions, its templates can call them, and its metrics may be fetched from the hub; it takes `trust_task_code=true`. Tasks that
execute what the model wrote (`unsafe_code`) do so without walls and are refused altogether.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cogumi.errors import BadInput
from cogumi_lm_eval.catalogue import Catalogue, Entry, builtin, read, tasks_folder
from cogumi_lm_eval.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files that a run needs."""

    name: str
    """The name to load: a task, group or tag."""
    entries: Mapping[str, Entry]
    """Everything it consists of, by name, itself included."""

    @property
    def tasks(self) -> list[Entry]:
        """The tasks among it, in the order of the lists they are named in."""
        return [entry for entry in self.entries.values() if entry.kind == "task"]


def select(settings: Settings) -> Selection:
    """What `settings.task` stands for. Raises `BadInput` for a name that nothing has and a file that is no task."""
    if Path(settings.task).suffix in (".yaml", ".yml"):
        return _file(Path(settings.task).expanduser())
    entries = builtin().reach(settings.task)
    if not entries:
        raise BadInput(f"lm-eval has no task called '{settings.task}'", field="task", fix=_like(settings.task))
    return Selection(name=settings.task, entries=entries)


def refuse_unsafe(selection: Selection, settings: Settings) -> None:
    """Raise `BadInput` for what must not be executed, or not unasked."""
    for task in selection.tasks:
        if task.config.get("unsafe_code"):
            fix = "use the benchmark humaneval of cogumi-code, which has one"
            raise BadInput(f"'{task.name}' executes what the model wrote, without a sandbox", field="task", fix=fix)
    if settings.trust_task_code:
        return
    fix = "look at it, then set trust_task_code=true"
    for entry in selection.entries.values():
        if entry.path is not None and not entry.path.is_relative_to(tasks_folder()):
            raise BadInput("a task file of one's own may execute any code", file=entry.path, field="task", fix=fix)
        if metric := _fetched(entry.config):
            raise BadInput(f"'{entry.name}' executes the code of the metric '{metric}' on the hub", field="task", fix=fix)


def _fetched(config: Mapping[str, Any]) -> str | None:
    """A metric that lm-eval does not have and takes from the hub, where there is one."""
    import lm_eval.api.metrics  # noqa: F401  # makes lm-eval's own known
    from lm_eval.api.registry import metric_registry

    for metric in () if config.get("process_results") else config.get("metric_list") or ():
        own = metric["metric"] in metric_registry or "." in metric["metric"]  # a name with a dot is a function in its package
        if metric.get("hf_evaluate") or not own:
            return str(metric["metric"])
    return None


def _file(path: Path) -> Selection:
    if not path.is_file():
        raise BadInput("no such file", file=path, fix="give the path of a YAML file, or a task's name")
    entry = read(path.resolve())
    if entry is None:
        raise BadInput("not a task of lm-eval", file=path, fix="give it a key task or group, as lm-eval's own files have")
    entries = {entry.name: entry}
    if entry.members:
        around = Catalogue([path.resolve().parent, tasks_folder()])
        for member in entry.members:
            entries |= around.reach(member)
    return Selection(name=entry.name, entries=entries)


def _like(name: str) -> str:
    """Near matches that exist."""
    known: Any = builtin()
    near = [like for like in get_close_matches(name, known.names(), n=5, cutoff=0.5) if known.find(like)][:3]
    return f"did you mean {' or '.join(near)}?" if near else "lm-eval ls tasks lists them"
