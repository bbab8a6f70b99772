"""The harness's own task, filters and metric run beside ours on every completion here."""

import json
import random
from importlib.util import find_spec
from pathlib import Path

import pytest
from cogumi_math.lm_eval_scores import scores
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOLDS = [
    "#### 18",
    "It is 9*2=<<9*2=18>>18.\n#### 18",
    "#### 1,800",
    "a #### 3 #### -7",
    "#### 0.5",
    "#### 18.",
    "#### $18",
    "####18",
]
MARKED = [
    "18",
    "18.",
    "18.\n",
    "$18",
    "1,8",
    "-18",
    "18\n\nQuestion: x\n#### 5",
    ",",
    ".",
    "18\x00",
    "[invalid]",
    "١٨",
    "\n18",
    " 18",
]
PLAIN = [
    "18",
    "18.",
    "18.0",
    "It is $18.00.",
    "1,800",
    "1 800",
    "the answer is 1,800 dollars",
    "-7",
    "--7",
    "5-7",
    "\\boxed{18}",
]
STRANGE = [
    "",
    "$",
    "$$",
    "$.",
    "..",
    "\x00",
    "18\x00",
    "[invalid]",
    "\uff11\uff18",
    "\ud800 18",
    "9" * 5000,
    "1" + "," * 50,
    "\u212a 18",
]
LARGE = ["1800", "1,800.", "3 #### 18", "9" * 5000]
ODD = [*PLAIN, *STRANGE, "####18", "##### 18", *(f"#### {text}" for text in (*MARKED, *LARGE))]
CHARACTERS = st.text(alphabet="0123456789-.,$# \nQa%\x00", max_size=30)


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    pytest.importorskip("lm_eval")
    import yaml
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import ConfigurableTask

    rows = tmp_path_factory.mktemp("harness") / "rows.jsonl"
    rows.write_text(json.dumps({"question": "q", "answer": "#### 1"}) + "\n")
    folder = Path(find_spec("lm_eval").origin).parent
    config = yaml.safe_load((folder / "tasks/gsm8k/gsm8k.yaml").read_text(encoding="utf-8"))
    local = {"dataset_path": "json", "dataset_name": None, "num_fewshot": 0}
    files = {"data_files": {"train": str(rows), "test": str(rows)}}
    task = ConfigurableTask(config={**config, **local, "dataset_kwargs": files})

    def judge(completion, gold):
        doc = {"question": "q", "answer": gold}
        instance = Instance(
            request_type="generate_until", doc=doc, arguments=("", {}), idx=0, metadata=("gsm8k", 0, 1), resps=[completion]
        )
        task._instances = [instance]
        task.apply_filters()
        found = {name: task.process_results(doc, [text])["exact_match"] for name, text in instance.filtered_resps.items()}
        return {"lm_eval_strict": float(found["strict-match"]), "lm_eval_flexible": float(found["flexible-extract"])}

    return judge


@pytest.mark.parametrize("gold", GOLDS)
def test_odd_completions(harness, gold):
    for completion in ODD:
        assert scores(completion, gold) == harness(completion, gold), completion


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(CHARACTERS, st.text(max_size=20), CHARACTERS.map("#### {}".format)), st.sampled_from(GOLDS))
def test_random_completions(harness, completion, gold):
    assert scores(completion, gold) == harness(completion, gold)


def test_completions_like_those_of_models(harness, real):
    rows = [json.loads(line) for line in (real / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    draw = random.Random(5)
    seen = set()
    for row in rows[:400]:
        completion = damaged(row["answer"], draw)
        ours = scores(completion, row["answer"])
        assert ours == harness(completion, row["answer"]), completion
        seen.add(tuple(ours.values()))
    assert seen == {(1.0, 1.0), (0.0, 1.0), (0.0, 0.0), (1.0, 0.0)}


def damaged(worked, draw):
    number = worked.rpartition("#### ")[2]
    return draw.choice(
        [
            worked,
            worked.replace("####", "The answer is"),
            worked.replace("#### ", "#### $") + ".00",
            worked + "\n\nQuestion: What is 3 * 8?\n#### 24",
            worked[: draw.randrange(len(worked))],
            f"\\boxed{{{number}}}",
            worked[:-1] + draw.choice("0123456789"),
        ]
    )
