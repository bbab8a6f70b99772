"""`cogumi distill`: make training data of the model's own consensus."""

from __future__ import annotations

import json
from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until


@click.command()
@run_flags
def command(**flags: Any) -> None:
    """Make training data of the model's own consensus.

    Samples the training side, votes, and keeps what the model agrees on with itself.
    Writes self_distillation/CATEGORY.jsonl in chat-messages form, and prints what was kept and why the rest was not.

    \b
    Example:
      cogumi distill --plugins math --problems 500 --out runs/more
    """
    from cogumi.codec import to_json

    click.echo(json.dumps(to_json(run_until("distill", flags).distillation.categories), indent=2))
