"""`cogumi plugins NAME --options`: everything that can be set, with type, default and a sentence."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

from command_line import cogumi

from cogumi.records import Strategy
from cogumi.testing import fake_dist

FIELDS = [field.name for field in fields(Strategy) if field.name != "why"]
SLOW = '''
from typing import Annotated

from cogumi import hookimpl
from cogumi.records import Neutral
from cogumi.voting import Majority


def slow(*, batch_size: Annotated[int, Neutral] = 4, seed: int = 0):
    """Vote.

    batch_size: how many at a time.
    seed: of what is drawn.
    """
    return Majority()


@hookimpl
def register_voters(register):
    register("slow", slow)
'''


def test_a_category_shows_its_strategy_with_its_own_values() -> None:
    shown = cogumi("plugins", "math", "--options")
    assert shown.returncode == 0, shown.stderr
    lines = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if line.startswith("  ")}
    assert {f"math.{name}" for name in FIELDS} <= lines.keys()
    assert lines["math.min_agreement"][1:4] == ["float", "[0.4]", "Least"]
    assert lines["math.target"][1:3] == ["generated|best-vote", "[generated]"]
    assert lines["gsm8k.max_tokens"][1] == "int"
    assert "why" not in shown.stdout.split()


def test_every_field_has_a_sentence() -> None:
    offers = json.loads(cogumi("plugins", "sums", "--json").stdout)["offers"]
    (category,) = [offer for offer in offers if offer["kind"] == "category"]
    assert [name for name in FIELDS if not category["options"][name]["help"].endswith(".")] == []


def test_neutral_options_are_marked(tmp_path: Path) -> None:
    fake_dist(tmp_path, "slow", SLOW)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    shown = cogumi("plugins", "slow", "--options", PYTHONPATH=path).stdout
    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.startswith("  ")}
    assert lines["slow.batch_size"] == ["int", "[4]", "neutral", "how", "many", "at", "a", "time."]
    assert "neutral" not in lines["slow.seed"]


def test_a_name_may_be_that_of_an_entry() -> None:
    shown = cogumi("plugins", "gsm8k", "--options").stdout
    assert shown.startswith("benchmark gsm8k (cogumi-math")
    assert "category" not in shown


def test_an_unknown_name_answers_with_near_matches() -> None:
    refused = cogumi("plugins", "mth", "--options")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "did you mean math" in refused.stderr


def test_options_need_a_name() -> None:
    refused = cogumi("plugins", "--options")
    assert refused.returncode == 2
    assert "--options needs a NAME" in refused.stderr
