"""Time and memory to load MMLU's test side and render every prompt: cogumi, the package `datasets`, and lm-eval's task.

    COGUMI_DATA_DIR=data python benchmarks/mmlu_loading.py [ROUNDS]

The folder mmlu in it holds test.jsonl and dev.jsonl in MMLU's schema. Each side is a new process of this very interpreter,
imports included, with empty caches; the sides run in turn. lm-eval's task is that of the package, for all subjects at once.
Prints every side's best wall time, processor time and peak resident memory, and the ratios to cogumi without shots. The
goals for cogumi: under 5 s and under 300 MB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DATA = Path(os.environ.get("COGUMI_DATA_DIR", Path(__file__).resolve().parents[1] / "../shared/data"))
SECONDS, MEGABYTES = 5.0, 300.0


def cogumi(folder: Path, shots: int, cache: str) -> int:
    from cogumi_reasoning.plugin import mmlu

    task = mmlu(data=str(folder), shots=shots).task
    return len([task.messages(problem) for problem in task.problems()])


def datasets(folder: Path, shots: int, cache: str) -> int:
    from datasets import load_dataset

    rows = load_dataset("json", data_files=str(folder / "test.jsonl"), split="train", cache_dir=cache)
    lines = ("\n".join([row["question"], *(f"{x}. {c}" for x, c in zip("ABCD", row["choices"], strict=True))]) for row in rows)
    return len([[{"role": "user", "content": line}] for line in lines])


def lm_eval(folder: Path, shots: int, cache: str) -> int:
    from lm_eval.api.task import ConfigurableTask

    choices = "\n".join(f"{x}. {{{{choices[{place}]}}}}" for place, x in enumerate("ABCD"))
    config = {  # tasks/mmlu/default of the package, with local data
        "task": "mmlu_local",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "test.jsonl")}, "cache_dir": cache},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question.strip()}}\n" + choices + "\nAnswer:",
        "doc_to_choice": list("ABCD"),
        "doc_to_target": "answer",
    }
    task = ConfigurableTask(config=config)
    return len([task.fewshot_context(doc, shots) for doc in task.test_docs()])


SIDES: dict[str, tuple[Callable[[Path, int, str], int], int]] = {
    "cogumi": (cogumi, 0),
    "datasets": (datasets, 0),
    "lm-eval": (lm_eval, 0),
    "cogumi, 5 shots": (cogumi, 5),
}


def one(name: str, folder: Path) -> None:
    """Run one side in this process and print what it took as JSON."""
    start, load = time.perf_counter(), SIDES[name][0]
    with tempfile.TemporaryDirectory() as cache:
        prompts = load(folder, SIDES[name][1], cache)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"wall": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}
    print(json.dumps({"prompts": prompts, **figures}))


def main(folder: Path, rounds: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
    for _ in range(rounds):
        for name, kept in runs.items():
            command = [sys.executable, __file__, "--side", name, str(folder)]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            kept.append(json.loads(done.stdout.splitlines()[-1]))
    best = {name: {figure: min(run[figure] for run in kept) for figure in kept[0]} for name, kept in runs.items()}
    for name, figures in best.items():
        ratios = " ".join(f"{figures[figure] / best['cogumi'][figure]:5.1f}x" for figure in ("wall", "cpu", "mb"))
        print(f"{name:17} {figures['prompts']:6.0f} prompts {figures['wall']:6.2f} s wall {figures['cpu']:6.2f} s cpu "
              f"{figures['mb']:6.0f} MB   {ratios}")  # fmt: skip
    fine = all(figures["wall"] < SECONDS and figures["mb"] < MEGABYTES for name, figures in best.items() if "cogumi" in name)
    print(f"cogumi under {SECONDS:.0f} s and {MEGABYTES:.0f} MB: {'yes' if fine else 'no'}")


if __name__ == "__main__":
    if "--side" in sys.argv:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(DATA / "mmlu", int(sys.argv[1]) if len(sys.argv) > 1 else 3)
