"""A plugin that no line of this project knows and that brings everything: one run of it, end to end, ends in a verdict.

A category with gates of its own, a benchmark, a phase, models, a sampler that asks a server (a real one, on this machine), a
trainer that learns from pairs, an observer and a line for the doctor.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from command_line import SITE, command

import cogumi as library
from cogumi.testing import fake_dist

PLUGIN = '''
"""Multiplication, taught over a wire."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cogumi import hookimpl
from cogumi.phases import Gate, Phase
from cogumi.protocols import Benchmark, Category
from cogumi.records import (
    AdapterManifest, Completion, Endpoint, Finding, Preference, Problem, Resolved, Score, Serves, Strategy, Training, Weights,
    sample_seed,
)
from cogumi.registry.options import Neutral
from cogumi.weights import fingerprint, resolve, write_manifest

HERE = Path(__file__).parent


class Products:
    """What is 3 times 4? Answered by the last word."""

    def __init__(self, first: int, count: int) -> None:
        self.numbers = range(first, first + count)

    def problems(self):
        return [Problem(id=f"p{n}", prompt=f"What is {n} times {n % 7 + 2}?", reference=n * (n % 7 + 2)) for n in self.numbers]

    def messages(self, problem):
        return ({"role": "user", "content": problem.prompt},)

    def answers(self, problem, completions):
        return [c.text.split()[-1] if c.text.split() and c.text.split()[-1].isdigit() else None for c in completions]

    def score(self, problem, completions):
        return [Score(correct=answer == str(problem.reference)) for answer in self.answers(problem, completions)]


class Wire:
    """Asks a server, which is told where model and adapter are."""

    serves = Serves(endpoints=True, logprobs=False, token_ids=False)

    def __init__(self, model, url):
        self.model, self.url = model, url

    def resolve(self):
        if isinstance(self.model, Weights):
            return resolve(self.model)
        return Resolved(model=self.model, fingerprint={"served": self.model.served})

    def sample(self, requests):
        for request in requests:
            for index in request.indices:
                yield Completion(request=request.id, index=index, finish="stop", **self._ask(request, index))

    def _ask(self, request, index):
        adapter = self.model.adapter if isinstance(self.model, Weights) else None
        question = {
            "messages": list(request.messages),
            "temperature": request.sampling.temperature,
            "seed": sample_seed(request, index),
            "model": self.model.served if isinstance(self.model, Endpoint) else self.model.name,
            "adapter": adapter,
        }
        body = json.dumps(question).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url, data=body), timeout=60) as reply:
            return json.loads(reply.read())

    def close(self):
        pass


def wire(model, *, url: Annotated[str, Neutral]):
    """Ask a server.

    url: where it is.
    """
    return Wire(model, url)


class Contrast:
    """Learns from pairs, which it writes down beside the adapter."""

    accepts = Preference

    def train(self, examples: Sequence[Preference], model, folder, progress):
        adapter = folder / "adapter"
        adapter.mkdir(parents=True, exist_ok=True)
        pairs = [[e.id, e.chosen, e.rejected, e.weight] for e in examples]
        (adapter / "pairs.json").write_text(json.dumps(pairs))
        (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
        header = json.dumps({"lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        write_manifest(adapter, AdapterManifest(base=fingerprint(replace(model, adapter=None))["weights"]))
        progress(1, 1, "")
        return Training(steps=1, losses=[0.5], weight_change=0.02, notes=[f"learned from {len(pairs)} pairs"])


class Scribe:
    """Writes down which stages there were."""

    def __init__(self, path):
        self.path = path

    def _write(self, line):
        with self.path.open("a") as stream:
            stream.write(line + "\\n")

    def begin(self, stage, note):
        self._write(f"begin {stage}")

    def progress(self, done, total, note):
        pass

    def say(self, text):
        pass

    def metrics(self, stage, values):
        self._write(f"metrics {stage} {values['products.accuracy']:.2f}")

    def end(self, stage, seconds):
        pass

    def finish(self, outcome):
        self._write(f"finish {outcome}")


def products():
    """Products of two numbers."""
    strategy = Strategy(generate_temperature=0.3, train_temperature=0.0, why="a product is one number", max_tokens=64)
    own = (Gate(name="multiplication", metric="majority_accuracy", threshold=0.6, category="products"),)
    return Category(name="products", task=Products(0, 30), strategy=strategy, benchmark="products-test", gates=own)


def products_test():
    """Products that are held out."""
    return Benchmark(name="products-test", task=Products(1000, 40), max_tokens=64)


def pilot():
    """As much as a pilot needs."""
    return Phase(
        name="pilot",
        gates=(Gate(name="steady", metric="consistency", threshold=0.5),),
        passed="Go on to the whole school.",
        problems={"*": 20},
        held_out=36,
    )


@hookimpl
def register_categories(register):
    register("products", products)


@hookimpl
def register_benchmarks(register):
    register("products-test", products_test)


@hookimpl
def register_phases(register):
    register("pilot", pilot)


@hookimpl
def register_samplers(register):
    register("wire", wire)


@hookimpl
def register_trainers(register):
    register("contrast", lambda: Contrast())


@hookimpl
def register_models(register):
    register("pupil", lambda: Weights(name="pupil", path=str(HERE / "pupil"), data="bundled"))
    register("oracle", lambda: Endpoint(name="oracle", url="http://elsewhere.invalid", served="oracle-9", data="bundled"))


def scribe(*, path: Path):
    """Write down which stages there were."""
    return Scribe(path)


@hookimpl
def register_observers(register):
    register("scribe", scribe)


def abacus():
    yield Finding(name="abacus", ok=True, detail="ten beads on every wire")


@hookimpl
def register_checks(register):
    register("abacus", abacus)
'''


class School(ThreadingHTTPServer):
    """Answers multiplications: a pupil is right half of the time, one with an adapter and the oracle always."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Desk(BaseHTTPRequestHandler):
    """One question."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(question)  # type: ignore[attr-defined]
        text = answer(question)
        body = json.dumps({"text": text, "tokens": len(text.split())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def answer(question: dict[str, Any]) -> str:
    """What the school says to a question; the same to the same one."""
    a, b = map(int, re.findall(r"\d+", question["messages"][-1]["content"]))
    if question["adapter"] is not None or question["model"] == "oracle-9":
        return f"surely {a * b}"
    if question["temperature"] == 0:
        return f"say {a * b if a % 2 else a * b + 1}"
    dice = random.Random(question["seed"])
    return f"guess {dice.random()} {a * b if dice.random() < 0.6 else a * b + dice.randint(1, 50)}"


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    server = School()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    fake_dist(folder, "school", PLUGIN, dist="over-the-wire", version="0.3")
    shutil.copytree(SITE / "hollow", folder / "pupil")
    return folder


def call(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, check=False)


FLAGS = ("--plugins", "school", "--model", "pupil", "--sampler", "wire", "--trainer", "contrast", "--phase", "pilot",
         "--guard", "none", "--samples", "6", "--observers", "scribe")  # fmt: skip


@pytest.fixture(scope="module")
def whole(installed: Path, school: School, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    done = run(installed, school, folder)
    assert done.returncode == 0, done.stderr
    return folder


def run(installed: Path, school: School, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    options = ("-o", f"wire.url={school.url}", "-o", f"scribe.path={folder / 'scribe.txt'}")
    return call(installed, "run", *FLAGS, *options, *more, "--out", folder / "run")


def test_the_run_ends_in_a_verdict_by_its_phase_and_by_the_categorys_own_gate(whole: Path) -> None:
    verdict = library.load(whole / "run").verdict
    assert verdict is not None
    assert (verdict.verdict, verdict.phase, verdict.next) == ("PROCEED", "pilot", "Go on to the whole school.")
    gates = {c.name: (c.subject, c.status) for c in verdict.criteria if c.kind == "target"}
    assert gates == {"steady": (None, "pass"), "multiplication": ("products", "pass")}


def test_the_phase_says_how_much_is_measured_and_trained_on(whole: Path) -> None:
    view = library.load(whole / "run")
    assert view.after is not None
    assert view.after.evaluations["products"].problems == 36
    assert view.distillation is not None
    assert view.distillation.categories["products"].problems == 20


def test_the_trainer_learned_from_pairs_that_the_votes_made(whole: Path) -> None:
    pairs = json.loads((whole / "run/adapter/pairs.json").read_text())
    rows = [json.loads(line) for line in (whole / "run/preferences/products.jsonl").read_text().splitlines()]
    assert pairs == [[row["id"], row["chosen"], row["rejected"], row["weight"]] for row in rows]
    assert len(pairs) > 10
    assert all(chosen.split()[-1] != rejected.split()[-1] and 0 < weight <= 1 for _, chosen, rejected, weight in pairs)
    training = library.load(whole / "run").training
    assert training is not None
    assert (training.examples, training.notes) == (len(pairs), (f"learned from {len(pairs)} pairs",))


def test_the_server_is_asked_once_for_each_sample_and_told_the_adapter_after_training(whole: Path, school: School) -> None:
    adapters = Counter(question["adapter"] for question in school.asked if question["model"] == "pupil")
    assert set(adapters) == {None, str(whole / "run/adapter")}
    assert adapters[str(whole / "run/adapter")] == 36 * (6 + 1)
    stored = [list(library.load(whole / "run").samples(stage)) for stage in ("before", "distill")]
    assert adapters[None] == sum(map(len, stored))


def test_the_observer_was_told(whole: Path) -> None:
    told = (whole / "scribe.txt").read_text().splitlines()
    assert told[0] == "begin estimate"
    assert "begin train" in told
    assert [line for line in told if line.startswith("metrics")][-1] == "metrics after 1.00"
    assert told[-1] == "finish PROCEED"


def test_a_served_model_is_a_reference_and_a_moved_server_changes_nothing(
    installed: Path, school: School, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole / "run", tmp_path / "run")
    other = School()
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        done = run(installed, other, tmp_path, "--reference", "wire:oracle")
    finally:
        other.shutdown()
        thread.join()
        other.server_close()
    assert done.returncode == 0, done.stderr
    assert {question["model"] for question in other.asked} == {"oracle-9"}
    assert len(other.asked) == 36 * 7
    found = library.load(tmp_path / "run").head_to_head
    assert found is not None
    assert (found.scores["reference"]["products"].ties, found.scores["reference"]["products"].n) == (36, 36)


def test_a_served_model_cannot_be_trained_and_that_is_said_first(installed: Path, school: School, tmp_path: Path) -> None:
    asked = len(school.asked)
    done = run(installed, school, tmp_path, "--model", "oracle")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "the student is a served model (oracle), and this needs weights on disk" in done.stderr
    assert len(school.asked) == asked
    assert not (tmp_path / "run").exists()


def test_the_doctor_asks_its_check_and_everything_is_listed_as_its_own(installed: Path) -> None:
    assert "ten beads on every wire" in call(installed, "doctor", "--plugins", "school").stdout
    offers = json.loads(call(installed, "plugins", "--json").stdout)["offers"]
    mine = {(offer["kind"], offer["name"]) for offer in offers if offer["dist"] == "over-the-wire"}
    assert mine >= {
        ("category", "products"),
        ("benchmark", "products-test"),
        ("sampler", "wire"),
        ("trainer", "contrast"),
        ("model", "pupil"),
        ("model", "oracle"),
    }
