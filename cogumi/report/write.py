"""report.md and report.html of a run folder, from its files alone."""

from __future__ import annotations

from pathlib import Path

from cogumi.errors import BadInput
from cogumi.files import write_file
from cogumi.report.content import build
from cogumi.report.markdown import render_markdown
from cogumi.report.page import render_html
from cogumi.report.side_by_side import pick_examples
from cogumi.runs import RunView


def write_report(folder: Path) -> list[str]:
    """Write both, and give their names. Raises `BadInput` where the run was never decided."""
    view = RunView(folder)
    if view.verdict is None:
        raise BadInput("no verdict there: the run did not come so far", file=folder, fix="go on with it: cogumi resume")
    blocks = list(build(view, pick_examples(view)))
    write_file(folder / "report.md", render_markdown(blocks))
    write_file(folder / "report.html", render_html(view.verdict.verdict, blocks))
    return ["report.md", "report.html"]
