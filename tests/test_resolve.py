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

from cogumi.errors import BadInput, PluginError, PluginFailed
from cogumi.files import write_json
from cogumi.phases import Gate, Phase
from cogumi.pipeline.manifest import manifest
from cogumi.pipeline.resolve import STRATEGY_FIELDS, choose, make_plan
from cogumi.planning import defaults
from cogumi.planning.manifest import as_json
from cogumi.planning.plan import Plan, Sizes, asked
from cogumi.planning.settings import Settings
from cogumi.protocols import Benchmark, Category, ExternalEvaluation
from cogumi.records import ItemResult, Message, Model, Problem, Raw, Serves, Weights
from cogumi.registry.discovery import Entry, Plugin, Registry
from cogumi.runs import read_manifest
from cogumi.testing import FakeSampler, FakeTask, FakeTrainer, fake_benchmark, fake_category, make_problems
from cogumi.voting import majority, weighted
from cogumi.weights import NO_TEMPLATE, resolve

PLUGIN = Plugin(name="adding", dist="cogumi-adding", version="1.2")
SIZES = {"minimal": (100, 200), "full": (None, None)}
"""Problems per category of a phase: training, held out."""


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


def outside(*, task: str, shots: int = 0) -> ExternalEvaluation:
    """Somebody else's questions."""

    def evaluate(model: Weights, limit: int | None, progress: object) -> list[ItemResult]:
        return []

    def check() -> None:
        if task == "unknown":
            raise BadInput("no such task", field="task")

    return ExternalEvaluation(name=f"outside:{task}", evaluate=evaluate, metric="acc", check=check)


class Terse(FakeSampler):
    """Tells no log-probabilities, and cannot promise its samples."""

    serves = Serves(logprobs=False, exact=False)

    def __init__(self, model: Model) -> None:
        super().__init__(lambda request, index: "")
        self.model = model

    def resolve(self) -> Any:
        """As the core does it."""
        return resolve(self.model)


def phase(name: str) -> Callable[[], Phase]:
    """A phase of these sizes, with a gate on consistency."""
    training, held_out = SIZES[name]
    gates = (Gate(name="steady", metric="consistency", threshold=0.7),)
    sizes = {} if training is None else {"*": training}
    return lambda: Phase(name=name, gates=gates, passed="Stop.", problems=sizes, held_out=held_out, guard=40)


class World:
    """Installed plugins, made of fakes, and a model folder; notes which data each side was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: dict[str, str] = {}
        self.training: Sequence[Problem] = make_problems(150)
        self.held_out: Sequence[Problem] = make_problems(250, first=1000)
        self.strategy: dict[str, Any] = {}
        self.model = Weights(
            name="small", path=str(model_folder(folder / "model")), data="bundled", training={"rate": 1e-3, "other": 1}
        )
        self.factories: dict[tuple[str, str], Callable[..., object]] = {
            ("category", "sums"): self.category,
            ("benchmark", "sums-test"): self.benchmark,
            ("sampler", "fake"): sampler,
            ("trainer", "fit"): trainer,
            ("benchmark", "guarding"): lambda: fake_benchmark("guarding", task=FakeTask(60, first=3000)),
            ("benchmark", "watching"): lambda: fake_benchmark("watching", task=FakeTask(30, first=4000)),
            ("benchmark", "outside"): outside,
            ("sampler", "terse"): Terse,
            ("voter", "majority"): majority,
            ("voter", "other"): majority,
            ("voter", "weighted"): weighted,
            ("phase", "minimal"): phase("minimal"),
            ("phase", "full"): phase("full"),
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

    def plan(self, begun: Sizes | None = None, **settings: Any) -> Plan:
        base: dict[str, Any] = {"plugins": ("adding",), "model": "small", "sampler": "fake", "trainer": "fit", "guard": ()}
        entries = {key: Entry(kind=key[0], name=key[1], factory=f, plugin=PLUGIN) for key, f in self.factories.items()}
        registry = Registry(plugins={"adding": PLUGIN}, entries=entries)
        known = begun or Sizes(training={}, held_out={})
        return make_plan(Settings(**{**base, **settings}), registry, known)

    def refusal(self, **settings: Any) -> str:
        with pytest.raises(BadInput) as caught:
            self.plan(**settings)
        return str(caught.value)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return World(tmp_path)


def sizes(plan: Plan) -> tuple[int, int]:
    """Problems trained on and held out of the one category."""
    (run,) = plan.categories
    return len(run.training), len(run.evaluation.problems)


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
    assert sizes(world.plan()) == (100, 200)
    assert sizes(world.plan(phase="full")) == (150, 250)
    assert sizes(world.plan(problems=7, held_out=9)) == (7, 9)


def test_a_phase_may_say_how_many_problems_of_one_category(world: World) -> None:
    world.factories["phase", "mine"] = lambda: Phase(name="mine", gates=(), passed="x", problems={"sums": 11, "*": 5})
    assert sizes(world.plan(phase="mine")) == (11, 250)


def test_the_sizes_of_a_run_that_was_begun_are_kept(world: World) -> None:
    begun = Sizes(training={"sums": 20}, held_out={"sums": 30, "guarding": 10})
    plan = world.plan(begun, phase="full", guard=("guarding",))
    assert sizes(plan) == (20, 30)
    assert [len(e.problems) for e in plan.others] == [10]
    assert sizes(world.plan(begun, problems=7, held_out=9)) == (7, 9)
    assert sizes(world.plan(Sizes(training={"other": 3}, held_out={}))) == (100, 200)


def test_a_category_says_who_does_what(world: World) -> None:
    plan = world.plan(voter="other")
    (run,) = plan.categories
    assert (run.name, run.evaluation.name, run.evaluation.benchmark.name) == ("sums", "sums", "sums-test")
    assert run.chosen.entry.name == "sums"
    assert (run.evaluation.grader.entry.name, run.evaluation.voting.entry.name) == ("sums-test", "other")
    assert plan.trainer is not None
    assert (plan.student.sampler.name, plan.trainer.chosen.entry.name) == ("fake", "fit")
    assert plan.student.model == world.model
    assert (run.available, run.evaluation.available) == (150, 250)


def test_problems_that_are_held_out_are_not_trained_on(world: World) -> None:
    repeated = replace(world.held_out[3], id="again")
    world.training = [*world.training[:5], repeated]
    (run,) = world.plan().categories
    assert run.overlap == {"again": world.held_out[3].id}
    assert "again" not in {problem.id for problem in run.training}
    assert len(run.training) == 5


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


def trainer_options(plan: Plan) -> dict[str, Any]:
    assert plan.trainer is not None
    return dict(plan.trainer.chosen.options)


def test_a_trainer_gets_the_models_options_the_users_and_the_seed(world: World) -> None:
    assert trainer_options(world.plan(seed=5)) == {"rate": 1e-3, "seed": 5}
    plan = world.plan(seed=5, options={"fit": {"rate": "0.5", "seed": "9"}})
    assert trainer_options(plan) == {"rate": 0.5, "seed": 9}
    assert plan.student.options == {}


def test_a_value_that_is_in_force_anyway_changes_no_identity(world: World) -> None:
    plain, given = world.plan().trainer, world.plan(options={"fit": {"epochs": "2", "rate": 1e-3}}).trainer
    assert plain is not None
    assert given is not None
    assert given.chosen.identity == plain.chosen.identity


def test_nobody_trains_where_the_trainer_is_none(world: World) -> None:
    assert world.plan(trainer="none").trainer is None


def test_options_can_be_handed_to_another_process(world: World) -> None:
    plan = world.plan(options={"fake": {"path": Path("a/b")}})
    assert json.loads(json.dumps(plan.student.options)) == {"path": "a/b"}


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
        ({"options": {"judge": {"x": 3}}}, "judge.x: there is no judge in this run ("),
        ({"phase": "minima"}, "no phase is called 'minima' (did you mean minimal?)"),
        ({"guard": ("garding",)}, "no benchmark is called 'garding' (did you mean guarding"),
        ({"benchmarks": ("watching", "watching")}, "benchmarks: 'watching' is measured already (name each benchmark once)"),
        ({"guard": ("guarding",), "benchmarks": ("guarding",)}, "benchmarks: 'guarding' is measured already ("),
        ({"benchmarks": ("outside:unknown",)}, "task: no such task"),
        (
            {"sampler": "terse", "voter": "weighted"},
            "voter: voter 'weighted' weighs log-probabilities, and sampler ",
        ),
        ({"options": {"sums": {"votes": 1}}}, "sums.votes: 1 is out of range (2 or more: one voter is no vote)"),
        ({"options": {"sums": {"votes": "few"}}}, "sums.votes: 'few' does not fit: it takes int"),
        ({"options": {"sums": {"vote": 20}}}, "vote: category 'sums' has no such option ("),
        ({"options": {"sums": {"min_agreement": 1.5}}}, "sums.min_agreement: 1.5 is out of range (a share of 0 to 1)"),
        ({"options": {"sums": {"target": "worst"}}}, "sums.target: 'worst' does not fit: it takes generated|best-vote"),
        ({"options": {"sums": {"vote_temperature": 0.0}}}, "temperature: category 'sums': votes at temperature 0 are one"),
        ({"options": {"sums-test": {"max_tokens": 0}}}, "sums-test.max_tokens: 0 is out of range (1 or more)"),
        ({"options": {"sums-test": {"max_tokens": 2.5}}}, "sums-test.max_tokens: 2.5 does not fit: it takes int"),
        ({"options": {"sums-test": {"max_tokens": "many"}}}, "sums-test.max_tokens: 'many' does not fit: it takes int"),
        ({"temperature": 0.0}, "temperature: category 'sums': votes at temperature 0 are one opinion many times ("),
    ],
)
def test_what_is_not_right_is_refused(world: World, settings: dict[str, Any], problem: str) -> None:
    assert world.refusal(**settings).startswith(problem)


def test_a_category_with_a_vote_temperature_of_its_own_may_be_used_greedily(world: World) -> None:
    world.strategy = {"vote_temperature": 0.7}
    assert world.plan(temperature=0.0).settings.temperature == 0.0


# --- a category's strategy is the user's ------------------------------------------------------------------------------

CHANGED: dict[str, Any] = {
    "generate_temperature": 0.3,
    "train_temperature": 0.2,
    "vote_temperature": 0.9,
    "votes": 20,
    "min_agreement": 0.8,
    "max_tokens": 77,
    "target": "best-vote",
    "targets": 3,
    "consistency": "answers",
}


def test_every_field_of_a_strategy_is_a_setting(world: World) -> None:
    assert CHANGED.keys() == set(STRATEGY_FIELDS)
    (plain,), (run,) = world.plan().categories, world.plan(options={"sums": CHANGED}).categories
    for name, value in CHANGED.items():
        assert getattr(run.strategy, name) == value
        assert getattr(plain.strategy, name) != value
    assert run.strategy.why == plain.strategy.why
    assert run.evaluation.consistency == "answers"


def test_a_strategy_given_as_text_is_the_same(world: World) -> None:
    texts = {name: str(value) for name, value in CHANGED.items()}
    (typed,), (run,) = (world.plan(options={"sums": given}).categories for given in (CHANGED, texts))
    assert run.strategy == typed.strategy


def test_a_strategy_s_fields_do_not_reach_the_factory_and_its_options_do(world: World) -> None:
    (run,) = world.plan(options={"sums": {"votes": 20, "limit": "9"}}).categories
    assert run.chosen.options == {"data": "bundled", "limit": 9}
    assert (run.strategy.votes, len(run.training)) == (20, 9)


def test_an_option_of_the_factory_s_own_wins_over_a_field_of_its_name(world: World) -> None:
    def own(*, data: str = "hub", votes: int = 0) -> Category:
        return fake_category("sums", task=Given(world.training[:votes]))

    world.factories["category", "sums"] = own
    (run,) = world.plan(options={"sums": {"votes": 3}}).categories
    assert (run.available, run.strategy.votes) == (3, 10)


# --- how samples are drawn --------------------------------------------------------------------------------------------


def limits(plan: Plan) -> tuple[int, int]:
    """Token limits of the one category: training side, held-out side."""
    (run,) = plan.categories
    return run.strategy.max_tokens, run.evaluation.use.max_tokens


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (32, 32)),
        ({"max_tokens": 99}, (99, 99)),
        ({"options": {"sums": {"max_tokens": 50}}}, (50, 50)),
        ({"options": {"sums-test": {"max_tokens": "60"}}}, (32, 60)),
        ({"options": {"sums": {"max_tokens": 50}, "sums-test": {"max_tokens": 60}}}, (50, 60)),
        ({"max_tokens": 99, "options": {"sums": {"max_tokens": 50}, "sums-test": {"max_tokens": 60}}}, (99, 99)),
    ],
)
def test_the_token_limit_is_the_run_s_or_the_side_s_or_the_plugin_s(
    world: World, settings: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert limits(world.plan(**settings)) == expected


def test_sampling_settings_reach_every_evaluation(world: World) -> None:
    plan = world.plan(temperature=0.9, top_p=0.8, top_k=40, seed=3, guard=("guarding",), benchmarks=("watching",))
    assert len(plan.evaluations) == 3
    for evaluation in plan.evaluations:
        use = evaluation.use
        assert (use.temperature, use.top_p, use.top_k, use.seed, use.logprobs) == (0.9, 0.8, 40, 3, False)


def test_a_voter_that_weighs_log_probabilities_has_them_drawn(world: World) -> None:
    (run,) = world.plan(voter="weighted").categories
    assert run.evaluation.use.logprobs


@pytest.mark.parametrize(
    ("given", "temperature", "drawn"),
    [(None, 0.7, (0.2,)), (None, 0.2, ()), ((0.1, 0.5), 0.7, (0.1, 0.5)), ((0.1, 0.9), 0.7, (0.1,)), ((), 0.7, ())],
)
def test_lower_temperatures_are_baselines_of_what_is_trained(
    world: World, given: tuple[float, ...] | None, temperature: float, drawn: tuple[float, ...]
) -> None:
    plan = world.plan(baseline_temperatures=given, temperature=temperature, guard=("guarding",))
    (run,) = plan.categories
    assert run.evaluation.baseline_temperatures == drawn
    assert plan.others[0].baseline_temperatures == ()


def test_no_baseline_is_drawn_where_consistency_is_no_gate(world: World) -> None:
    world.factories["phase", "free"] = lambda: Phase(name="free", gates=(), passed="x")
    (run,) = world.plan(phase="free").categories
    assert run.evaluation.baseline_temperatures == ()


USER, OWN = Message(role="user", content="?"), Message(role="system", content="Count.")


@pytest.mark.parametrize(
    ("messages", "system", "expected"),
    [
        ((USER,), None, [USER]),
        ((OWN, USER), None, [OWN, USER]),
        ((USER,), "Be brief.", [Message(role="system", content="Be brief."), USER]),
        ((OWN, USER), "Be brief.", [Message(role="system", content="Be brief.\n\nCount."), USER]),
        ((), "Be brief.", [Message(role="system", content="Be brief.")]),
    ],
)
def test_the_user_s_system_prompt_goes_first(
    messages: tuple[Message, ...], system: str | None, expected: list[Message]
) -> None:
    assert list(asked(messages, system)) == expected


# --- guards, and what is measured besides -----------------------------------------------------------------------------


def test_guards_are_measured_under_their_own_names(world: World) -> None:
    plan = world.plan(guard=("guarding", "watching"), benchmarks=("outside:easy",), voter="other")
    assert [(e.name, e.purpose, len(e.problems)) for e in plan.others] == [
        ("guarding", "guard", 40),
        ("watching", "guard", 30),
    ]
    assert {e.voting.entry.name for e in plan.others} == {defaults.VOTER}
    assert [e.name for e in plan.external] == ["outside:easy"]


def test_a_benchmark_asked_for_besides_is_no_guard(world: World) -> None:
    plan = world.plan(benchmarks=("watching",))
    assert [(e.name, e.purpose) for e in plan.others] == [("watching", "benchmark")]


def test_the_token_limit_of_what_is_measured_besides_is_a_setting_too(world: World) -> None:
    given = {"guarding": {"max_tokens": 60}, "watching": {"max_tokens": "70"}}
    plan = world.plan(guard=("guarding",), benchmarks=("watching",), options=given)
    assert {e.name: e.use.max_tokens for e in plan.others} == {"guarding": 60, "watching": 70}


def test_a_benchmark_of_many_tasks_is_made_for_the_one_that_is_asked_for(world: World) -> None:
    def many(*, data: str = "hub", task: str = "easy", limit: int = 20) -> Benchmark:
        return fake_benchmark(f"many:{task}", task=FakeTask(limit, first=5000))

    world.factories["benchmark", "many"] = many
    plan = world.plan(benchmarks=("many:hard", "many:odd"), options={"many": {"limit": 9}, "many:odd": {"limit": "7"}})
    assert [(e.name, e.available) for e in plan.others] == [("many:hard", 9), ("many:odd", 7)]
    assert plan.others[1].grader.options == {"data": "bundled", "task": "odd", "limit": 7}


def test_a_guard_that_holds_out_a_category_is_measured_once(world: World) -> None:
    assert world.plan(guard=("sums-test", "guarding")).others[0].name == "guarding"


def test_a_default_guard_that_nobody_offers_is_noted_and_no_error(world: World) -> None:
    plan = world.plan(guard=defaults.GUARDS)
    assert plan.others == ()
    assert [note for note in plan.notes if "forgetting is not measured" in note]


def test_a_guard_without_its_data_says_how_to_leave_it_out(world: World) -> None:
    def absent() -> Benchmark:
        raise BadInput("no such file", file="x.jsonl")

    world.factories["benchmark", "guarding"] = absent
    assert world.refusal(guard=("guarding",)) == (
        "x.jsonl: no such file (every run measures guarding to see what was forgotten; --guard none leaves it out)"
    )


def test_options_of_a_task_are_its_alone(world: World) -> None:
    given = {"outside": {"shots": 2}, "outside:hard": {"shots": "5"}}
    plan = world.plan(benchmarks=("outside:easy", "outside:hard"), options=given, held_out=9)
    assert [(e.chosen.options, e.limit) for e in plan.external] == [
        ({"task": "easy", "shots": 2}, 9),
        ({"task": "hard", "shots": 5}, 9),
    ]


def test_an_external_evaluation_holds_out_no_category(world: World) -> None:
    world.factories["benchmark", "sums-test"] = lambda: outside(task="easy")
    assert "is an external evaluation and cannot hold out a category" in world.refusal()


# --- abilities --------------------------------------------------------------------------------------------------------


def test_what_a_sampler_cannot_promise_is_noted(world: World) -> None:
    (note,) = world.plan(sampler="terse").notes
    assert note == "the student's samples may differ from run to run: its sampler cannot promise them ('terse')"


def test_a_category_s_gates_are_its_own(world: World) -> None:
    gate = Gate(name="mine", metric="accuracy", threshold=0.5, category="sums")
    world.factories["category", "sums"] = lambda: replace(world.category(), gates=(gate,))
    assert world.plan().category_gates == {"sums": (gate,)}


def test_gates_of_the_user_s_own_win_over_the_phase_s(world: World, tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('held_out = 17\n[[gates]]\nname = "mine"\nmetric = "accuracy"\nthreshold = 0.9\n')
    plan = world.plan(gates=path)
    assert plan.phase.held_out == 17
    assert [gate.name for gate in plan.phase.gates] == ["mine"]
    assert sizes(plan) == (100, 17)


# --- what a run says of itself ----------------------------------------------------------------------------------------


def test_the_record_is_json_and_shows_what_was_resolved(world: World) -> None:
    plan = world.plan(options={"sums": {"votes": "20"}, "fit": {"epochs": "3"}})
    record = json.loads(json.dumps(as_json(manifest(plan))))
    assert "out" not in record["settings"]
    assert record["trainer"]["options"] == {"epochs": 3, "rate": 1e-3, "seed": 0}
    assert record["sizes"].items() >= {"training": {"sums": 100}, "held_out": {"sums": 200}}.items()
    assert record["versions"]["cogumi-adding"] == "1.2"
    assert record["strategies"]["sums"]["votes"] == 20
    assert record["roles"]["student"]["fingerprint"] == plan.student.fingerprint
    assert record["environment"]["python"]


def test_the_record_comes_back_from_its_file_wherever_the_folder_is(world: World, tmp_path: Path) -> None:
    written = manifest(world.plan(options={"sums": {"votes": "20"}}, baseline_temperatures=(0.2,)))
    write_json(tmp_path / "run.json", as_json(written))
    found = read_manifest(tmp_path)
    assert found.settings.out == tmp_path
    assert as_json(found) == as_json(written)
    assert (found.phase, found.sizes, found.strategies) == (written.phase, written.sizes, written.strategies)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 2}, "format: format 2, and this version reads 1"),
        ({"settings": None}, "not a run's record"),
        ({"settings": {"modle": "m"}}, "settings.modle: no such field (did you mean model"),
        ({"data": {"sums (training)": {"taken": 1}}}, "data.sums (training).source: missing"),
        ({"sizes": {"training": {"sums": "all"}, "held_out": {}}}, "sizes.training.sums: str where int is expected"),
    ],
)
def test_a_record_that_was_edited_is_named_by_its_field(world: World, tmp_path: Path, change: Raw, problem: str) -> None:
    write_json(tmp_path / "run.json", {**as_json(manifest(world.plan())), **change})
    with pytest.raises(BadInput) as caught:
        read_manifest(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: {problem}")


def test_the_record_follows_contents_and_not_their_order_or_place(world: World, tmp_path: Path) -> None:
    before = manifest(world.plan())
    Path(world.model.path).rename(tmp_path / "moved")
    world.model = replace(world.model, path=str(tmp_path / "moved"))
    world.training = list(reversed(world.training))
    assert manifest(world.plan()) == before
    world.held_out = [replace(world.held_out[0], reference="wrong"), *world.held_out[1:]]
    after, same = manifest(world.plan(held_out=250)).data, manifest(world.plan(held_out=250)).data
    assert after == same
    assert after["sums (training)"] == before.data["sums (training)"]
    assert after["sums (held out)"].digest != before.data["sums (held out)"].digest


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1},
        {"samples": 3},
        {"temperature": 0.9},
        {"problems": 5},
        {"held_out": 5},
        {"top_p": 0.5},
        {"top_k": 5},
        {"max_tokens": 5},
        {"system": "Be brief."},
        {"options": {"fit": {"epochs": 3}}},
        {"options": {"sums": {"votes": 12}}},
    ],
)
def test_every_setting_that_matters_is_in_the_record(world: World, settings: dict[str, Any]) -> None:
    assert manifest(world.plan(**settings)) != manifest(world.plan())


def test_a_missing_template_is_noted(world: World) -> None:
    assert world.plan().notes == ()
    put(Path(world.model.path), tokenizer_config__json={"eos_token": "</s>"})
    assert world.plan().notes == (NO_TEMPLATE,)


def test_accepting_no_sandbox_reaches_whatever_takes_it(world: World) -> None:
    def programs(*, accept_unsandboxed: bool = False) -> Category:
        return fake_category("sums", task=FakeTask(5 if accept_unsandboxed else 3))

    world.factories["category", "sums"] = programs
    for accepted, problems in ((False, 3), (True, 5)):
        (run,) = world.plan(accept_unsandboxed=accepted).categories
        assert run.available == problems
