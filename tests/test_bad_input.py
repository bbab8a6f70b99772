"""What a user can get wrong, through the command line: one line that says where, what and what to do; exit 2; nothing left."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import FAKE, cogumi
from folders import adapter_folder, model_folder, put, safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi.cli import main
from cogumi.pipeline.folder import RunFolder
from cogumi.weights import NO_TEMPLATE

pytest.importorskip("cogumi_math", reason="needs plugins/cogumi-math")
for plugin in ("cogumi_hf", "cogumi_qlora", "cogumi_tiny"):
    pytest.importorskip(plugin, reason="the defaults of `cogumi run` need this plugin")

GOOD = [{"question": f"What is {n} plus {n}?", "answer": f"#### {2 * n}"} for n in range(4)]

TORN = "torn line: the file ends in the middle of a record (mend or remove the line)"


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


class Refusal:
    """`cogumi run` into a folder that must not appear."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "runs" / "one"

    def __call__(self, *arguments: object, plugins: str | None = "math") -> str:
        named = ["--plugins", plugins] if plugins is not None else []
        done = CliRunner().invoke(main, ["run", *named, "--out", str(self.out), *map(str, arguments)])
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        line = done.stderr.removesuffix("\n")
        assert line.startswith("cogumi: ")
        assert "\n" not in line
        assert not self.out.parent.exists(), "nothing may be written"
        return line.removeprefix("cogumi: ")


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    monkeypatch.delenv("COGUMI_PLUGINS", raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    return Refusal(tmp_path)


# Models


def test_a_missing_model(refused: Refusal) -> None:
    assert refused("--model", "tinny") == "model: 'tinny' is no folder and no known model (did you mean tiny or tiny-spread?)"
    expected = "/no/such/model: model: no such folder (give a local folder, or a repository as OWNER/NAME)"
    assert refused("--model", "/no/such/model") == expected


def test_a_wrong_model_folder(refused: Refusal, tmp_path: Path) -> None:
    folder = put(tmp_path / "model", README__md={})
    assert refused("--model", folder) == f"{folder}: not a model's folder: it has no config.json (give another folder)"


def test_a_model_folder_without_weights(refused: Refusal, tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), model__safetensors=None)
    expected = f"{folder}: weights: no *.safetensors in this folder (give the folder that holds the weights)"
    assert refused("--model", folder) == expected


def test_gguf_files_that_are_none_or_two(refused: Refusal, tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    folder = put(tmp_path / "model", a__gguf=b"version https://git-lfs", config__json={})
    assert refused("--model", folder).startswith(f"{folder / 'a.gguf'}: model: not a GGUF file: it does not begin with GGUF (")
    (folder / "b.gguf").write_bytes(b"GGUF")
    expected = f"{folder}: model: 2 GGUF files in this folder, e.g. a.gguf and b.gguf (name the file)"
    assert refused("--model", folder) == expected
    assert refused("--model", folder / "b.gguf").startswith(f"{folder / 'b.gguf'}: model: cut off: the file ends within its ")
    assert refused("--model", "models/none.gguf").startswith("models/none.gguf: model: no such file (")


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def test_pickled_weights_are_not_executed(refused: Refusal, tmp_path: Path) -> None:
    folder, mark = put(model_folder(tmp_path / "model"), model__safetensors=None), tmp_path / "mark"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    message = refused("--model", folder)
    assert message.startswith(f"{folder}: weights: pickled weights (pytorch_model.bin) are never loaded, since ")
    assert "(convert it to safetensors: " in message
    assert not mark.exists()


def test_a_model_without_a_chat_template_is_said_to_have_none(tmp_path: Path) -> None:
    done = cogumi("diagnose", *FAKE, "--held-out", "3", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert [line.strip() for line in done.stderr.splitlines()].count(NO_TEMPLATE) == 1
    asked = done.stderr.index(NO_TEMPLATE)
    assert asked < done.stderr.index("diagnose (before)")


def test_a_truncated_download(refused: Refusal, tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), model__safetensors=safetensors({"a": (50,)})[:-20])
    message = refused("--model", folder)
    assert message.startswith(f"{folder / 'model.safetensors'}: ")
    assert message.endswith(" are expected (download or save it again)")


def test_code_in_a_model_folder(refused: Refusal, tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), config__json={"auto_map": {"AutoModel": "code.Model"}})
    (folder / "code.py").write_text("raise SystemExit('executed')")
    message = refused("--model", folder)
    assert message.startswith(f"{folder / 'config.json'}: auto_map: the model wants to run code from its own folder (")
    assert "--trust-remote-code" in message


def test_an_adapter_of_another_base(refused: Refusal, tmp_path: Path) -> None:
    adapter = adapter_folder(tmp_path / "adapter", inputs=4096)
    message = refused("--model", model_folder(tmp_path / "model"), "--adapter", adapter)
    assert message.startswith(f"{adapter / 'adapter_model.safetensors'}: adapter: the adapter was made for another base: ")


@pytest.mark.parametrize("arguments", [("--model", "some-org/some-model"), ("--data", "math=hub")])
def test_an_offline_hub(refused: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, str]) -> None:
    """In a process of its own: the hub's client reads its settings when it is imported."""
    pytest.importorskip("huggingface_hub")
    pytest.importorskip("datasets")
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cogumi", "run", "--plugins", "math", "--out", str(refused.out), *arguments]
    done = subprocess.run(command, env={**os.environ, **nowhere}, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert " cannot be " in line
    assert "loaded from the hub" in line or "downloaded" in line
    assert line.endswith(("or give a local folder)", "or give local data: --data NAME=PATH)"))
    assert not refused.out.parent.exists()


# Data


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (lines(*GOOD) + '{"question": "What', f":5: {TORN}"),
        (lines(GOOD[0]) + "\n" + '{"x": 1, "x": 2}', ":3: x: the key stands twice in one object (mend or remove the line)"),
        (lines(GOOD[0], {"x": "?" * 4_200_000}), ":2: x: a row of more than 4 MB (shorten it, or remove the line)"),
        (lines(GOOD[0]).encode() + b'{"question": "caf\xe9"}\n', ":2: not UTF-8 (mend or remove the line)"),
        (lines(*GOOD, GOOD[1]), ":5: question: the same as in line 2 (remove one of the two)"),
        (lines(GOOD[0], {"question": 7, "answer": "#### 1"}), ":2: question: a int, expected a str (correct the row)"),
        (lines(GOOD[0], {"question": "?", "answer": None}), ":2: answer: a NoneType, expected a str (correct the row)"),
        (lines(GOOD[0], {"question": "?"}), ":2: answer: missing (give it a str)"),
        (lines({"prompt": "?"}, {"prompt": "!"}), ":1: question: missing (give it a str)"),
        (lines(GOOD[0], {"question": "?", "answer": "forty"}), ":2: answer: no final answer (end it with a line `#### N`)"),
        (lines(GOOD[0], ["question", "answer"]), ":2: not a JSON object (mend or remove the line)"),
        ("", ": no rows (give a file with at least one problem)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", ["math", "gsm8k"])
def test_unusable_problems(refused: Refusal, tmp_path: Path, content: str | bytes, problem: str, side: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert refused("--data", f"{side}={path}") == f"{path}{problem}"


def test_damaged_gzip(refused: Refusal, tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl.gz"
    path.write_bytes(gzip.compress(lines(*GOOD).encode())[:-12])
    assert refused("--data", f"math={path}").startswith(f"{path}: cannot be read: ")


@settings(max_examples=25)
@given(st.data())
def test_a_file_cut_anywhere_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = lines(*GOOD).encode()
    cut = data.draw(
        st.integers(0, len(content) - 2).filter(lambda i: content[i : i + 1] != b"\n" and content[i - 1 : i] != b"\n")
    )
    folder = tmp_path_factory.mktemp("cut")
    (folder / "problems.jsonl").write_bytes(content[:cut])
    message = Refusal(folder)("--data", f"math={folder / 'problems.jsonl'}")
    assert message.startswith(str(folder / "problems.jsonl"))
    assert "torn line" in message or "no rows" in message


def test_data_that_is_not_there(refused: Refusal, tmp_path: Path) -> None:
    path = tmp_path / "nothing.jsonl"
    assert refused("--data", f"math={path}").startswith(f"{path}: data: no such file or folder (")
    assert refused("--data", f"math={tmp_path}").startswith(
        f"{tmp_path}: data: no dataset file in this folder (expected one of "
    )
    assert refused("--data", "math").startswith("--data: 'math' names no category (write it as NAME=PATH")
    assert refused("--data", f"maths={path}").startswith("maths.data: nothing in this run is called that (did you mean math?)")


def test_the_same_problems_on_both_sides(refused: Refusal, tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(lines(*GOOD))
    message = refused("--data", f"math={path}", "--data", f"gsm8k={path}")
    assert message == "data: category 'math': every training problem is also held out (give other data to math or gsm8k)"


# Settings and options


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-o", "qlora.epoch=3"), "(did you mean epochs?)"),
        (("-o", "qlora.epochs=many"), "trainer 'qlora': 'many' does not fit: it takes "),
        (("-o", "qlra.epochs=3"), "qlra.epochs: nothing in this run is called that (did you mean qlora?)"),
        (("-o", "epochs=3"), "-o: 'epochs=3' is no option (write it as NAME.OPTION=VALUE, e.g. -o qlora.epochs=3)"),
        (("-o", "math.shots=three"), "category 'math': 'three' does not fit: it takes int"),
        (("--sampler", "fh"), "no sampler is called 'fh' ("),
        (("--trainer", "qlor"), "no trainer is called 'qlor' (did you mean qlora?)"),
        (("--voter", "mayority"), "no voter is called 'mayority' (did you mean majority?)"),
        (("--samples", "0"), "samples: 0 is out of range (give 1 or more)"),
        (("--held-out", "-5"), "held_out: -5 is out of range (give 1 or more)"),
        (("--temperature", "nan"), "temperature: nan is out of range (give 0 to 10)"),
        (("--seed", "-1"), "seed: -1 is out of range (give 0 to 4294967295)"),
    ],
)
def test_unknown_or_unfit_settings(refused: Refusal, arguments: tuple[str, ...], problem: str) -> None:
    assert problem in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--judge", "hff:tiny"), "no sampler is called 'hff' (did you mean hf?)"),
        (("--teacher", "tinny"), "model: 'tinny' is no folder and no known model (did you mean tiny or tiny-spread?)"),
        (("-o", "judge.batch_size=2"), "judge.batch_size: there is no judge in this run ("),
        (("--gates", "none.toml"), "none.toml: --gates: cannot be read: "),
        (("--phase", "ful"), "no phase is called 'ful' (did you mean full?)"),
        (("--observers", "jsnol"), "no observer is called 'jsnol' (did you mean jsonl?)"),
        (("-o", "math.votes=1"), "math.votes: 1 is out of range (2 or more: one voter is no vote)"),
        (("-o", "math.min_agreement=2"), "math.min_agreement: 2.0 is out of range (a share of 0 to 1)"),
        (("-o", "math.target=best"), "math.target: 'best' does not fit: it takes generated|best-vote"),
    ],
)
def test_unknown_roles_and_unfit_strategies(refused: Refusal, arguments: tuple[str, ...], problem: str) -> None:
    assert refused(*arguments).startswith(problem)


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        (None, "plugins: no plugins were named (--plugins NAME,...; there are: "),
        ("", "plugins: no plugins were named (--plugins NAME,...; there are: "),
        ("mth", "plugins: no plugin is called 'mth' (did you mean math?)"),
        ("math,mth", "plugins: no plugin is called 'mth' (did you mean math?)"),
        ("hf", "plugins: plugin 'hf' (cogumi-hf "),
    ],
)
def test_unknown_plugins(refused: Refusal, plugins: str | None, problem: str) -> None:
    assert refused(plugins=plugins).startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[run]\n\nsamplse = 4\n", ":3: samplse: no such setting (did you mean samples or "),
        ("[run]\nsamples = 'four'\n", ":2: samples: 'four' does not fit: it takes int"),
        ("[run]\nseed = 1\n[run]\n", ":3: not TOML: "),
    ],
)
def test_an_unusable_config(refused: Refusal, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    assert refused("--config", path).startswith(f"{path}{problem}")


def test_a_config_that_is_not_there(refused: Refusal) -> None:
    assert refused("--config", "none.toml").startswith("none.toml: --config: cannot be read: ")


# The run folder


@pytest.mark.parametrize("where", ["file/run", "file"])
def test_an_output_folder_that_cannot_be_written(refused: Refusal, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    message = refused("--out", tmp_path / where)
    assert message.startswith(f"{tmp_path / where}: out: cannot be written: ")
    assert message.endswith("(choose another)")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a read-only file system at /proc")
def test_an_output_folder_on_a_read_only_file_system(refused: Refusal) -> None:
    assert refused("--out", "/proc/run").startswith("/proc/run: out: cannot be written: ")


def test_a_folder_that_another_process_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogumi.pipeline.folder.LOCK_SECONDS", 0.0)
    with RunFolder(tmp_path).hold():
        done = CliRunner().invoke(main, ["run", "--plugins", "math", "--out", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"cogumi: {tmp_path}: another cogumi is working in this folder (wait for it, or choose another folder)\n"
    )


def test_bad_input_is_found_without_loading_a_model(tmp_path: Path) -> None:
    problems = tmp_path / "problems.jsonl"
    problems.write_text(lines(*GOOD, GOOD[0]))
    script = (
        "import sys\n"
        "from cogumi.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(sorted({'torch', 'transformers', 'numpy', 'datasets'} & sys.modules.keys()))\n"
    )
    command = [
        sys.executable,
        "-c",
        script,
        "run",
        "--plugins",
        "math",
        "--data",
        f"math={problems}",
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert done.stderr == f"cogumi: {problems}:5: question: the same as in line 1 (remove one of the two)\n"
