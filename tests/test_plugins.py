"""Discovery, ownership and the errors that name the plugin, with plugins that are really discovered."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cogumi import hookspecs
from cogumi.cli import main
from cogumi.errors import BadInput, PluginError, PluginFailed
from cogumi.records import Endpoint, Weights
from cogumi.registry.discovery import HOOKS, KINDS, Registry, load
from cogumi.testing import fake_dist

Install = Callable[..., None]

HEAD = """
from cogumi import hookimpl
from cogumi.phases import Phase
from cogumi.pipeline.observers import Silent
from cogumi.testing import FakeSampler, FakeTrainer, fake_benchmark, fake_category
from cogumi.voting import Majority
from cogumi.records import Endpoint, Finding, Weights
"""


def offering(kind: str, name: str, factory: str) -> str:
    """The source of a plugin that offers one thing."""
    return f"{HEAD}\ndef made{factory}\n\n@hookimpl\ndef {HOOKS[kind]}(register):\n    register({name!r}, made)\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install(name, source, ...)`: a plugin is discoverable for the length of the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def installed(name: str, source: str, **more: str) -> None:
        modules.append(fake_dist(tmp_path, name, source, **more))

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


def cogumi(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# --- what is found ----------------------------------------------------------------------------------------------------

OFFERS = {
    "sampler": '(model, *, text="four"):\n    "Say it."\n    return FakeSampler(lambda request, index: text)',
    "voter": '():\n    "Vote."\n    return Majority()',
    "category": '(*, data="hub"):\n    "Sums."\n    return fake_category()',
    "trainer": '(*, steps: int = 2):\n    "Pretend."\n    return FakeTrainer(steps)',
    "benchmark": '(*, data="hub"):\n    "Sums, held out."\n    return fake_benchmark()',
    "model": '():\n    "A name."\n    return Weights(name="seam", path="owner/model")',
    "phase": '():\n    "A plan."\n    return Phase(name="seam", gates=(), passed="Stop.")',
    "observer": '(*, loud: bool = False):\n    "Listen."\n    return Silent()',
    "check": '():\n    "Look."\n    yield Finding(name="seam", ok=True, detail="fine")',
}


def test_every_hook_has_an_offer_in_these_tests() -> None:
    hooks = {name for name, thing in vars(hookspecs).items() if hasattr(thing, "cogumi_spec")}
    assert set(OFFERS) == set(KINDS) == set(HOOKS)
    assert set(HOOKS.values()) == hooks
    assert len(hooks) == 9


@pytest.mark.parametrize("kind", sorted(OFFERS))
def test_what_a_hook_offers_is_found_and_made(kind: str, install: Install) -> None:
    install(f"seam-{kind}", offering(kind, f"seam-{kind}", OFFERS[kind]), version="2.5")
    entry = load().get(kind, f"seam-{kind}")
    made = entry.make(*([Weights(name="m", path="m")] if kind == "sampler" else []))
    assert isinstance(made, KINDS[kind])
    assert str(entry.plugin) == f"plugin 'seam-{kind}' (cogumi-seam-{kind} 2.5)"
    assert entry.summary


def test_a_model_may_be_one_that_a_server_holds(install: Install) -> None:
    install("far", offering("model", "far", '():\n    return Endpoint(name="far", url="http://h:1/v1", served="m")'))
    assert load().get("model", "far").make() == Endpoint(name="far", url="http://h:1/v1", served="m")


def test_a_plugin_may_implement_every_hook_at_once(install: Install) -> None:
    made = "\n".join(f"def made_{kind}{factory}" for kind, factory in OFFERS.items())
    hooks = "\n".join(
        f"@hookimpl\ndef {HOOKS[kind]}(register):\n    register('whole-{kind}', made_{kind})\n" for kind in OFFERS
    )
    install("whole", f"{HEAD}\n{made}\n{hooks}")
    mine = [entry for entry in load().entries.values() if entry.plugin.name == "whole"]
    assert {(entry.kind, entry.name) for entry in mine} == {(kind, f"whole-{kind}") for kind in OFFERS}


def test_options_reach_the_factory_converted(install: Install) -> None:
    install("opted", offering("trainer", "opted", OFFERS["trainer"]))
    assert load().get("trainer", "opted").make(steps="7").steps == 7


def test_the_core_offers_through_the_same_hooks() -> None:
    registry = load()
    assert registry.get("voter", "majority").plugin.name == "core"
    assert registry.get("sampler", "replay").options["path"].takes == "Path"
    assert registry.get("observer", "jsonl").plugin.name == "core"
    assert {entry.name for entry in registry.of("check")} >= {"hub", "disk"}


def test_a_category_is_chosen_by_its_plugins_name(install: Install) -> None:
    two = "(register):\n    register('sums-b', fake_category)\n    register('sums-a', fake_category)\n"
    install("two-sums", f"{HEAD}\n@hookimpl\ndef register_categories{two}")
    assert [entry.name for entry in load().categories(["two-sums", "two-sums"])] == ["sums-a", "sums-b"]


def test_an_empty_registry_knows_nothing() -> None:
    with pytest.raises(BadInput, match=r"no voter is called 'majority' \(there are none\)"):
        Registry().get("voter", "majority")


# --- names ------------------------------------------------------------------------------------------------------------


def test_one_name_offered_twice_names_both_owners(install: Install) -> None:
    install("left", offering("voter", "same", OFFERS["voter"]), version="1.1")
    install("right", offering("voter", "same", OFFERS["voter"]), version="2.2")
    with pytest.raises(PluginError) as caught:
        load()
    assert str(caught.value) == (
        "two plugins offer a voter 'same': cogumi-left 1.1 and cogumi-right 2.2 (uninstall one of them)"
    )


def test_a_name_that_the_core_offers_is_taken(install: Install) -> None:
    install("mine", offering("voter", "majority", OFFERS["voter"]))
    with pytest.raises(PluginError, match=r"two plugins offer a voter 'majority': cogumi \S+ and cogumi-mine 1.0"):
        load()


def test_one_name_in_two_kinds_is_no_collision(install: Install) -> None:
    source = offering("voter", "sums", OFFERS["voter"])
    install("both", f"{source}\n@hookimpl\ndef register_categories(register):\n    register('sums', fake_category)\n")
    assert load().get("voter", "sums").plugin == load().get("category", "sums").plugin


def test_two_plugins_of_one_name_are_named_both(install: Install) -> None:
    install("twin", offering("voter", "one", OFFERS["voter"]), dist="here")
    install("twin", offering("voter", "two", OFFERS["voter"]), dist="there")
    with pytest.raises(PluginError, match=r"two plugins are called 'twin': (here 1.0 and there|there 1.0 and here) 1.0"):
        load()


def test_unknown_names_answer_with_near_matches(install: Install) -> None:
    install("geometry", offering("category", "geometry", OFFERS["category"]))
    registry = load()
    with pytest.raises(BadInput, match=r"no voter is called 'majorty' \(did you mean majority\?\)"):
        registry.get("voter", "majorty")
    with pytest.raises(BadInput, match=r"no plugin is called 'geometri' \(did you mean geometry\?\)"):
        registry.plugin("geometri")
    with pytest.raises(BadInput, match=r"plugin 'core' .* offers no category \("):
        registry.categories(["core"])


@pytest.mark.parametrize("name", ["Two Words", "", "Ünïcode", "UPPER", "-x", None])
def test_a_name_that_cannot_be_typed_breaks_its_plugin_alone(name: str | None, install: Install) -> None:
    install("badly-named", offering("voter", "x", OFFERS["voter"]).replace("register('x'", f"register({name!r}"))
    registry = load()
    assert f"{name!r} is no name for a voter" in str(registry.plugins["badly-named"].error)
    assert registry.get("voter", "majority")


# --- broken plugins ---------------------------------------------------------------------------------------------------

BROKEN = {
    "import": ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
    "syntax": ("def (:", "SyntaxError"),
    "hook": (f"{HEAD}\n@hookimpl\ndef register_judges(register):\n    pass\n", "register_judges"),
    "argument": (f"{HEAD}\n@hookimpl\ndef register_voters(add):\n    pass\n", "add"),
    "raises": (f"{HEAD}\n@hookimpl\ndef register_voters(register):\n    1 / 0\n", "ZeroDivisionError"),
    "factory": (f"{HEAD}\n@hookimpl\ndef register_voters(register):\n    register('x', 3)\n", "cannot be called"),
    "annotation": (offering("voter", "x", "(*, a: Unknown = 1):\n    pass"), "Unknown"),
}


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_a_broken_plugin_is_an_error_only_when_it_is_asked_for(case: str, install: Install) -> None:
    source, cause = BROKEN[case]
    install(f"broken-{case}", source, version="0.3")
    registry = load()
    assert cause in str(registry.plugins[f"broken-{case}"].error)
    assert registry.get("voter", "majority").make()
    with pytest.raises(PluginError, match=rf"plugin 'broken-{case}' \(cogumi-broken-{case} 0.3\) cannot be loaded: .*"):
        registry.categories([f"broken-{case}"])
    with pytest.raises(PluginError, match="cannot be loaded"):
        registry.get("voter", f"broken-{case}")


def test_what_a_broken_plugin_offered_before_it_broke_is_not_offered(install: Install) -> None:
    half = "(register):\n    register('half', fake_category)\n    raise RuntimeError('and then it broke')\n"
    install("halfway", f"{HEAD}\n@hookimpl\ndef register_categories{half}")
    assert "half" not in [entry.name for entry in load().of("category")]


def test_a_factory_that_raises_is_blamed_on_its_plugin(install: Install) -> None:
    install("failing", offering("voter", "failing", "():\n    raise OSError('no such file')"))
    with pytest.raises(PluginFailed) as caught:
        load().get("voter", "failing").make()
    assert str(caught.value) == "plugin 'failing' (cogumi-failing 1.0): voter 'failing' failed: OSError: no such file"


def test_a_factory_that_makes_something_else_is_blamed_too(install: Install) -> None:
    install("odd", offering("voter", "odd", "():\n    return 'a voter'"))
    with pytest.raises(PluginError, match=r"plugin 'odd' \(cogumi-odd 1.0\): voter 'odd' made a str that is no Voter"):
        load().get("voter", "odd").make()


def test_bad_input_found_by_a_plugin_stays_what_it_is(install: Install) -> None:
    raising = "():\n    from cogumi.errors import BadInput\n    raise BadInput('empty', file='a.jsonl', line=3)"
    install("strict", offering("voter", "strict", raising))
    with pytest.raises(BadInput, match=r"^a.jsonl:3: empty$"):
        load().get("voter", "strict").make()


def test_code_that_a_plugin_runs_later_is_blamed_as_well() -> None:
    entry = load().get("sampler", "replay")
    with pytest.raises(PluginFailed, match="sampler 'replay' failed: KeyError"), entry.attribute_errors():
        raise KeyError("x")


# --- `cogumi plugins` -------------------------------------------------------------------------------------------------


def test_the_list_shows_kind_name_dist_version_summary_and_options(install: Install) -> None:
    install("listed", offering("trainer", "listed", OFFERS["trainer"]), version="4.2")
    result = cogumi("plugins", "--kind", "trainer")
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if line.startswith("trainer    listed") or " listed " in line)
    assert line.split() == ["trainer", "listed", "cogumi-listed", "4.2", "Pretend."]
    assert "steps=int [2]" in result.stdout
    assert "majority" not in result.stdout


def test_the_list_names_broken_plugins_and_still_succeeds(install: Install) -> None:
    install("broken", "import there_is_no_such_module", version="0.3")
    result = cogumi("plugins")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "broken: plugin 'broken' (cogumi-broken 0.3): ModuleNotFoundError: No module named 'there_is_no_such_module'" in text
    assert "majority" in text


def test_the_list_as_json(install: Install) -> None:
    install("listed", offering("trainer", "listed", OFFERS["trainer"]), version="4.2")
    install("broken", "import there_is_no_such_module")
    document = json.loads(cogumi("plugins", "--json").stdout)
    (offer,) = [offer for offer in document["offers"] if offer["name"] == "listed"]
    assert offer == {
        "kind": "trainer",
        "name": "listed",
        "plugin": "listed",
        "dist": "cogumi-listed",
        "version": "4.2",
        "summary": "Pretend.",
        "options": {"steps": {"takes": "int", "required": False, "default": 2, "neutral": False, "help": ""}},
    }
    (replay,) = [offer for offer in document["offers"] if offer["name"] == "replay"]
    path = {"takes": "Path", "required": True, "default": None, "neutral": False, "help": ""}
    assert replay["options"] == {"path": path}
    assert {plugin["name"]: plugin["error"] is None for plugin in document["plugins"]} | {"broken": False} == {
        plugin["name"]: plugin["name"] != "broken" for plugin in document["plugins"]
    }


def test_a_collision_is_one_line_and_exit_2(install: Install) -> None:
    install("left", offering("voter", "same", OFFERS["voter"]))
    install("right", offering("voter", "same", OFFERS["voter"]))
    result = cogumi("plugins")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "cogumi: two plugins offer a voter 'same': cogumi-left 1.0 and cogumi-right 1.0 (uninstall one of them)\n"
    )
