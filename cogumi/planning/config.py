"""Settings from a TOML file, every refusal with its line.

    [run]
    plugins = ["math"]
    held_out = 500

    [plugins.qlora]
    learning_rate = 1e-5

    [roles.judge]
    model = "my-org/judge"
    sampler = "vllm"

A table `[plugins.NAME]` holds the options of whatever is registered under NAME (a category's hold the fields of its strategy
too); its key `python` names the interpreter that the engine runs under. A table `[roles.ROLE]` holds who plays that role and
the sampler's options for it alone. Unknown keys are errors with near matches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cogumi.errors import BadInput
from cogumi.planning import defaults
from cogumi.planning.settings import FIELDS, LISTS, RANGES, Keywords, Settings, check_range, temperatures_of
from cogumi.records import JSON, Options
from cogumi.registry.options import options_of_record
from cogumi.roles.role import ROLES
from cogumi.toml_text import Config, TomlTable, read_toml


def read_config(path: Path) -> Keywords:
    """The settings of a TOML file, as keyword arguments of `Settings`."""
    config, document = read_toml(path, option="--config")
    config.refuse_unknown(document, ("run", "plugins", "roles"))
    run, plugins, roles = (config.table_of(document, name) for name in ("run", "plugins", "roles"))
    config.refuse_unknown(run, FIELDS.keys() - {"options", "pythons"}, "run")
    config.refuse_unknown(roles, ROLES, "roles")
    tables = {name: config.table_of(plugins, "plugins", name) for name in plugins}
    pythons = {name: _python(config, name, table["python"]) for name, table in tables.items() if "python" in table}
    options: dict[str, Options] = {name: {k: v for k, v in table.items() if k != "python"} for name, table in tables.items()}
    played = [_role(config, name, config.table_of(roles, "roles", name)) for name in roles]
    settings = {name: _typed(config, name, value) for name, value in run.items()}
    for own, table in played:
        settings.update(own)
        options.update(table)
    return cast(Keywords, {**settings, "options": options, "pythons": pythons})  # each checked above


def _role(config: Config, role: str, table: TomlTable) -> tuple[Mapping[str, str], Mapping[str, Options]]:
    """The settings that a table `[roles.ROLE]` stands for, and the role's options."""
    for key in ("model", "sampler"):
        if key in table and not isinstance(table[key], str):
            raise config.error("roles", role, key, problem="not a name")
    options = {key: value for key, value in table.items() if key not in ("model", "sampler")}
    if role == "student":
        return {key: table[key] for key in ("model", "sampler") if key in table}, {role: options}
    if "model" not in table:
        raise config.error("roles", role, problem="no model is named", fix=f'give [roles.{role}] a key model = "..."')
    spec = f"{table['sampler']}:{table['model']}" if "sampler" in table else table["model"]
    return {role: spec}, {role: options}


def _typed(config: Config, name: str, value: JSON) -> JSON:
    """A value of the table `[run]`, checked against its field's type."""
    if name in LISTS:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            if value == defaults.NOTHING:
                return ()
            raise config.error("run", name, problem="not a list of names", fix='write it as ["math"]')
        return tuple(value)
    try:
        if name == "baseline_temperatures":
            return temperatures_of(value)
        converted = options_of_record(Settings)[name].convert(value)
    except (ValueError, TypeError, BadInput) as error:
        raise config.error("run", name, problem=str(error)) from error
    if name in RANGES:
        check_range(name, converted, file=config.path, line=config.line_of("run", name))
    return converted


def _python(config: Config, name: str, value: JSON) -> str:
    if not isinstance(value, str):
        raise config.error("plugins", name, "python", problem="not a path", fix="give the path of an interpreter")
    return value


def parse_option(text: str) -> tuple[str, str, str]:
    """`NAME.OPTION=VALUE` from the command line."""
    key, equals, value = text.partition("=")
    name, dot, option = key.rpartition(".")
    if not equals or not dot:
        raise BadInput(f"'{text}' is no option", field="-o", fix="write it as NAME.OPTION=VALUE, e.g. -o qlora.epochs=3")
    return name, option, value
