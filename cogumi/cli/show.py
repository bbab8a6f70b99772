"""`cogumi show`: a run, or one of its problems with every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

MARKS = {True: "right", False: "wrong", None: "-"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("problem", required=False)
def command(folder: Path, problem: str | None) -> None:
    """Show a run, or one of its problems with every answer.

    PROBLEM is an id as `cogumi failures` prints it, with or without its category.

    \b
    Examples:
      cogumi show runs/default
      cogumi show runs/default math/gsm8k-test-0a1b2c3d4e5f
    """
    from cogumi.runs import RunView

    view = RunView(folder)
    if problem is not None:
        _show_problem(view, problem)
    else:
        _show_run(view)


def _show_run(view: Any) -> None:
    from rich.console import Console

    from cogumi.report.terminal import summary

    settings = view.manifest.settings
    click.echo(f"{view.folder}: {', '.join(settings.plugins)} on {settings.model}, phase {settings.phase}")
    Console(highlight=False).print(summary(view))


def _show_problem(view: Any, name: str) -> None:
    from cogumi.errors import BadInput, suggest
    from cogumi.report.side_by_side import show_problems
    from cogumi.report.words import visible

    ids = [row.id for row in view.problems() if row.side == "held-out"]
    found = [known for known in ids if name in (known, known.partition("/")[2])]
    if not found:
        raise BadInput(f"no held-out problem is called '{name}'", field="PROBLEM", fix=suggest(name, ids[:2000]))
    category, _, problem = found[0].partition("/")
    (shown,) = show_problems(view, [(category, problem)])
    click.echo(f"{category}: {problem}\n\n{visible(shown.prompt)}\n\nreference: {visible(str(shown.reference))}")
    for side, said in (("before", shown.before), ("after", shown.after)):
        for number, one in enumerate(said, 1):
            answer = "no answer" if one.answer is None else one.answer
            click.echo(f"\n--- {side} {number}: {visible(answer)} ({MARKS[one.correct]})\n{visible(one.text)}")
