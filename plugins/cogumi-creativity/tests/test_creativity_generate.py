import json
import re
from itertools import islice
from pathlib import Path

import pytest
from cogumi_creativity import generate
from cogumi_creativity.words import LOOKS, REQUESTS, SCENES, THEMES, THINGS

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test")


def rows(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def asked(item):
    return item.look, item.thing, item.scene


def test_bundled_files_are_what_the_generator_writes(tmp_path):
    assert generate.main(["--out", str(tmp_path / "new")]) == 0
    for side in SIDES:
        assert (tmp_path / "new" / f"{side}.jsonl").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


@pytest.mark.parametrize(("side", "count"), [("train", 1200), ("test", 300)])
def test_bundled_files_hold_enough_different_prompts(side, count):
    found = rows(side)
    assert len({row["prompt"] for row in found}) == len(found) == count
    assert all(set(row) == {"prompt"} for row in found)


def test_every_prompt_names_one_look_one_thing_and_one_scene():
    for row in rows("train") + rows("test"):
        words = re.findall(r"\w+", row["prompt"])
        assert [sum(word in pool for word in words) for pool in (LOOKS, THINGS, SCENES)] == [1, 1, 1], row
        assert sum(words[0] == request.split()[0].strip(",") for request in REQUESTS) == 1


def test_words_are_different_and_every_one_is_used():
    pools = (LOOKS, THINGS, SCENES)
    words = [word for pool in pools for word in pool]
    assert len(set(words)) == len(words)
    assert {len(scenes) for scenes in THEMES.values()} == {6}
    for pool, used in zip(pools, zip(*map(asked, generate.bundled("train")), strict=True), strict=True):
        assert set(used) == set(pool)


def test_no_two_sides_share_what_is_asked_for():
    sides = {side: {asked(item) for item in islice(generate.items(side), 20_000)} for side in ("pretrain", *SIDES)}
    assert sum(map(len, sides.values())) == len(set().union(*sides.values()))
    assert all(generate.side_of(*three) == side for side, found in sides.items() for three in found)


def test_the_stream_is_a_function_of_side_and_seed():
    first = list(islice(generate.items("pretrain", 3), 50))
    assert first == list(islice(generate.items("pretrain", 3), 50))
    assert first != list(islice(generate.items("pretrain", 4), 50))


def test_the_example_of_the_modules_is_a_bundled_prompt():
    example = "Write a line about a black kite and a storm."
    assert example in generate.__doc__
    assert example in {row["prompt"] for row in rows("train")}
