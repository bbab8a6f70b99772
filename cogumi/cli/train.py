"""`cogumi train`: train on what was distilled."""

from __future__ import annotations

import json
from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until


@click.command()
@run_flags
def command(**flags: Any) -> None:
    """Train an adapter on the distilled examples.

    Distils first where that is not done yet.

    \b
    Example:
      cogumi train --plugins math -o qlora.epochs=4 --out runs/longer
    """
    folder = run_until("train", flags).folder
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    losses = training["losses"]
    click.echo(f"{training['examples']} examples, {training['steps']} steps, loss {losses[0]:.3f} to {losses[-1]:.3f}")
    click.echo(f"weights moved by {training['weight_change']:.2%}; base held as {training['quantization']}")
    for note in training["notes"]:
        click.echo(note)
    click.echo(folder / "adapter")
