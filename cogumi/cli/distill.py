"""`cogumi distill`: make training data of the model's own consensus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cogumi.cli._options import Flags


@click.command()
@run_flags
def command(**flags: Unpack[Flags]) -> None:
    """Make training data of the model's own consensus.

    Samples the training side, votes, and keeps what the model agrees on with itself.
    Writes self_distillation/CATEGORY.jsonl in chat-messages form, and prints what was kept and why the rest was not.

    \b
    Example:
      cogumi distill --plugins math --problems 500 --out runs/more
    """
    from cogumi.codec import to_json

    found = run_until("distill", flags).distillation
    assert found is not None  # the stage leaves it, or raises
    click.echo(json.dumps(to_json(found.categories), indent=2))
