"""lm-eval's own index beside ours."""

import pytest
from cogumi_lm_eval.catalogue import Catalogue, builtin, tasks_folder
from cogumi_lm_eval.plugin import lm_eval
from cogumi_lm_eval.selection import select
from cogumi_lm_eval.settings import Settings
from cogumi_lm_eval.tasks import write

from cogumi.errors import BadInput

FOLDERS = ["mmlu", "gsm8k", "arc", "truthfulqa", "ifeval", "gpqa", "squadv2"]
NAMES = ["mmlu", "mmlu_stem", "mmlu_anatomy", "gsm8k_cot", "arc_challenge", "truthfulqa", "truthfulqa_mc2", "ifeval", "squadv2"]


def settings(task):
    chosen = {}
    lm_eval(task=task)  # the defaults are the factory's own
    for name, default in lm_eval.__kwdefaults__.items():
        chosen[name] = default
    return Settings(**{**chosen, "task": task})


def kind(entry):
    return "task" if entry.kind.name == "PY_TASK" else entry.kind.name.lower()


def compare(name, theirs):
    ours = builtin().find(name)
    assert (ours.kind, ours.path) == (kind(theirs), theirs.yaml_path), name
    if ours.kind == "tag":
        assert set(ours.members) == theirs.tags


def what_lm_eval_sees(name, folder):
    from lm_eval.tasks import TaskManager

    folder.mkdir()
    write(select(settings(name)), settings(name), folder)
    return TaskManager(include_path=str(folder), include_defaults=False).task_index


def test_names_mean_what_they_mean_to_lm_eval():
    from lm_eval.tasks import TaskManager

    paths = [str(tasks_folder() / name) for name in FOLDERS]
    index = TaskManager(include_path=paths, include_defaults=False).task_index
    assert len(index) > 200
    for name, entry in index.items():
        if entry.kind.name != "TAG":  # a tag has members in other folders too
            compare(name, entry)
    assert {name: builtin().find(name).kind for name in ("mmlu", "truthfulqa", "gsm8k")} == {
        "mmlu": "group",
        "truthfulqa": "tag",
        "gsm8k": "task",
    }


def test_lm_eval_sees_the_same_configuration(tmp_path):
    from lm_eval.tasks import TaskManager

    paths = [str(tasks_folder() / name) for name in FOLDERS]
    theirs = TaskManager(include_path=paths, include_defaults=False).task_index
    for name in NAMES:
        ours = what_lm_eval_sees(name, tmp_path / name)
        assert name in ours
        assert {key: entry.cfg for key, entry in ours.items()} == {key: theirs[key].cfg for key in ours}


@pytest.mark.slow
def test_all_names_mean_what_they_mean_to_lm_eval(tmp_path):
    from lm_eval.tasks import TaskManager

    index = TaskManager().task_index
    assert len(index) > 10_000
    for name, entry in index.items():
        compare(name, entry)
    for name in (*NAMES, "leaderboard", "belebele", "ai2_arc", "lambada"):
        ours = what_lm_eval_sees(name, tmp_path / name)
        assert {key: entry.cfg for key, entry in ours.items()} == {key: index[key].cfg for key in ours}


def test_a_group_reaches_all_its_tasks():
    reached = builtin().reach("mmlu")
    assert sum(entry.kind == "task" for entry in reached.values()) == 57
    assert sum(entry.kind == "group" for entry in reached.values()) == 5


def test_the_first_file_has_the_name_and_a_tag_passes_over_the_others(tmp_path):
    (tmp_path / "b.yaml").write_text("task: one\ntag: [those]\n")
    (tmp_path / "a.yaml").write_text("task: one\n")
    (tmp_path / "c.yaml").write_text("include: base\ntask: two\n")
    (tmp_path / "base").write_text("tag:\n  - those\n  - these\noutput_type: multiple_choice\n")
    (tmp_path / "d.yaml").write_text("group: both\ntask:\n  - one\n  - group: inner\n    task: [{task: two, num_fewshot: 1}]\n")
    (tmp_path / "e.yaml").write_text("task: [broken\n")
    found = Catalogue([tmp_path])
    assert found.find("one").path.name == "a.yaml"
    assert found.find("those").members == ("two",)
    assert found.find("two").config["output_type"] == "multiple_choice"
    assert set(found.reach("both")) == {"both", "one", "two"}
    assert found.find("three") is None


@pytest.mark.parametrize(
    ("name", "like"), [("gsm8", "did you mean gsm8k"), ("mmlu_anatomie", "mmlu_anatomy"), ("qqqqqqqq", "lm-eval ls")]
)
def test_an_unknown_task_is_refused_with_names_like_it(name, like):
    evaluation = lm_eval(task=name)
    with pytest.raises(BadInput, match=f"task: lm-eval has no task called '{name}' .*{like}"):
        evaluation.check()
