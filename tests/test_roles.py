"""Who is asked: how a role is given, what its sampler makes of its model, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from folders import adapter_folder, model_folder

from cogumi.errors import BadInput, PluginFailed
from cogumi.pipeline.resolve import cast_roles
from cogumi.planning.settings import Settings
from cogumi.records import Endpoint, Model, Resolved, Serves, Weights
from cogumi.registry.discovery import Entry, Plugin, Registry
from cogumi.registry.options import Neutral
from cogumi.roles.role import ROLES, Asked, Role, cast_role
from cogumi.testing import FakeSampler
from cogumi.weights import fingerprint

PLUGIN = Plugin(name="adding", dist="cogumi-adding", version="1.2")
FAR = Endpoint(name="far", url="http://localhost:1/v1", served="their/model", data="bundled")


class Server(FakeSampler):
    """Asks a server; counts how often it has to find the model."""

    serves = Serves(weights=False, endpoints=True, adapters=False, logprobs=False, exact=False)
    resolved = 0

    def __init__(self, model: Model) -> None:
        super().__init__(lambda request, index: "")
        self.model = model

    def resolve(self) -> Resolved:
        """Weights are the name of something that the server offers."""
        type(self).resolved += 1
        if isinstance(self.model, Weights):
            found = Endpoint(name=self.model.name, url="http://default:1/v1", served=self.model.path)
            return Resolved(model=found, fingerprint={"served": found.served})
        if self.model.served == "gone":
            raise BadInput("the server offers no such model", field="model")
        if self.model.served == "broken":
            raise ConnectionError("no route")
        return Resolved(model=self.model, fingerprint={"served": self.model.served}, notes=("it may change",))


class Nothing(Server):
    serves = Serves(weights=False, endpoints=False)


class Bare(Server):
    serves = Serves(weights=True, adapters=False)


def local(model: Model, *, dtype: str = "auto", batch_size: Annotated[int, Neutral] = 1) -> FakeSampler:
    """Load a model."""
    return FakeSampler(lambda request, index: "")


def server(model: Model, *, url: Annotated[str, Neutral] = "http://h", style: str = "plain") -> Server:
    """Ask a server."""
    return Server(model)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Server, "resolved", 0)
    small = Weights(name="small", path=str(model_folder(tmp_path / "model")), data="bundled", training={"rate": 1e-3})
    factories: dict[tuple[str, str], Callable[..., object]] = {
        ("sampler", "local"): local,
        ("sampler", "server"): server,
        ("sampler", "nothing"): lambda model: Nothing(model),
        ("sampler", "bare"): lambda model: Bare(model),
        ("model", "small"): lambda: small,
        ("model", "eager"): lambda: replace(small, trust_remote_code=True),
        ("model", "far"): lambda: FAR,
        ("model", "gone"): lambda: replace(FAR, served="gone"),
        ("model", "broken"): lambda: replace(FAR, served="broken"),
    }
    return Registry(entries={key: Entry(kind=key[0], name=key[1], factory=f, plugin=PLUGIN) for key, f in factories.items()})


def cast(registry: Registry, model: str, sampler: str, **asked: Any) -> Role:
    return cast_role(Asked(role="student", model=model, sampler=sampler, **{"options": {}, **asked}), registry)


def roles(registry: Registry, **settings: Any) -> dict[str, Role]:
    return dict(cast_roles(Settings(**{"model": "small", "sampler": "local", **settings}), registry))


def refusal(registry: Registry, **settings: Any) -> str:
    with pytest.raises(BadInput) as caught:
        roles(registry, **settings)
    return str(caught.value)


# --- how a role is given ----------------------------------------------------------------------------------------------


def test_the_student_is_there_and_the_others_where_they_are_named(registry: Registry) -> None:
    assert roles(registry).keys() == {"student"}
    everybody = roles(registry, judge="server:far", teacher="small", reference="server:far")
    assert everybody.keys() == ROLES.keys()
    assert {name: role.name for name, role in everybody.items()} == {name: name for name in ROLES}


@pytest.mark.parametrize(
    ("spec", "sampler", "model"),
    [
        ("server:far", "server", FAR.served),
        ("server:org/model", "server", "org/model"),
        ("server:org/model:8b", "server", "org/model:8b"),
        ("local:small", "local", "small"),
        ("small", "local", "small"),
    ],
)
def test_a_role_is_a_sampler_and_a_model_or_a_model_alone(registry: Registry, spec: str, sampler: str, model: str) -> None:
    judge = roles(registry, judge=spec)["judge"]
    assert judge.sampler.name == sampler
    assert (judge.model.served if isinstance(judge.model, Endpoint) else judge.model.name) == model


def test_a_model_with_a_colon_is_no_sampler(registry: Registry) -> None:
    served = roles(registry, sampler="server", model="far", judge="llama:8b")["judge"]
    assert served.sampler.name == "server"
    assert isinstance(served.model, Endpoint)
    assert served.model.served == "llama:8b"


def test_a_role_s_options_win_over_its_sampler_s(registry: Registry) -> None:
    options = {"server": {"style": "all", "url": "http://all"}, "judge": {"style": "judge"}}
    cast = roles(registry, judge="server:far", teacher="server:far", options=options)
    assert cast["judge"].options == {"style": "judge", "url": "http://all"}
    assert cast["teacher"].options == {"style": "all", "url": "http://all"}
    assert cast["student"].options == {}


def test_options_enter_as_what_they_are(registry: Registry) -> None:
    given = roles(registry, options={"local": {"batch_size": "8"}})["student"]
    assert given.options == {"batch_size": 8}
    assert refusal(registry, options={"local": {"batch": 8}}).startswith("batch: sampler 'local' has no such option (did you")


# --- what the sampler makes of it -------------------------------------------------------------------------------------


def test_a_sampler_without_a_word_of_its_own_serves_weights_by_the_core_s_rules(registry: Registry, tmp_path: Path) -> None:
    role = cast(registry, "small", "local")
    assert role.serves == Serves()
    assert role.fingerprint == fingerprint(role.weights)
    assert role.weights.training == {"rate": 1e-3}
    by_path = cast(registry, str(tmp_path / "model"), "local")
    assert by_path.fingerprint == role.fingerprint


def test_a_sampler_that_resolves_is_believed(registry: Registry) -> None:
    role = cast(registry, "far", "server")
    assert (role.model, role.fingerprint, role.notes) == (FAR, {"served": FAR.served}, ("it may change",))
    assert not role.serves.exact


def test_a_model_is_found_once_a_role(registry: Registry) -> None:
    found = roles(registry, judge="server:far", teacher="server:far")
    assert Server.resolved == 2
    for role in found.values():
        assert role.identity == role.identity
    assert Server.resolved == 2


def test_an_identity_holds_what_can_change_a_text_and_nothing_else(registry: Registry) -> None:
    plain = cast(registry, "far", "server")
    assert plain.identity == {
        "model": {"served": FAR.served},
        "sampler": "server",
        "version": "1.2",
        "options": {"style": "plain"},
    }
    assert cast(registry, "far", "server", options={"url": "http://moved"}).identity == plain.identity
    assert cast(registry, "far", "server", options={"style": "plain"}).identity == plain.identity
    assert cast(registry, "far", "server", options={"style": "terse"}).identity != plain.identity


def test_an_identity_is_of_contents_and_not_of_names(registry: Registry, tmp_path: Path) -> None:
    moved = model_folder(tmp_path / "elsewhere")
    assert cast(registry, str(moved), "local").identity == cast(registry, "small", "local").identity
    other = model_folder(tmp_path / "other", weight=5)
    assert cast(registry, str(other), "local").identity != cast(registry, "small", "local").identity


def test_the_trained_student_is_the_same_base_with_the_adapter(registry: Registry) -> None:
    base = cast(registry, "small", "local")
    trained = base.with_adapter(Path("run/adapter"), "d" * 64)
    assert trained.weights == replace(base.weights, adapter="run/adapter")
    assert trained.fingerprint == {**base.fingerprint, "adapter": "d" * 64}
    assert trained.identity != base.identity


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_misspelt_model_answers_with_near_matches(registry: Registry) -> None:
    assert refusal(registry, model="smal") == "model: 'smal' is no folder and no known model (did you mean small?)"


def test_a_sampler_that_asks_no_server_is_not_given_a_served_model(registry: Registry) -> None:
    assert refusal(registry, model="far") == "student: sampler 'local' asks no servers, and 'far' is served by one"
    assert refusal(registry, judge="local:far").startswith("judge: sampler 'local' asks no servers")


def test_a_sampler_that_serves_nothing_is_not_given_weights(registry: Registry) -> None:
    assert refusal(registry, sampler="nothing") == "student: sampler 'nothing' serves no models"


def test_an_adapter_is_refused_where_it_cannot_be_put_on(registry: Registry, tmp_path: Path) -> None:
    adapter = str(adapter_folder(tmp_path / "adapter"))
    assert refusal(registry, sampler="bare", adapter=adapter) == (
        "adapter: sampler 'bare' cannot put an adapter on a model (name another sampler)"
    )
    assert roles(registry, adapter=adapter)["student"].weights.adapter == adapter


def test_an_adapter_is_the_student_s_alone(registry: Registry, tmp_path: Path) -> None:
    found = roles(registry, adapter=str(adapter_folder(tmp_path / "adapter")), reference="small")
    assert found["reference"].weights.adapter is None


def test_a_served_model_is_no_weights(registry: Registry) -> None:
    role = cast(registry, "far", "server")
    with pytest.raises(BadInput, match=r"^model: the student is a served model \(far\), and this needs weights on disk"):
        _ = role.weights


def test_only_the_user_allows_code(registry: Registry) -> None:
    assert not roles(registry, model="eager")["student"].weights.trust_remote_code
    assert roles(registry, trust_remote_code=True)["student"].weights.trust_remote_code


def test_what_a_sampler_finds_wrong_is_said_as_it_is(registry: Registry) -> None:
    assert refusal(registry, sampler="server", model="gone") == "model: the server offers no such model"


def test_a_sampler_that_breaks_while_it_looks_is_named(registry: Registry) -> None:
    with pytest.raises(PluginFailed, match=r"^plugin 'adding' \(cogumi-adding 1\.2\): sampler 'server' failed: Connection"):
        roles(registry, sampler="server", model="broken")
