from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogumi.errors import BadInput
from cogumi.planning import defaults
from cogumi.planning.config import parse_option, read_config
from cogumi.planning.settings import FIELDS, Keywords, Settings, merge
from cogumi.registry.options import options_of_record

EVERY_FIELD: dict[str, Any] = {
    "plugins": ("math", "code"),
    "model": "org/model",
    "adapter": "an/adapter",
    "phase": "full",
    "gates": Path("my-gates.toml"),
    "sampler": "replay",
    "trainer": "other",
    "voter": "majority",
    "benchmarks": ("humaneval", "lm-eval:arc_easy"),
    "guard": ("humaneval",),
    "controls": ("unvoted", "gold"),
    "judge": "replay:org/judge",
    "teacher": "org/teacher",
    "reference": "org/reference",
    "against": Path("runs/other"),
    "temperature": 0.5,
    "fixed_temperature": True,
    "baseline_temperatures": (0.1, 0.3),
    "top_p": 0.9,
    "top_k": 50,
    "max_tokens": 99,
    "system": "Be brief.",
    "samples": 4,
    "problems": 7,
    "held_out": 9,
    "min_examples": 20.0,
    "seed": 3,
    "trust_remote_code": True,
    "accept_unsandboxed": True,
    "observers": ("jsonl",),
    "out": Path("runs/x"),
}


def config(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_config(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def toml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[run]\nseed = {'9' * 5_000}\n", ":2: --config: a whole number of more than 4,300 digits"),
        ("[run]\nseed = " + "[" * 5_000, ": --config: nested too deep"),
        ("[run]\nsystem = '" + "x" * 5_000_000 + "'", ": --config: more than 4 MB of settings"),
    ],
)
def test_what_toml_cannot_hold_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = config(tmp_path, text)
    assert refusal(path).startswith(f"{path}{said}")


def test_every_setting_can_be_given_in_toml(tmp_path: Path) -> None:
    assert EVERY_FIELD.keys() == FIELDS.keys() - {"options", "pythons"}
    lines = [f"{name} = {toml(value)}" for name, value in EVERY_FIELD.items()]
    settings = merge(read_config(config(tmp_path, "\n".join(["[run]", *lines]))))
    for name, value in EVERY_FIELD.items():
        assert getattr(settings, name) == value
        assert getattr(Settings(), name) != value, "the test gives each field another value than its default"


def test_every_setting_is_a_keyword_of_run_and_says_what_it_does() -> None:
    assert Keywords.__annotations__.keys() == FIELDS.keys() | {"redo"}
    assert all(option.help.endswith(".") for option in options_of_record(Settings).values())


def test_options_and_interpreters_have_a_table_for_each_name(tmp_path: Path) -> None:
    text = '[plugins.qlora]\nlearning_rate = 1e-5\nepochs = 3\n\n[plugins.vllm]\npython = "/opt/vllm/bin/python"\n'
    settings = merge(read_config(config(tmp_path, text)))
    assert settings.options["qlora"] == {"learning_rate": 1e-5, "epochs": 3}
    assert settings.pythons == {"vllm": "/opt/vllm/bin/python"}
    assert "python" not in settings.options["vllm"]


ROLES = """
[roles.student]
model = "my/student"
sampler = "replay"
path = "a.jsonl"

[roles.judge]
model = "my/judge"
sampler = "other"
url = "http://h:1"

[roles.teacher]
model = "my/teacher"
"""


def test_a_role_has_a_table_of_its_own(tmp_path: Path) -> None:
    settings = merge(read_config(config(tmp_path, ROLES)))
    assert (settings.model, settings.sampler) == ("my/student", "replay")
    assert (settings.judge, settings.teacher, settings.reference) == ("other:my/judge", "my/teacher", None)
    assert settings.options == {"student": {"path": "a.jsonl"}, "judge": {"url": "http://h:1"}, "teacher": {}}


def test_a_role_s_table_leaves_the_options_of_its_sampler_alone(tmp_path: Path) -> None:
    both = '[plugins.other]\nurl = "http://all"\n[roles.judge]\nmodel = "m"\nsampler = "other"\nurl = "http://judge"\n'
    options = merge(read_config(config(tmp_path, both))).options
    assert options == {"other": {"url": "http://all"}, "judge": {"url": "http://judge"}}


@pytest.mark.parametrize(
    ("given", "taken"),
    [("math", ("math",)), (" math , code,", ("math", "code")), (["math", "code"], ("math", "code")), ("none", ()), ([], ())],
)
def test_names_are_given_with_commas_or_as_a_list(given: Any, taken: tuple[str, ...]) -> None:
    for name in ("plugins", "benchmarks", "guard", "observers"):
        assert getattr(merge({name: given}), name) == taken


@pytest.mark.parametrize(
    ("given", "taken"),
    [("0.2,0.5", (0.2, 0.5)), ("0.2,", (0.2,)), ([0.2, "0.5"], (0.2, 0.5)), ("none", ()), ((), ())],
)
def test_baseline_temperatures_are_given_like_names(given: Any, taken: tuple[float, ...]) -> None:
    assert merge({"baseline_temperatures": given}).baseline_temperatures == taken


@pytest.mark.parametrize("given", ["low", "0", "0.2,11", "nan", [-1]])
def test_what_is_no_baseline_temperature_is_refused(given: Any) -> None:
    with pytest.raises(BadInput, match=r"^baseline_temperatures: .* \((e\.g\. 0\.2,0\.5|give numbers above 0)"):
        merge({"baseline_temperatures": given})


@pytest.mark.parametrize("text", ['guard = "none"', "guard = []", 'guard = ["none"]'])
def test_none_leaves_the_guards_out(tmp_path: Path, text: str) -> None:
    assert merge(read_config(config(tmp_path, f"[run]\n{text}\n"))).guard == ()
    assert merge({}).guard == defaults.GUARDS


def test_none_leaves_baselines_out(tmp_path: Path) -> None:
    text = '[run]\nbaseline_temperatures = "none"\n'
    assert merge(read_config(config(tmp_path, text))).baseline_temperatures == ()
    assert merge({}).baseline_temperatures is None


def test_text_becomes_what_a_setting_is() -> None:
    settings = merge({"samples": "4", "temperature": "1e-1", "fixed_temperature": "yes", "out": "~/x", "max_tokens": "none"})
    assert (settings.samples, settings.temperature, settings.fixed_temperature) == (4, 0.1, True)
    assert (settings.out, settings.max_tokens) == (Path.home() / "x", None)
    with pytest.raises(BadInput, match=r"^samples: 'few' does not fit: it takes int$"):
        merge({"samples": "few"})


def test_redo_is_no_setting() -> None:
    assert merge({"redo": True}) == Settings()


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert merge(read_config(config(tmp_path, ""))) == Settings()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[run]\n\nsampels = 3\n", "3: sampels: no such setting (did you mean samples or sampler"),
        ("[run]\nheld-out = 3\n", "2: held-out: no such setting (did you mean held_out or out?)"),
        ("[run]\noptions = {}\n", "2: options: no such setting ("),
        ("[plugin.math]\n", "1: plugin: no such setting (did you mean plugins?)"),
        ('# model = "x"\nmodel = "x"\n', "2: model: no such setting (there are: plugins, roles, run)"),
        ("run = 1\n", "1: run: not a table (write it as [run])"),
        ("[plugins]\nmath = 1\n", "2: math: not a table (write it as [plugins.math])"),
        ('[plugins.math]\n[run]\nplugins = "math"\n', '3: plugins: not a list of names (write it as ["math"])'),
        ("[run]\nplugins = [1]\n", "2: plugins: not a list of names"),
        ('[plugins.math]\n[run]\nguard = "mmlu"\n', '3: guard: not a list of names (write it as ["math"])'),
        ("[run]\ntop_p = 0.0\n", "2: top_p: 0.0 is out of range (give more than 0, at most 1)"),
        ("[run]\ntop_p = 1.5\n", "2: top_p: 1.5 is out of range"),
        ("[run]\ntop_k = -1\n", "2: top_k: -1 is out of range (give 0 or more)"),
        ("[run]\nmax_tokens = 0\n", "2: max_tokens: 0 is out of range (give 1 or more)"),
        ('[run]\nbaseline_temperatures = ["low"]\n', "2: baseline_temperatures: "),
        ("[run]\nbaseline_temperatures = [0.2, 0.0]\n", "2: baseline_temperatures: "),
        ("[run]\nbaseline_temperatures = 3\n", "2: baseline_temperatures: "),
        ("[roles.jugde]\n", "1: jugde: no such setting (did you mean judge"),
        ("roles = 1\n", "1: roles: not a table (write it as [roles])"),
        ("[roles]\njudge = 1\n", "2: judge: not a table (write it as [roles.judge])"),
        ("[roles.judge]\nmodel = 3\n", "2: model: not a name"),
        ('[roles.judge]\nsampler = "hf"\n', '1: judge: no model is named (give [roles.judge] a key model = "...")'),
        ("[run]\nsamples = true\n", "2: samples: True does not fit: it takes int"),
        ("[run]\nsamples = 2.5\n", "2: samples: 2.5 does not fit: it takes int"),
        ("[run]\nsamples = [3]\n", "2: samples: [3] does not fit: it takes int"),
        ("[run]\nmodel = 3\n", "2: model: 3 does not fit: it takes str"),
        ("[run]\nsamples = 0\n", "2: samples: 0 is out of range (give 1 or more)"),
        ("[run]\ntemperature = -0.1\n", "2: temperature: -0.1 is out of range (give 0 to 10)"),
        ("[run]\ntemperature = nan\n", "2: temperature: nan is out of range (give 0 to 10)"),
        ("[run]\nheld_out = -1\n", "2: held_out: -1 is out of range (give 1 or more)"),
        ("[run]\nseed = -1\n", "2: seed: -1 is out of range (give 0 to 4294967295)"),
        ("[plugins.hf]\npython = 3\n", "2: python: not a path (give the path of an interpreter)"),
        ("[run]\n\nplugins = [math]\n", "3: not TOML: "),
        ("[run]\nseed = 1\nseed = 2\n", "3: not TOML: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = config(tmp_path, text)
    assert refusal(path).startswith(f"{path}:{problem}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path, config(tmp_path, b"[run]\nmodel = '\xff'\n")):
        assert refusal(path).startswith(f"{path}: --config: cannot be read: ")
        assert refusal(path).endswith("(give a TOML file)")


def test_later_layers_win_and_options_merge_by_name() -> None:
    file = {"samples": 3, "model": "a", "options": {"qlora": {"epochs": 2, "seed": 1}, "math": {"shots": 8}}}
    flags = {"samples": None, "model": "b", "options": {"qlora": {"epochs": 5}}}
    settings = merge(file, flags)
    assert (settings.samples, settings.model) == (3, "b")
    assert settings.options == {"qlora": {"epochs": 5, "seed": 1}, "math": {"shots": 8}}


def test_merging_leaves_the_layers_alone() -> None:
    layer = {"options": {"qlora": {"epochs": 2}}}
    merge(layer, {"options": {"qlora": {"epochs": 5}}})
    assert layer == {"options": {"qlora": {"epochs": 2}}}


def test_an_unknown_keyword_answers_with_near_matches() -> None:
    with pytest.raises(BadInput, match=r"^sample: no such setting \(did you mean sample"):
        merge({"sample": 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -1),
        ("temperature", 11),
        ("temperature", float("inf")),
        ("samples", 0),
        ("problems", 0),
        ("held_out", 0),
        ("seed", -1),
        ("top_p", 0),
        ("top_k", -1),
        ("max_tokens", 0),
    ],
)
def test_values_that_no_run_could_use_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=rf"^{name}: {value}(\.0)? is out of range \(give "):
        merge({name: value})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("qlora.epochs=3", ("qlora", "epochs", "3")),
        ("replay.path=a=b.jsonl", ("replay", "path", "a=b.jsonl")),
        ("my.sampler.url=http://h:1/v1", ("my.sampler", "url", "http://h:1/v1")),
        ("hf.device=", ("hf", "device", "")),
    ],
)
def test_options_are_read_from_the_command_line(text: str, parts: tuple[str, str, str]) -> None:
    assert parse_option(text) == parts


@pytest.mark.parametrize("text", ["", "qlora", "qlora.epochs", "epochs=3", "=3", "3=a.b"])
def test_what_is_no_option_says_how_to_write_one(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_option(text)
    assert str(caught.value) == f"-o: '{text}' is no option (write it as NAME.OPTION=VALUE, e.g. -o qlora.epochs=3)"


@given(st.from_regex(r"[a-z][a-z.-]{0,8}", fullmatch=True), st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text())
def test_any_option_comes_back(name: str, option: str, value: str) -> None:
    assert parse_option(f"{name}.{option}={value}") == (name, option, value)
