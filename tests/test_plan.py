from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from folders import model_folder, put
from hypothesis import given
from hypothesis import strategies as st

from cogumi import identity
from cogumi.chat import NO_TEMPLATE
from cogumi.errors import BadInput, PluginError, PluginFailed
from cogumi.plan import HELD_OUT_PROBLEMS, Plan, choose, make_plan, task_options, with_adapter
from cogumi.plugins import Entry, Plugin, Registry
from cogumi.protocols import Benchmark, Category
from cogumi.records import Model, Problem
from cogumi.settings import Settings
from cogumi.testing import FakeSampler, FakeTask, FakeTrainer, fake_benchmark, fake_category, make_problems
from cogumi.vote import majority

PLUGIN = Plugin(name="adding", dist="cogumi-adding", version="1.2")


class Given(FakeTask):
    """The problems it is given."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(0)
        self._problems = list(problems)


def sampler(model: Model, *, path: Path | None = None) -> FakeSampler:
    """Draw nothing."""
    return FakeSampler(lambda request, index: "")


def trainer(*, epochs: int = 2, rate: float = 5e-6, seed: int = 0) -> FakeTrainer:
    """Teach nothing."""
    return FakeTrainer()


class World:
    """Installed plugins, made of fakes, and a model folder; notes which data each side was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: dict[str, str] = {}
        self.training: Sequence[Problem] = make_problems(150)
        self.held_out: Sequence[Problem] = make_problems(250, first=1000)
        self.strategy: dict[str, Any] = {}
        self.model = Model(
            name="small", path=str(model_folder(folder / "model")), data="bundled", training={"rate": 1e-3, "other": 1}
        )
        self.factories: dict[tuple[str, str], Callable[..., object]] = {
            ("category", "sums"): self.category,
            ("benchmark", "sums-test"): self.benchmark,
            ("sampler", "fake"): sampler,
            ("trainer", "fit"): trainer,
            ("voter", "majority"): majority,
            ("voter", "other"): majority,
            ("model", "small"): lambda: self.model,
        }

    def category(self, *, data: str = "hub", limit: int = 0) -> Category:
        """Additions."""
        self.asked["sums"] = data
        made = fake_category("sums", task=Given(self.training[: limit or None]))
        return replace(made, strategy=replace(made.strategy, **self.strategy))

    def benchmark(self, *, data: str = "hub") -> Benchmark:
        """Other additions."""
        self.asked["sums-test"] = data
        return fake_benchmark("sums-test", task=Given(self.held_out))

    def plan(self, **settings: Any) -> Plan:
        base: dict[str, Any] = {"plugins": ("adding",), "model": "small", "sampler": "fake", "trainer": "fit", "guard": "none"}
        entries = {key: Entry(kind=key[0], name=key[1], factory=f, plugin=PLUGIN) for key, f in self.factories.items()}
        return make_plan(Settings(**{**base, **settings}), Registry(plugins={"adding": PLUGIN}, entries=entries))

    def refusal(self, **settings: Any) -> str:
        with pytest.raises(BadInput) as caught:
            self.plan(**settings)
        return str(caught.value)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


PROBLEMS = make_problems(12)


@given(st.permutations(PROBLEMS), st.none() | st.integers(0, 15), st.integers(0, 5))
def test_the_choice_does_not_depend_on_the_order_of_the_data(order: list[Problem], count: int | None, seed: int) -> None:
    chosen = choose(order, count, seed)
    assert chosen == choose(PROBLEMS, count, seed)
    assert list(chosen) == sorted(chosen, key=lambda problem: problem.id)
    assert len(chosen) == (12 if count is None else min(count, 12))


def test_a_larger_choice_holds_the_smaller_one_and_seeds_differ() -> None:
    few, more = choose(make_problems(100), 10, 0), choose(make_problems(100), 20, 0)
    assert {p.id for p in few} < {p.id for p in more}
    assert len({tuple(p.id for p in choose(make_problems(100), 10, seed)) for seed in range(5)}) == 5


def test_the_phase_says_how_many_problems(world: World) -> None:
    (part,) = world.plan().parts
    assert (len(part.training), len(part.exam.problems)) == (100, HELD_OUT_PROBLEMS["minimal"])
    (part,) = world.plan(phase="full").parts
    assert (len(part.training), len(part.exam.problems)) == (150, 250)
    (part,) = world.plan(problems=7, held_out=9).parts
    assert (len(part.training), len(part.exam.problems)) == (7, 9)


def test_a_part_says_who_does_what(world: World) -> None:
    plan = world.plan(voter="other")
    (part,) = plan.parts
    assert (part.name, part.exam.benchmark.name) == ("sums", "sums-test")
    assert part.entry.name == "sums"
    assert {kind: entry.name for kind, entry in part.exam.entries.items()} == {"benchmark": "sums-test", "voter": "other"}
    assert (plan.sampler.name, plan.trainer.name, plan.model) == ("fake", "fit", world.model)


def test_problems_that_are_held_out_are_not_trained_on(world: World) -> None:
    repeated = replace(world.held_out[3], id="again")
    world.training = [*world.training[:5], repeated]
    (part,) = world.plan().parts
    assert part.overlap == {"again": world.held_out[3].id}
    assert "again" not in {problem.id for problem in part.training}
    assert len(part.training) == 5


def test_a_training_side_that_is_held_out_altogether_is_refused(world: World) -> None:
    world.training = world.held_out
    expected = "data: category 'sums': every training problem is also held out (give other data to sums or sums-test)"
    assert world.refusal() == expected


def test_a_side_without_problems_is_refused(world: World) -> None:
    world.held_out = []
    assert world.refusal() == "data: benchmark 'sums-test' has no problems (give data with at least one problem)"


def test_ids_that_repeat_are_the_plugins_fault(world: World) -> None:
    world.training = [*make_problems(5), *make_problems(2)]
    with pytest.raises(PluginError) as caught:
        world.plan()
    expected = "plugin 'adding' (cogumi-adding 1.2): category 'sums' has 2 ids more than once, e.g. 'sum-0'"
    assert str(caught.value) == expected


def test_a_task_that_raises_is_named(world: World) -> None:
    def broken() -> Sequence[Problem]:
        raise LookupError("gone")

    task = FakeTask()
    task.problems = broken  # type: ignore[method-assign]
    world.factories["category", "sums"] = lambda: fake_category("sums", task=task)
    with pytest.raises(
        PluginFailed, match=r"^plugin 'adding' \(cogumi-adding 1\.2\): category 'sums' failed: LookupError: gone"
    ):
        world.plan()


def test_data_is_the_models_unless_told_otherwise(world: World, tmp_path: Path) -> None:
    world.plan()
    assert world.asked == {"sums": "bundled", "sums-test": "bundled"}
    world.plan(options={"sums": {"data": "problems.jsonl"}})
    assert world.asked == {"sums": "problems.jsonl", "sums-test": "bundled"}
    world.plan(options={"sums": {"data": str(tmp_path)}})
    assert world.asked == {"sums": str(tmp_path), "sums-test": str(tmp_path)}
    world.plan(options={"sums": {"data": str(tmp_path)}, "sums-test": {"data": "hub"}})
    assert world.asked == {"sums": str(tmp_path), "sums-test": "hub"}


def test_a_trainer_gets_the_models_options_the_users_and_the_seed(world: World) -> None:
    plan = world.plan(seed=5)
    assert plan.options(plan.trainer) == {"rate": 1e-3, "seed": 5}
    plan = world.plan(seed=5, options={"fit": {"rate": "0.5", "seed": "9"}})
    assert plan.options(plan.trainer) == {"rate": "0.5", "seed": "9"}
    assert plan.options(plan.sampler) == {}


def test_options_can_be_handed_to_another_process(world: World) -> None:
    plan = world.plan(options={"fake": {"path": Path("a/b")}})
    assert json.loads(json.dumps(plan.options(plan.sampler))) == {"path": "a/b"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"plugins": ()}, "plugins: no plugins were named (--plugins NAME,...; there are: adding)"),
        ({"plugins": ("ading",)}, "plugins: no plugin is called 'ading' (did you mean adding?)"),
        ({"sampler": "fakes"}, "no sampler is called 'fakes' (did you mean fake?)"),
        ({"trainer": "git"}, "no trainer is called 'git' (did you mean fit?)"),
        ({"voter": "others"}, "no voter is called 'others' (did you mean other?)"),
        ({"model": "smal"}, "model: 'smal' is no folder and no known model (did you mean small?)"),
        ({"options": {"fit": {"epoch": 3}}}, "epoch: trainer 'fit' has no such option (did you mean epochs?)"),
        ({"options": {"fit": {"epochs": "x"}}}, "epochs: trainer 'fit': 'x' does not fit: it takes int"),
        ({"options": {"sums": {"limit": "x"}}}, "limit: category 'sums': 'x' does not fit: it takes int"),
        ({"options": {"fitt": {"epochs": 3}}}, "fitt.epochs: nothing in this run is called that (did you mean fit?)"),
        ({"options": {"other": {"x": 3}}}, "other.x: nothing in this run is called that ("),
        ({"temperature": 0.0}, "temperature: category 'sums': votes at temperature 0 are one opinion many times ("),
    ],
)
def test_what_is_not_right_is_refused(world: World, settings: dict[str, Any], problem: str) -> None:
    assert world.refusal(**settings).startswith(problem)


def test_a_category_with_a_vote_temperature_of_its_own_may_be_used_greedily(world: World) -> None:
    world.strategy = {"vote_temperature": 0.7}
    assert world.plan(temperature=0.0).settings.temperature == 0.0


def test_the_record_is_json_without_paths(world: World, tmp_path: Path) -> None:
    plan = world.plan(out=tmp_path / "run", options={"sums": {"data": str(tmp_path)}, "fit": {"epochs": 3}})
    text = json.dumps(identity.record(plan))
    assert str(tmp_path) not in text
    record = json.loads(text)
    assert record["settings"]["options"] == {"fit": {"epochs": 3}}
    assert record["settings"]["training"] == {"rate": 1e-3, "epochs": 3, "seed": 0}
    assert record["settings"]["problems"] == {"sums": 100}
    assert record["versions"]["cogumi-adding"] == "1.2"
    assert record["strategies"]["sums"]["votes"] == 10
    assert record["environment"]["python"]


def test_the_record_follows_contents_and_not_their_order_or_place(world: World, tmp_path: Path) -> None:
    before = identity.record(world.plan())["fingerprints"]
    Path(world.model.path).rename(tmp_path / "moved")
    world.model = replace(world.model, path=str(tmp_path / "moved"))
    world.training = list(reversed(world.training))
    assert identity.record(world.plan())["fingerprints"] == before
    world.held_out = [replace(world.held_out[0], reference="wrong"), *world.held_out[1:]]
    after = identity.record(world.plan(held_out=250))["fingerprints"]
    assert after["data"]["sums"]["training"] == before["data"]["sums"]["training"]
    assert after["data"]["sums"]["held_out"] != before["data"]["sums"]["held_out"]


@pytest.mark.parametrize(
    "settings",
    [{"seed": 1}, {"samples": 3}, {"temperature": 0.9}, {"problems": 5}, {"held_out": 5}, {"options": {"fit": {"epochs": 3}}}],
)
def test_every_setting_that_matters_is_in_the_record(world: World, settings: dict[str, Any]) -> None:
    assert identity.record(world.plan(**settings)) != identity.record(world.plan())


def test_a_missing_template_is_noted(world: World) -> None:
    assert world.plan().notes == ()
    put(Path(world.model.path), tokenizer_config__json={"eos_token": "</s>"})
    assert world.plan().notes == (NO_TEMPLATE,)


def test_the_trained_model_is_the_same_base_with_the_adapter(world: World) -> None:
    assert with_adapter(world.model, Path("run/adapter")) == replace(world.model, adapter="run/adapter")


def test_accepting_no_sandbox_reaches_whatever_takes_it() -> None:
    def code(*, accept_unsandboxed: bool = False) -> Category:
        return fake_category("adding", task=FakeTask(5 if accept_unsandboxed else 3))

    entry = Entry(kind="category", name="adding", factory=code, plugin=PLUGIN)
    for accepted, problems in ((False, 3), (True, 5)):
        options = task_options(entry, Settings(accept_unsandboxed=accepted), "bundled")
        assert len(entry.make(**options).task.problems()) == problems
