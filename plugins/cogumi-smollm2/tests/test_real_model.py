"""What holds of small random models holds of a real one: its chat, its samples, and what it learns."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cogumi.chat import Chat
from cogumi.records import Demonstration, Message, Request, Sampling, Weights

pytestmark = pytest.mark.slow

QUESTIONS = (
    "What is 17 + 25?",
    "Name three fruits.",
    "Which is the largest planet? Answer in one word.",
    "Write one sentence about the sea.",
    "Is 91 a prime number? Answer with yes or no.",
)
SYSTEM = "You answer briefly."
TRAIN = """
import json, os, signal, sys
from pathlib import Path

from cogumi.records import Demonstration, Message, Weights
from cogumi_qlora import qlora

path, folder, deadly = sys.argv[1], sys.argv[2], int(sys.argv[3])
examples = [Demonstration(id=r["id"], messages=tuple(Message(**m) for m in r["messages"]), train_temperature=r["temperature"])
            for r in json.load(sys.stdin)]

def progress(done, total, note):
    if done == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

qlora(epochs=2, batch_size=2, learning_rate=2e-4, lora_r=4, checkpoint_steps=1).train(
    examples, Weights(name="smollm2", path=path), Path(folder), progress)
"""


def turn(role, content):
    return Message(role=role, content=content)


def requests(*, tokens=24, temperature=0.7, stop=(), count=3):
    sampling = Sampling(temperature=temperature, max_tokens=tokens, stop=stop)
    return [
        Request(id=str(i), messages=(turn("user", text),), sampling=sampling, indices=tuple(range(count)))
        for i, text in enumerate(QUESTIONS)
    ]


def drawn(model, asked, **options):
    hf = pytest.importorskip("cogumi_hf").hf
    sampler = hf(model, device="cpu", **options)
    found = {(row.request, row.index): row for row in sampler.sample(asked)}
    sampler.close()
    return found


# --- chat -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages",
    [
        (turn("user", "Hello"),),
        (turn("system", SYSTEM), turn("user", "What is 2 + 2?\n\n1. Four\n2. Five")),
        (turn("user", "Hi"), turn("assistant", "Hello!"), turn("user", "  Add 12 and 345.")),
    ],
)
def test_a_prompt_is_what_transformers_renders_with_one_bos(model, messages):
    chat = Chat.load(model)
    plain = chat.tokenizer.apply_chat_template([dict(m) for m in messages], add_generation_prompt=True, return_dict=True)
    ids = chat.prompt_ids(messages)
    assert ids == plain["input_ids"]
    bos = chat.tokenizer.bos_token_id
    assert chat.tokenizer.convert_ids_to_tokens(bos) == "<|im_start|>"
    assert ids[0] == bos
    assert bos not in ids[1:3]
    written = len(messages) + (messages[0]["role"] != "system") + 1  # a system turn where there is none, and the answer's
    assert ids.count(bos) == written


def test_a_turn_ends_with_its_end_token_and_nothing_else(model):
    chat = Chat.load(model)
    end = chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert chat.end_ids == {end} == {chat.end_id}
    ids = chat.target_ids("Paris.")
    assert ids.count(end) == 1
    assert ids[-1] == end
    assert chat.text(ids) == "Paris."


def test_every_digit_is_a_token_and_blanks_before_it_are_not_split(model):
    tokenizer = Chat.load(model).tokenizer
    assert tokenizer.convert_ids_to_tokens(tokenizer("a  123\n\n4")["input_ids"]) == ["a", "ĠĠ", "1", "2", "3", "ĊĊ", "4"]


# --- hf ---------------------------------------------------------------------------------------------------------------


def test_a_sample_is_the_same_text_in_any_batch(model):
    asked = requests()
    alone = drawn(model, asked, batch_size=1)
    assert len({row.text for row in alone.values()}) > len(QUESTIONS)
    together = drawn(model, asked[::-1], batch_size=0)
    assert {key: (row.text, row.token_ids) for key, row in together.items()} == {
        key: (row.text, row.token_ids) for key, row in alone.items()
    }


def test_greedy_is_what_transformers_generates(model):
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32)
    chat = Chat.load(model)
    rows = drawn(model, requests(temperature=0.0, count=1))
    for request in requests():
        ids = torch.tensor([chat.prompt_ids(request.messages)])
        with torch.inference_mode():
            out = network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
        assert rows[request.id, 0].token_ids == tuple(out[0, ids.shape[1] :].tolist())


def test_it_stops_at_its_end_of_turn_and_at_stop_texts(model):
    rows = drawn(model, requests(tokens=48)).values()
    ended = [row for row in rows if row.finish == "stop"]
    assert ended
    assert all(row.token_ids[-1] == 2 and "<|im_" not in row.text for row in ended)
    assert all(row.finish == "length" and len(row.token_ids) == 48 for row in rows if row not in ended)
    short = drawn(model, requests(tokens=48, stop=("\n", "."))).values()
    assert any(row.token_ids[-1] != 2 for row in short if row.finish == "stop")
    assert not any("\n" in row.text or "." in row.text for row in short)


# --- qlora ------------------------------------------------------------------------------------------------------------


def examples():
    pairs = zip(QUESTIONS, ("42.", "Apples, pears and plums.", "Jupiter.", "The sea is deep and cold.", "No."), strict=True)
    return [
        Demonstration(id=f"e/{i}", messages=(turn("user", q), turn("assistant", a)), train_temperature=0.5 * (i == 1))
        for i, (q, a) in enumerate(pairs)
    ]


def train(model, folder, *, deadly=-1):
    rows = [{"id": e.id, "messages": [dict(m) for m in e.messages], "temperature": e.train_temperature} for e in examples()]
    command = [sys.executable, "-c", TRAIN, model.path, str(folder), str(deadly)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, input=json.dumps(rows), text=True, capture_output=True, env=environment, check=False)
    assert done.returncode == (0 if deadly < 0 else -signal.SIGKILL), done.stderr
    return {path.name: path.read_bytes() for path in sorted((Path(folder) / "adapter").rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    pytest.importorskip("cogumi_qlora")
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(model, folder)


def surprise(network, chat):
    """Mean negative log-probability of the answers' tokens."""
    import torch

    total, count = 0.0, 0
    for example in examples():
        prompt, target = chat.prompt_ids(example.messages[:-1]), chat.target_ids(example.messages[-1]["content"])
        with torch.inference_mode():
            logits = network(input_ids=torch.tensor([[*prompt, *target]])).logits[0, len(prompt) - 1 : -1]
        total -= float(logits.log_softmax(1).gather(1, torch.tensor(target)[:, None]).sum())
        count += len(target)
    return total / count


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft's own, with newer transformers
def test_a_few_steps_move_it_and_plain_peft_opens_what_they_leave(model, trained):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    said = json.loads(trained[1]["qlora.json"])
    assert said["steps"] == 5
    assert said["weight_change"] > 1e-4
    chat, base = Chat.load(model), AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32)
    before = surprise(base, chat)
    adapted = PeftModel.from_pretrained(base, str(trained[0] / "adapter")).eval()
    assert all(torch.isfinite(parameter).all() for parameter in adapted.parameters())
    assert surprise(adapted, chat) < 0.95 * before


def test_what_was_trained_is_what_hf_samples(model, trained):
    """Five steps at this rate are enough for one of the answers."""
    adapted = Weights(name=model.name, path=model.path, adapter=str(trained[0] / "adapter"))
    asked = requests(temperature=0.0, count=1)
    assert {k: row.text for k, row in drawn(adapted, asked).items()} != {k: row.text for k, row in drawn(model, asked).items()}


def test_killed_and_called_again_it_ends_with_the_same_bytes(model, trained, tmp_path):
    folder = tmp_path / "killed"
    assert train(model, folder, deadly=3) == {}
    assert train(model, folder) == trained[1]
