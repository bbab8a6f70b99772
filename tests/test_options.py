"""Options of every type: what they take, what they refuse, and what the refusal says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest

from cogumi.errors import BadInput
from cogumi.records import Strategy
from cogumi.registry.discovery import Entry, Plugin
from cogumi.registry.options import REQUIRED, Neutral, check_options, field_docs, options_of, options_of_record


def factory(
    model: object,
    *,
    path: Path,
    text: str = "a",
    whole: int = 1,
    real: float = 0.5,
    flag: bool = False,
    choice: Literal["auto", "nf4", 8] = "auto",
    maybe: int | None = None,
    old_style: Optional[float] = None,  # noqa: UP045  # authors write it, so it has to work
    level: Literal["low", "high"] | float = "low",
    quantize: Literal["nf4"] | None = None,
) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("path", "runs/a", Path("runs/a")),
        ("path", Path("b"), Path("b")),
        ("text", "12", "12"),
        ("whole", "12", 12),
        ("whole", "-3", -3),
        ("whole", 12, 12),
        ("real", "1e-5", 1e-5),
        ("real", 2, 2.0),
        ("real", 0.25, 0.25),
        ("flag", "yes", True),
        ("flag", "False", False),
        ("flag", "0", False),
        ("flag", True, True),
        ("choice", "nf4", "nf4"),
        ("choice", "8", 8),
        ("choice", 8, 8),
        ("maybe", "none", None),
        ("maybe", None, None),
        ("maybe", "7", 7),
        ("old_style", "0.5", 0.5),
        ("level", "high", "high"),
        ("level", "0.5", 0.5),
        ("quantize", "nf4", "nf4"),
        ("quantize", "none", None),
        ("quantize", None, None),
    ],
)
def test_a_value_comes_out_as_the_factory_wants_it(name: str, given: Any, value: Any) -> None:
    checked = check_options("thing 'x'", factory, {"path": "p", name: given})
    assert checked[name] == value
    assert type(checked[name]) is type(value) or isinstance(value, Path)


@pytest.mark.parametrize(
    ("name", "given", "takes"),
    [
        ("path", 3, "it takes Path"),
        ("text", 3, "it takes str"),
        ("whole", "1.5", "it takes int"),
        ("whole", 1.5, "it takes int"),
        ("whole", True, "it takes int"),
        ("whole", "", "it takes int"),
        ("real", "fast", "it takes float"),
        ("real", True, "it takes float"),
        ("real", [1.0], "it takes float"),
        ("flag", "maybe", "it takes bool"),
        ("flag", 2, "it takes bool"),
        ("choice", "int4", "it takes auto|nf4|8"),
        ("choice", "9", "it takes auto|nf4|8"),
        ("maybe", "some", "it takes int|none"),
        ("old_style", "much", "it takes float|none"),
        ("level", "middle", "it takes low|high|float"),
        ("quantize", "int8", "it takes nf4|none"),
        ("text", None, "it takes str"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_it_takes(name: str, given: Any, takes: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_options("thing 'x'", factory, {"path": "p", name: given})
    message = str(caught.value)
    assert message.startswith(f"{name}: thing 'x': {given!r} does not fit: ")
    assert takes in message


def test_an_unknown_option_answers_with_near_matches() -> None:
    with pytest.raises(BadInput, match=r"hole: thing 'x' has no such option \(did you mean whole"):
        check_options("thing 'x'", factory, {"path": "p", "hole": 1})


def test_a_positional_argument_is_no_option() -> None:
    assert "model" not in options_of(factory)
    with pytest.raises(BadInput, match="model: thing 'x' has no such option"):
        check_options("thing 'x'", factory, {"path": "p", "model": "m"})


def test_an_option_without_a_default_is_needed() -> None:
    assert options_of(factory)["path"].default is REQUIRED
    with pytest.raises(BadInput, match=r"path: thing 'x' needs this option \(it takes Path\)"):
        check_options("thing 'x'", factory, {})


def test_options_keep_the_order_and_defaults_of_the_signature() -> None:
    options = options_of(factory)
    assert list(options)[:3] == ["path", "text", "whole"]
    assert (options["real"].default, options["choice"].default) == (0.5, "auto")
    assert [options[name].takes for name in ("path", "choice", "maybe", "flag")] == ["Path", "auto|nf4|8", "int|none", "bool"]


class Made:
    """A class that is its own factory."""

    def __init__(self, model: object, *, size: int = 3) -> None:
        self.size = size


class Called:
    """An object that is a factory."""

    def __call__(self, *, size: int = 3) -> None:
        """Do nothing."""


@pytest.mark.parametrize("thing", [Made, Called()])
def test_classes_and_callable_objects_have_options_too(thing: Any) -> None:
    assert check_options("thing 'x'", thing, {"size": "4"}) == {"size": 4}


def test_a_factory_without_options_takes_none() -> None:
    assert check_options("thing 'x'", lambda: None, {}) == {}
    with pytest.raises(BadInput, match=r"size: thing 'x' has no such option \(there are none\)"):
        check_options("thing 'x'", lambda: None, {"size": 4})


def test_an_option_without_a_type_is_text() -> None:
    namespace: dict[str, Any] = {}
    exec("def untyped(*, name='x'): pass", namespace)  # as an author without annotations writes it
    assert check_options("thing 'x'", namespace["untyped"], {"name": "y"}) == {"name": "y"}


# --- options that cannot change an outcome ----------------------------------------------------------------------------


def engine(
    model: object,
    *,
    url: Annotated[str, Neutral] = "http://localhost",
    batch_size: Annotated[int | None, Neutral] = None,
    level: Annotated[Literal["low", "high"], "a remark"] = "low",
    dtype: str = "auto",
) -> None:
    """Draw.

    url: where the server is.
    dtype: what is computed in, e.g. `float32`.
    Nothing: of the kind.
    """


def test_an_option_is_neutral_where_its_factory_says_so() -> None:
    assert {name: option.neutral for name, option in options_of(engine).items()} == {
        "url": True,
        "batch_size": True,
        "level": False,
        "dtype": False,
    }


def test_an_annotated_option_takes_what_it_took_before() -> None:
    given = {"url": "http://h:1", "batch_size": "4", "level": "high"}
    assert check_options("thing 'x'", engine, given) == {"url": "http://h:1", "batch_size": 4, "level": "high"}
    assert {name: option.takes for name, option in options_of(engine).items()} == {
        "url": "str",
        "batch_size": "int|none",
        "level": "low|high",
        "dtype": "str",
    }
    with pytest.raises(BadInput, match=r"batch_size: thing 'x': 'many' does not fit: it takes int\|none"):
        check_options("thing 'x'", engine, {"batch_size": "many"})


def test_only_options_that_can_change_an_outcome_decide() -> None:
    entry = Entry(kind="sampler", name="x", factory=engine, plugin=Plugin(name="p", dist="cogumi-p", version="1"))
    assert entry.deciding({}) == {"level": "low", "dtype": "auto"}
    assert entry.deciding({"url": "http://elsewhere", "batch_size": "9"}) == entry.deciding({})
    assert entry.deciding({"dtype": "float32"}) == {"level": "low", "dtype": "float32"}


def test_a_value_that_is_in_force_anyway_changes_nothing_however_it_is_written() -> None:
    entry = Entry(kind="thing", name="x", factory=factory, plugin=Plugin(name="p", dist="cogumi-p", version="1"))
    plain = entry.deciding({"path": "a"})
    assert plain["path"] == "a"
    assert entry.deciding({"path": Path("a"), "whole": "1", "real": 0.5, "flag": "no", "maybe": "none"}) == plain


def test_the_help_of_an_option_is_the_line_with_its_name() -> None:
    assert {name: option.help for name, option in options_of(engine).items()} == {
        "url": "where the server is.",
        "batch_size": "",
        "level": "",
        "dtype": "what is computed in, e.g. `float32`.",
    }


# --- fields of a record as options ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rules:
    """Rules of a game."""

    name: str
    """What it is
    called."""
    players: Annotated[int, Neutral] = 2
    house: tuple[str, ...] = ()
    """Rules of the house."""
    limits: dict[str, int] = field(default_factory=dict)


def test_the_documentation_of_a_field_stands_under_it() -> None:
    assert field_docs(Rules) == {"name": "What it is called.", "house": "Rules of the house."}


def test_a_record_s_fields_are_options() -> None:
    options = options_of_record(Rules)
    assert list(options) == ["name", "players", "house", "limits"]
    assert (options["name"].default, options["players"].default, options["limits"].default) == (REQUIRED, 2, {})
    assert (options["name"].help, options["players"].help) == ("What it is called.", "")
    assert [option.neutral for option in options.values()] == [False, True, False, False]
    assert options["players"].convert("3") == 3


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [("votes", "20", 20), ("vote_temperature", "none", None), ("min_agreement", 1, 1.0), ("target", "best-vote", "best-vote")],
)
def test_every_field_of_a_strategy_can_be_given_as_text(name: str, given: Any, value: Any) -> None:
    assert options_of_record(Strategy)[name].convert(given) == value


def test_every_field_of_a_strategy_says_what_it_does() -> None:
    assert all(option.help.endswith(".") for option in options_of_record(Strategy).values())
    with pytest.raises(ValueError, match=r"'worst' does not fit: it takes generated\|best-vote"):
        options_of_record(Strategy)["target"].convert("worst")
