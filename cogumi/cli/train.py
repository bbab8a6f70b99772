"""`cogumi train`: train on what was distilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import end_with_verdict, run_until

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cogumi.cli._options import Flags


@click.command()
@run_flags
def command(**flags: Unpack[Flags]) -> None:
    """Train an adapter on the distilled examples.

    Distills first where that is not done yet.

    \b
    Example:
      cogumi train --plugins math -o qlora.epochs=4 --out runs/longer
    """
    view = run_until("train", flags)
    training = view.training
    if training is None and view.verdict is not None and view.verdict.untrained:
        end_with_verdict(view)
    if training is None:
        click.echo("nothing was trained: the trainer is none")
        return
    losses = training.losses
    click.echo(f"{training.examples} examples, {training.steps} steps, loss {losses[0]:.3f} to {losses[-1]:.3f}")
    click.echo(f"weights moved by {training.weight_change:.2%}; base held as {training.quantization}")
    for note in training.notes:
        click.echo(note)
    click.echo(view.adapter)
