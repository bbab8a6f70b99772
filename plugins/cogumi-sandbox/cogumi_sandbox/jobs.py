"""Programs and calls as a server is told them, and its answers as records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cogumi_sandbox import codec
from cogumi_sandbox.records import Behaviour, Call, Limits, Program, Result


def check_job(program: Program) -> dict[str, Any]:
    """A program to be checked."""
    return {
        "kind": "check",
        "prompt": program.prompt,
        "completion": program.completion,
        "test": program.test,
        "entry_point": program.entry_point,
        "exports": list(program.exports),
        "limits": _limits(program.limits),
    }


def run_job(call: Call) -> dict[str, Any]:
    """A program to be run on inputs; raises `TypeError` for an input that is no data."""
    encoder = codec.Encoder(_refuse)
    inputs = [encoder.add(tuple(arguments)) for arguments in call.inputs]
    return {
        "kind": "run",
        "prompt": call.prompt,
        "completion": call.completion,
        "entry_point": call.entry_point,
        "inputs": inputs,
        "nodes": encoder.nodes,
        "limits": _limits(call.limits),
    }


def _limits(limits: Limits) -> dict[str, Any]:
    return {**asdict(limits), "wall": limits.wall}


def _refuse(value: Any) -> list[Any]:
    raise TypeError(f"an input holds a {type(value).__name__}, which is no data")


def result(reply: dict[str, Any], level: int) -> Result:
    """What a server answered to a check."""
    return Result(level=level, **_told(reply))


def _told(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: reply[name] for name in ("verdict", "detail", "printed", "cpu", "wall")}


def behaviour(reply: dict[str, Any], level: int, inputs: int) -> Behaviour:
    """What a server answered to a run."""
    missing = {"output": None, "error": f"{reply['verdict']}: {reply['detail']}"}
    outcomes = [*reply["outcomes"], *[missing] * (inputs - len(reply["outcomes"]))]
    return Behaviour(
        outputs=tuple(outcome["output"] for outcome in outcomes),
        errors=tuple(outcome["error"] for outcome in outcomes),
        level=level,
        **_told(reply),
    )


def failure(text: str) -> dict[str, Any]:
    """What stands for the answer of a server that broke."""
    figures = {"printed": "", "cpu": 0.0, "wall": 0.0}
    return {"verdict": "sandbox_error", "detail": text, **figures, "again": False, "outcomes": []}
