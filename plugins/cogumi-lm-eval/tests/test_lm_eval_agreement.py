"""lm-eval's own run beside ours: its `simple_evaluate`, which loads model, adapter and data by itself."""

import json

import pytest
from cogumi_lm_eval import run
from cogumi_lm_eval.catalogue import builtin
from cogumi_lm_eval.plugin import lm_eval

from cogumi.records import Weights

pytestmark = pytest.mark.filterwarnings("ignore")  # lm-eval's own run is not quiet

STEM = sorted(builtin().find("mmlu_stem_tasks").members)
QUICK = ["mmlu_anatomy", "mmlu_astronomy", "mmlu_college_physics"]
LONG = ["mmlu_high_school_world_history"]


def own_run(model, folder, files, *, tasks, limit, adapter=None, **options):
    """lm-eval alone: `files(task)` gives its data, which it reads with `datasets` as it would a user's."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    folder.mkdir()
    for task in tasks:
        kwargs = {"data_files": {split: str(path) for split, path in files(task).items()}, "cache_dir": str(folder / "cache")}
        text = f"include: {builtin().find(task).path}\ndataset_path: json\ndataset_kwargs: {json.dumps(kwargs)}\n"
        (folder / f"{task}.yaml").write_text(text, encoding="utf-8")
    return simple_evaluate(
        model="hf",
        model_args={"pretrained": model.path, "dtype": "float32"} | ({"peft": adapter} if adapter else {}),
        tasks=list(tasks),
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        limit=limit,
        device="cpu",
        bootstrap_iters=0,
        **options,
    )


def by_subject(public, rows, folder):
    """MMLU's files, each subject's rows in files of their own."""
    read = {s: list(map(json.loads, (public("mmlu") / f"{s}.jsonl").read_bytes().splitlines())) for s in ("test", "dev")}

    def files(task):
        subject = task.removeprefix("mmlu_")
        return {s: rows(folder / subject / f"{s}.jsonl", [r for r in read[s] if r["subject"] == subject]) for s in read}

    return files


def compare_mmlu(results, items, tasks):
    """Item by item and in the mean: equal, not approximately."""
    theirs = {name: [row["acc"] for row in sorted(results["samples"][name], key=lambda row: row["doc_id"])] for name in tasks}
    ours = {name: [item.metrics["acc"] for item in items if item.id.startswith(f"{name}/")] for name in tasks}
    assert ours == theirs
    for name in tasks:
        hashes = [row["doc_hash"][:12] for row in sorted(results["samples"][name], key=lambda row: row["doc_id"])]
        assert [item.id for item in items if item.id.startswith(f"{name}/")] == [f"{name}/{digest}" for digest in hashes]
        assert results["results"][name]["acc,none"] == sum(ours[name]) / len(ours[name])


def evaluated(model, limit, report, **options):
    return [item for name in options.pop("tasks") for item in lm_eval(task=name, **options).evaluate(model, limit, report)]


def test_mmlu_is_what_lm_eval_says(public, rows, embedded, silent, tmp_path):
    files = by_subject(public, rows, tmp_path / "data")
    theirs = own_run(embedded, tmp_path / "own", files, tasks=QUICK, limit=12, batch_size=8)
    ours = evaluated(embedded, 12, silent, tasks=QUICK, data=str(public("mmlu")), device="cpu")
    assert len(ours) == 36
    assert {item.metrics["acc"] for item in ours} == {0.0, 1.0}, "equality of nothing but wrong answers says nothing"
    compare_mmlu(theirs, ours, QUICK)


def test_mmlu_with_examples_is_what_lm_eval_says_also_where_prompts_are_cut(public, rows, embedded, tmp_path):
    files = by_subject(public, rows, tmp_path / "data")
    theirs = own_run(embedded, tmp_path / "own", files, tasks=LONG, limit=4, num_fewshot=5, batch_size=4)
    notes = []
    options = {"data": str(public("mmlu")), "shots": 5, "batch_size": 4, "device": "cpu"}
    ours = list(lm_eval(task=LONG[0], **options).evaluate(embedded, 4, lambda *report: notes.append(report)))
    compare_mmlu(theirs, ours, LONG)
    assert notes[-1] == (16, 16, "prompts over 2048 tokens were cut at their beginning")


@pytest.mark.slow
@pytest.mark.parametrize("shots", [0, 3])
def test_a_group_of_mmlu_is_what_lm_eval_says(public, rows, embedded, silent, tmp_path, shots):
    files = by_subject(public, rows, tmp_path / "data")
    theirs = own_run(embedded, tmp_path / "own", files, tasks=STEM, limit=10, num_fewshot=shots, batch_size=8)
    options = {"data": str(public("mmlu")), "shots": shots, "device": "cpu"}
    ours = list(lm_eval(task="mmlu_stem", **options).evaluate(embedded, 190, silent))
    assert len(ours) == 190
    compare_mmlu(theirs, ours, STEM)


def test_gsm8k_is_what_lm_eval_says(public, embedded, silent, tmp_path, monkeypatch):
    files = {side: public("gsm8k") / f"{side}.jsonl" for side in ("train", "test")}
    options = {"num_fewshot": 2, "batch_size": 4, "gen_kwargs": {"max_gen_toks": 48}}
    theirs = own_run(embedded, tmp_path / "own", lambda task: files, tasks=["gsm8k"], limit=5, **options)["samples"]["gsm8k"]
    taken, samples = [], run._samples
    monkeypatch.setattr(run, "_samples", lambda *given: taken.append(samples(*given)) or taken[-1])
    evaluation = lm_eval(task="gsm8k", data=str(public("gsm8k")), shots=2, batch_size=4, max_gen_toks=48, device="cpu")
    items = list(evaluation.evaluate(embedded, 5, silent))
    seen = [(row["doc_id"], row["filter"], row["arguments"], row["resps"], row["exact_match"]) for row in theirs]
    assert [
        tuple(row[key] for key in ("doc_id", "filter", "arguments", "resps", "exact_match")) for row in taken[0]["gsm8k"]
    ] == seen
    assert len({str(texts) for _, _, _, texts, _ in seen}) == 5, "five different completions"
    for number, item in enumerate(items):
        assert item.metrics == {f"exact_match,{name}": score for at, name, _, _, score in seen if at == number}


def test_an_adapter_changes_the_figures_and_to_what_lm_eval_says(public, rows, embedded, adapter, silent, tmp_path):
    files = by_subject(public, rows, tmp_path / "data")
    theirs = own_run(embedded, tmp_path / "own", files, tasks=QUICK, limit=12, adapter=adapter, batch_size=8)
    options = {"tasks": QUICK, "data": str(public("mmlu")), "device": "cpu"}
    base = evaluated(embedded, 12, silent, **options)
    adapted = evaluated(Weights(name="adapted", path=embedded.path, adapter=adapter), 12, silent, **options)
    compare_mmlu(theirs, adapted, QUICK)
    assert [item.id for item in base] == [item.id for item in adapted]
    assert [item.metrics for item in base] != [item.metrics for item in adapted]


@pytest.fixture
def adapter(embedded, tmp_path):
    """A LoRA adapter of random weights, large enough to change what the model prefers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = LoraConfig(r=8, lora_alpha=64, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(embedded.path), config).save_pretrained(tmp_path / "adapter")
    return str(tmp_path / "adapter")
