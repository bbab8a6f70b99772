"""The flags that `run` and the commands for its single stages share, and what they are turned into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FLAGS = (
    click.option("-p", "--plugins", metavar="NAME,...", envvar="COGUMI_PLUGINS", help="Categories to take part."),
    click.option("-m", "--model", help="A known name, a local folder, or a repository on the hub.  [default: tiny]"),
    click.option("--adapter", metavar="DIR", help="An adapter (LoRA) of that model to start from."),
    click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="The run folder.  [default: runs/default]"),
    click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings in TOML; flags win over it."),
    click.option("--phase", type=click.Choice(["minimal", "full"]), help="Size and gates.  [default: minimal]"),
    click.option("--data", "data", metavar="NAME=PATH", multiple=True, help="Read NAME's problems from a file or folder."),
    click.option("--problems", type=int, metavar="N", help="Training-side problems per category."),
    click.option("--held-out", type=int, metavar="N", help="Held-out problems per category."),
    click.option("--samples", type=int, metavar="N", help="Samples per held-out problem.  [default: 10]"),
    click.option("--temperature", type=float, help="The temperature the model is used at.  [default: 0.7]"),
    click.option("--sampler", help="Who samples.  [default: hf]"),
    click.option("--trainer", help="Who trains.  [default: qlora]"),
    click.option("--voter", help="Who decides, for all categories.  [default: each category's own]"),
    click.option("--benchmarks", metavar="NAME,...", help="Measure these besides, before and after (NAME:TASK for lm-eval)."),
    click.option("--guard", metavar="NAME", help="What shows forgetting, in every run; none: nothing.  [default: mmlu]"),
    click.option("--judge", metavar="MODEL", help="Who judges texts that cannot be right or wrong."),
    click.option("--judge-sampler", metavar="NAME", help="Who asks the judge.  [default: who samples]"),
    click.option(
        "--against", metavar="RUN", type=click.Path(path_type=Path), help="Hold this run against another one's folder, too."
    ),
    click.option("--seed", type=int, help="Seed of everything drawn.  [default: 0]"),
    click.option("-o", "--option", "option", metavar="NAME.OPTION=VALUE", multiple=True, help="An option of anything used."),
    click.option(
        "--accept-unsandboxed",
        is_flag=True,
        default=None,
        help="Run model-written programs behind limits alone where the machine offers no walls.",
    ),
    click.option("--trust-remote-code", is_flag=True, default=None, help="Let code in the model's folder run."),
)


def run_flags(function: F) -> F:
    """All the flags that say what a run is."""
    for flag in reversed(FLAGS):
        function = flag(function)
    return function


def settings_of(flags: dict[str, Any]) -> Any:
    """The settings that the flags and the config file amount to."""
    from cogumi.errors import BadInput
    from cogumi.settings import merge, parse_option, read_config

    config, data, option = (flags.pop(name) for name in ("config", "data", "option"))
    options: dict[str, dict[str, str]] = {}
    for text in option:
        name, key, value = parse_option(text)
        options.setdefault(name, {})[key] = value
    for text in data:
        name, equals, path = text.partition("=")
        if not equals:
            raise BadInput(f"'{text}' names no category", field="--data", fix="write it as NAME=PATH, e.g. --data math=gsm8k/")
        options.setdefault(name, {})["data"] = path
    return merge(read_config(config) if config is not None else {}, {**flags, "options": options})
