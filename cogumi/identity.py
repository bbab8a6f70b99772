"""What `run.json` says: everything that decides a run's outcome, by content and never by path, time or place.

A run folder belongs to one such record; with another one it is not gone on with.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from cogumi import __version__
from cogumi.models import fingerprint
from cogumi.plan import Part, Plan, measured_by, plain
from cogumi.plugins import Entry
from cogumi.protocols import Task
from cogumi.records import JSON, Problem
from cogumi.store import digest

LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes", "accelerate")


def record(plan: Plan) -> dict[str, JSON]:
    """Settings, versions, and fingerprints of the contents everything depends on."""
    return {
        "settings": _settings_record(plan),
        "versions": _versions(plan),
        "fingerprints": {
            "model": dict(fingerprint(plan.model)),
            "data": _data_digests(plan),
            "outside": _outside_digests(plan),
            "judge": None if plan.judge is None else dict(fingerprint(plan.judge.model)),
            "against": None if plan.settings.against is None else _content(measured_by(plan.settings.against)),
        },
        "strategies": {part.name: _strategy_record(part) for part in plan.parts},
        "environment": _environment(),
    }


def _settings_record(plan: Plan) -> dict[str, JSON]:
    """The settings without paths of data and folders: what those hold is fingerprinted instead."""
    s = plan.settings
    options = {name: {k: plain(v) for k, v in table.items() if k != "data"} for name, table in s.options.items()}
    return {
        "plugins": list(s.plugins),
        "model": plan.model.name,
        "phase": s.phase,
        "sampler": s.sampler,
        "trainer": s.trainer,
        "voters": {exam.name: exam.entries["voter"].name for exam in plan.exams},
        "benchmarks": {exam.name: exam.benchmark.name for exam in plan.exams},
        "outside": {o.name: {"limit": o.limit, "metric": o.evaluation.metric} for o in plan.outside},
        "judge": None if plan.judge is None else {"model": plan.judge.model.name, "sampler": plan.judge.sampler.name},
        "temperature": s.temperature,
        "samples": s.samples,
        "problems": {part.name: len(part.training) for part in plan.parts},
        "held_out": {exam.name: len(exam.problems) for exam in plan.exams},
        "seed": s.seed,
        "trust_remote_code": s.trust_remote_code,
        "accept_unsandboxed": s.accept_unsandboxed,
        "options": {name: table for name, table in options.items() if table},
        "training": {k: plain(v) for k, v in plan.options(plan.trainer).items()},
    }


def _strategy_record(part: Part) -> dict[str, JSON]:
    values = {name: getattr(part.strategy, name) for name in part.strategy.__dataclass_fields__}
    benchmark = part.exam.benchmark
    return {**values, "benchmark": benchmark.name, "benchmark_max_tokens": benchmark.max_tokens}


def _versions(plan: Plan) -> dict[str, str]:
    """Versions of cogumi and of every plugin whose code decides something in the run."""
    plugins = {entry.plugin.dist: entry.plugin.version for entry in plan.entries}
    return {"cogumi": __version__, **dict(sorted(plugins.items()))}


def _environment() -> dict[str, str]:
    """For people: what else was installed. Not compared when a run is resumed."""
    found = {d.name.lower(): d.version for d in metadata.distributions() if d.name and d.name.lower() in LIBRARIES}
    return {"python": platform.python_version(), **{name: found[name] for name in LIBRARIES if name in found}}


def _data_digests(plan: Plan) -> dict[str, dict[str, str]]:
    """Digest of what the model is asked and what it is scored by, on each side there is."""
    held_out = {e.name: _data_digest(e.problems, e.benchmark.task, e.entries["benchmark"]) for e in plan.exams}
    training = {part.name: _data_digest(part.training, part.category.task, part.entry) for part in plan.parts}
    return {
        name: {"held_out": value} | ({"training": training[name]} if name in training else {})
        for name, value in held_out.items()
    }


def _data_digest(problems: Sequence[Problem], task: Task, entry: Entry) -> str:
    with entry.blame():
        return digest([[p.id, [dict(m) for m in task.messages(p)], p.reference] for p in problems])


def _outside_digests(plan: Plan) -> dict[str, str]:
    """Digest of the local files that an outside evaluation reads."""
    given = {outside.name: outside.options.get("data") for outside in plan.outside}
    return {name: _content(Path(data).expanduser()) for name, data in given.items() if isinstance(data, str)}


def _content(path: Path) -> str:
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return digest([hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()])
