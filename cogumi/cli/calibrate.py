"""`cogumi calibrate`: how often a verdict is wrong where nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cogumi.cli._options import run_flags, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cogumi.cli._options import Flags
    from cogumi.pipeline.calibrate import Calibration
    from cogumi.stats import Interval

OUT = Path("runs/null")


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", "--repetitions", "runs", type=int, metavar="K", default=100, show_default=True, help="Null runs to deal."
)
@click.option("--json", "as_json", is_flag=True, help="JSON of all counts with their intervals.")
@run_flags
def command(folder: Path | None, runs: int, as_json: bool, **flags: Unpack[Flags]) -> None:
    """Say how often a verdict is wrong where nothing changed.

    Over settings it makes one null run (nothing trained; before and after drawn with other seeds; --out is runs/null unless
    named) and deals its samples K times at random into another before and after, each with as many samples as the run had.
    Over the FOLDER of a null run it deals those, and nothing is drawn; of a run that has only been diagnosed, each side gets
    half of the samples. The model is the same on both sides, so every PROCEED is false, and so are the claims that are
    counted besides; that training is not worth it may be true. Intervals are over deals: other problems or samples would
    give other counts. Exit codes: 0 done, 1 failed, 2 bad input.

    \b
    Examples:
      cogumi calibrate --plugins math
      cogumi calibrate runs/null --runs 1000 --gates my.toml
    """
    from cogumi.cli._display import Bars
    from cogumi.codec import to_json
    from cogumi.pipeline.calibrate import calibrate, calibrate_settings

    with Bars() as bars:
        if folder is not None:
            phase, gates = flags.pop("phase", None), flags.pop("gates", None)
            _refuse_settings([name for name, value in flags.items() if value not in (None, ())])
            found = calibrate(folder, runs, bars, phase=phase, gates=None if gates is None else Path(gates))
        else:
            _refuse_trainer(flags.get("trainer"))
            redo = bool(flags.pop("redo", False))
            flags["out"] = flags.get("out") or OUT
            found = calibrate_settings(settings_of(flags), runs, bars, redo=redo)
    click.echo(json.dumps(to_json(found), indent=2) if as_json else "\n".join(_lines(found)))


def _refuse_settings(given: Sequence[str]) -> None:
    """A recorded run has settings of its own."""
    from cogumi.errors import BadInput

    if given:
        fix = "name a run's folder, or the settings of a new null run"
        raise BadInput("a recorded run has settings of its own", field=f"--{given[0].replace('_', '-')}", fix=fix)


def _refuse_trainer(trainer: str | None) -> None:
    """Only a config file's trainer is passed over without a word."""
    from cogumi.errors import BadInput
    from cogumi.planning import defaults

    if trainer not in (None, defaults.NOTHING):
        raise BadInput("a null run trains nothing", field="--trainer", fix="leave it out")


def _lines(found: Calibration) -> Iterator[str]:
    yield f"{found.runs:,} null runs, {_dealt(found)}:"
    for verdict, counted in found.verdicts.items():
        yield f"{verdict:<13} {counted.count:>5}  {_share(counted.share)}"
    if not found.enough:
        yield f"No null run can say PROCEED: {found.samples} samples of each problem on a side are too few."
    made = [f"{name} {claim.count}" for name, claim in found.claims.items() if claim.count]
    yield f"False claims: {', '.join(made) or 'none'}."
    false = found.verdicts["PROCEED"]
    yield f"false PROCEED: {false.count} of {found.runs}, {_share(false.share)}"


def _dealt(found: Calibration) -> str:
    problems = ", ".join(f"{name} {count:,}" for name, count in found.problems.items())
    each = "the two drawings of a null run" if found.drawings == 2 else "one diagnosis, half of its samples to each side"
    return f"each with {found.samples} samples of a problem before and after (problems: {problems}), dealt from {each}"


def _share(share: Interval) -> str:
    return f"{share.value:.1%} ({share.low * 100:.1f} to {share.high * 100:.1f})"
