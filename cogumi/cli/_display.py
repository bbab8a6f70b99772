"""A run's progress on stderr: one line per stage, and a bar with rate and time left while it works."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from cogumi.report.words import visible

TITLES = {
    "before": "diagnose (before)",
    "after": "diagnose (after)",
    "reference": "diagnose (reference)",
    "match": "head to head",
    "temperatures": "temperature",
}


class Rate(ProgressColumn):
    """Finished steps per second."""

    def render(self, task: Task) -> Text:
        """E.g. `57.3/s`."""
        return Text("" if task.speed is None else f"{task.speed:.1f}/s", style="dim")


class Bars:
    """The display of a person's terminal. Use as a context manager."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        bar = BarColumn(bar_width=30)
        note = TextColumn("{task.fields[note]}", style="dim", markup=False)
        columns = (TextColumn("  "), bar, MofNCompleteColumn(), Rate(), TimeRemainingColumn(), note)
        self.bars = Progress(*columns, console=self.console, transient=True)
        self.task: TaskID | None = None

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()
        if self.bars.live.is_started:  # else it would print an empty line
            self.bars.stop()

    def begin(self, stage: str, note: str) -> None:
        """A line for the stage; its bar comes with the first progress."""
        self._clear()
        self.console.print(f"[bold]{TITLES.get(stage, stage):<18}[/] {escape(note)}", soft_wrap=True)

    def progress(self, done: int, total: int, note: str) -> None:
        """Move the bar."""
        if self.task is None:
            self.bars.start()
            self.task = self.bars.add_task("", total=total, note=note)
        self.bars.update(self.task, completed=done, total=total, note=note)

    def say(self, text: str) -> None:
        """A sentence of its own."""
        self.console.print(f"  {visible(text)}", soft_wrap=True, markup=False)

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        """Nothing: the summary shows them."""

    def end(self, stage: str, seconds: float) -> None:
        """Nothing: the next line says so."""

    def finish(self, outcome: str) -> None:
        """Nothing: the summary says so."""

    def _clear(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
