"""The flags that say what a run is, and what they are turned into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cogumi.planning.settings import Keywords, Settings

    class Flags(Keywords, total=False):
        """What click hands over: settings, None where nothing was said, and what is read into them."""

        config: Path | None
        data: tuple[str, ...]
        option: tuple[str, ...]


F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)

FLAGS = (
    click.option("-p", "--plugins", metavar="NAME,...", envvar="COGUMI_PLUGINS", help="Plugins whose categories take part."),
    click.option("-m", "--model", help="Model of the student: a known name, a folder, or a hub repository.  [default: tiny]"),
    click.option("--adapter", metavar="DIR", help="Adapter (LoRA) of the student to start from."),
    click.option("--out", metavar="DIR", type=PATH, help="Run folder.  [default: runs/default]"),
    click.option("--config", metavar="FILE", type=PATH, help="Settings from a TOML file; flags win over it."),
    click.option("--phase", metavar="NAME", help="Phase: sizes and gates (minimal, full).  [default: minimal]"),
    click.option("--gates", metavar="FILE", type=PATH, help="Gates, margins and sizes of your own, from a TOML file."),
    click.option("--data", "data", metavar="NAME=PATH", multiple=True, help="Data: read NAME's problems from PATH."),
    click.option("--problems", type=int, metavar="N", help="Training-side problems per category."),
    click.option("--held-out", type=int, metavar="N", help="Held-out problems per category."),
    click.option(
        "--min-examples",
        type=float,
        metavar="N",
        help="Examples kept per category, or a share of its problems, under which the run stops before it trains.",
    ),
    click.option("--samples", type=int, metavar="N", help="Samples per held-out problem.  [default: 10]"),
    click.option("--temperature", type=float, help="Use temperature of the model.  [default: 0.7]"),
    click.option(
        "--baseline-temperatures",
        metavar="T,...",
        help="Baseline temperatures: lower ones at which the untouched model is measured too (none: none); of "
        "several, one is chosen on the training side.  [default: 0.2]",
    ),
    click.option(
        "--fixed-temperature", is_flag=True, default=None, help="Use temperature cannot be lowered: a lower one is no rival."
    ),
    click.option("--top-p", type=float, help="Nucleus size in (0, 1].  [default: 1.0, off]"),
    click.option("--top-k", type=int, metavar="N", help="Tokens to draw among, the most probable ones.  [default: 0, off]"),
    click.option("--max-tokens", type=int, metavar="N", help="Token limit of a completion.  [default: each benchmark's]"),
    click.option("--system", metavar="TEXT", help="System prompt before every conversation."),
    click.option("--sampler", metavar="NAME", help="Sampler that asks the student (hf, replay, ...).  [default: hf]"),
    click.option("--trainer", metavar="NAME", help="Trainer (qlora, ...; none trains nothing).  [default: qlora]"),
    click.option(
        "--voter",
        metavar="NAME",
        help="Voter for all categories (majority, weighted, verified, unanimous, first, random, ...).  "
        "[default: each category's]",
    ),
    click.option(
        "--benchmarks", metavar="NAME,...", help="Benchmarks to measure besides, before and after (NAME:TASK for lm-eval)."
    ),
    click.option("--guard", metavar="NAME,...", help="Guards against forgetting, in every run (none: none).  [default: mmlu]"),
    click.option(
        "--controls",
        metavar="NAME,...",
        help="Controls: trainings that lack an ingredient, held against the vote's "
        "(unvoted, random, format, baked, gold, null; all).",
    ),
    click.option("--judge", metavar="[SAMPLER:]MODEL", help="Judge of texts that cannot be right or wrong."),
    click.option("--teacher", metavar="[SAMPLER:]MODEL", help="Teacher that answers what the student cannot agree on."),
    click.option("--reference", metavar="[SAMPLER:]MODEL", help="Reference to be held against."),
    click.option("--against", metavar="RUN", type=PATH, help="Run folder to be held against."),
    click.option("--observers", metavar="NAME,...", help="Observers of the run (jsonl, ...)."),
    click.option("--seed", type=int, help="Seed of everything drawn.  [default: 0]"),
    click.option(
        "-o",
        "--option",
        "option",
        metavar="NAME.OPTION=VALUE",
        multiple=True,
        help="Option of anything used, or of a role (judge.batch_size=4).",
    ),
    click.option(
        "--accept-unsandboxed",
        is_flag=True,
        default=None,
        help="Isolation by limits alone will do for model-written programs where the machine has nothing better.",
    ),
    click.option("--trust-remote-code", is_flag=True, default=None, help="Remote code may run: that in the model's folder."),
    click.option(
        "--redo", is_flag=True, default=None, help="Redo what a change calls for: draw or train again; the old is kept."
    ),
)


def run_flags(function: F) -> F:
    """All the flags that say what a run is."""
    for flag in reversed(FLAGS):
        function = flag(function)
    return function


def settings_of(flags: Flags) -> Settings:
    """The settings that the flags and the config file amount to."""
    from cogumi.errors import BadInput
    from cogumi.planning.config import parse_option, read_config
    from cogumi.planning.settings import merge

    config, data, option = flags.pop("config"), flags.pop("data"), flags.pop("option")
    options: dict[str, dict[str, str]] = {}
    for text in option:
        name, key, value = parse_option(text)
        options.setdefault(name, {})[key] = value
    for text in data:
        name, equals, path = text.partition("=")
        if not equals:
            raise BadInput(f"'{text}' names no category", field="--data", fix="write it as NAME=PATH, e.g. --data math=gsm8k/")
        options.setdefault(name, {})["data"] = path
    flags["options"] = options
    return merge(read_config(config) if config is not None else {}, flags)
