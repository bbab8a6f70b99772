import contextlib
import gc
import os
import random
import threading

import psutil
import pytest
from cogumi_math import symbolic
from cogumi_math.equivalence import Equivalence
from cogumi_math.extract import gold_answer
from cogumi_math.symbolic import Formulas

from cogumi.errors import RunFailed

HOSTILE = ["10^{10^{9}}", "2^{3^{4^{5^{6}}}}", "9^{9^{9^9}}+1"]


@pytest.fixture(scope="module")
def formulas():
    made = Formulas(seconds=0.5)
    yield made
    made.close()


@pytest.fixture
def equivalence(formulas):
    return Equivalence(formulas)


def read(*statements):
    return [gold_answer(f"#### {statement}") for statement in statements]


def running(name):
    """Child processes whose command line names `name`; one that has just ended, and is not yet reaped, is not running."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie counts as one: psutil derives it so
            if name in " ".join(process.cmdline()):
                found.append(process)
    return found


def workers():
    return running("worker.py")


@pytest.mark.parametrize(
    "same",
    [
        ("0.5", "1/2", "2/4", "\\frac{1}{2}", ".50"),
        ("29", "$29.00", "29 dollars", "29.0"),
        ("1800", "1,800", "1800.0", "1.8e3"),
        ("50%", "50", "50 percent"),
        ("2 1/2", "2.5", "5/2"),
    ],
)
def test_equal_numbers_have_one_key_and_start_no_process(same):
    made = Formulas()
    keys = Equivalence(made).keys(read(*same))
    assert len(set(keys)) == 1
    assert made._worker is None


@pytest.mark.parametrize(
    "same",
    [
        ("4", "\\sqrt{16}", "2 * 2"),
        ("x+1", "1+x"),
        ("\\sqrt{8}", "2\\sqrt{2}", "2√2"),
        ("\\pi/2", "\\frac{\\pi}{2}", "π/2"),
        ("(1,2)", "(1, 2)"),
    ],
)
def test_equal_formulas_have_one_key(equivalence, same):
    assert len(set(equivalence.keys(read(*same)))) == 1


@pytest.mark.parametrize(
    "different",
    [("0.33", "1/3"), ("18", "19"), ("x+1", "x+2"), ("3:30", "30"), ("monday", "friday"), ("\\sqrt{2}", "2", "1.414")],
)
def test_different_answers_have_different_keys(equivalence, different):
    assert len(set(equivalence.keys(read(*different)))) == len(different)


def test_the_key_of_a_number_is_its_canonical_text(equivalence):
    assert equivalence.keys([*read("$1,800.00", "\\sqrt{16}", "4", "1/3", "-0.250"), None]) == [
        "1800",
        "4",
        "4",
        "1/3",
        "-0.25",
        None,
    ]


def test_keys_do_not_depend_on_the_order(equivalence):
    answers = read("\\sqrt{16}", "4", "x+1", "1+x", "2\\sqrt{2}", "\\sqrt{8}", "18", "18.0", "0.5", "50%")
    expected = dict(zip([a.text for a in answers], equivalence.keys(answers), strict=True))
    for seed in range(5):
        random.Random(seed).shuffle(answers)
        assert equivalence.keys(answers) == [expected[a.text] for a in answers]


@pytest.mark.parametrize(
    ("answer", "gold", "right"), [("50%", "0.5", True), ("50%", "50", True), ("0.5", "50%", True), ("50", "0.5", False)]
)
def test_a_share_may_be_given_in_per_cent(equivalence, answer, gold, right):
    assert equivalence.meets(*read(answer, gold)) is right


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_formulas_are_compared_with_nothing_and_the_next_question_is_answered(formulas, hostile):
    assert formulas.equal(hostile, "7") is None
    assert formulas.equal(hostile, "x+1") is None
    assert formulas.is_beyond(hostile)
    assert formulas.equal(hostile, hostile)
    assert formulas.equal("x+1", "1+x")
    assert not formulas.is_beyond("x+1")


def test_a_formula_that_cannot_be_evaluated_is_no_number_and_may_be_any_formula(equivalence):
    hostile, number, other = read(HOSTILE[0], "7", "x+1")
    assert equivalence.meets(hostile, number) is False
    assert equivalence.meets(number, hostile) is False
    assert equivalence.meets(hostile, other) is None
    assert equivalence.meets(hostile, hostile) is True
    assert equivalence.keys([hostile, number, other]) == [HOSTILE[0], "7", "x+1"]


def test_the_first_question_finds_a_process_that_has_warmed_up():
    """In a process that has not, the first formulas take several times as long."""
    made = Formulas(seconds=0.04)
    assert made.equal("x+41", "41+x") is True
    made.close()


SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
starts = Path(__file__).with_name("starts")
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
print("ready", flush=True)
for line in sys.stdin:
    MISBEHAVE
    print("true", flush=True)
"""
FIRST = "if len(starts.read_text()) == 1:"
HANG, SPENT, KILLED = "time.sleep(600)", "os.kill(os.getpid(), signal.SIGPROF)", "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def acting(monkeypatch, tmp_path):
    """`acting(line)`: the folder of a worker that holds everything equal, and does something else with each question."""

    def put(line):
        (tmp_path / "worker.py").write_text(SCRIPT.replace("MISBEHAVE", line))
        monkeypatch.setattr(symbolic, "__file__", str(tmp_path / "symbolic.py"))
        return tmp_path

    return put


@pytest.mark.parametrize("line", [HANG, KILLED])
def test_what_is_lost_is_asked_twice_and_forgotten(acting, line):
    folder = acting(line)
    made = Formulas(wall_seconds=0.2)
    assert made.equal("x+1", "1+x") is None
    assert not made.is_beyond("x+1")
    assert (folder / "starts").read_text() == "xxxx"
    assert made._worker is None
    assert workers_of(folder / "worker.py") == []
    assert Equivalence(made).meets(*read("x+1", "7")) is None
    acting("pass")
    made._wall_seconds = 60.0
    assert made.equal("x+1", "1+x") is True


@pytest.mark.parametrize("line", [HANG, SPENT, KILLED])
def test_what_one_process_failed_at_a_fresh_one_is_asked(acting, line):
    folder = acting(f"{FIRST} {line}")
    made = Formulas(wall_seconds=10.0)
    assert made.equal("x+1", "1+x") is True
    assert (folder / "starts").read_text() == "xx"
    made.close()


@pytest.mark.parametrize("line", [SPENT, "sys.exit(1)", "os.abort()"])
def test_what_takes_two_processes_down_is_remembered_as_beyond(acting, line):
    folder = acting(line)
    made = Formulas()
    assert [made.equal("x+1", "1+x"), made.equal("x+1", "x"), made.is_beyond("x+1")] == [None, None, True]
    assert (folder / "starts").read_text() == "xx"


def workers_of(script):
    return running(str(script))


def test_a_worker_that_cannot_start_is_an_error_with_a_reason(monkeypatch, tmp_path):
    (tmp_path / "worker.py").write_text("raise SystemExit(1)\n")
    monkeypatch.setattr(symbolic, "__file__", str(tmp_path / "symbolic.py"))
    with pytest.raises(RunFailed, match="math-verify cannot be started"):
        Formulas().equal("x+1", "1+x")


def test_a_killed_worker_is_replaced(formulas):
    assert formulas.equal("x+2", "2+x")
    formulas._worker._process.kill()
    assert formulas.equal("x+3", "3+x")
    formulas._worker._process.kill()
    assert formulas.equal("x+3", "4+x") is False


def test_it_works_from_many_threads(equivalence):
    found = []
    ask = [
        threading.Thread(target=lambda n=n: found.append(equivalence.same(*read(f"x+{n}", f"{n}+x")))) for n in range(20, 28)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert found == [True] * 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_asks_a_worker_of_its_own(formulas):
    assert formulas.equal("x+40", "40+x")
    child = os.fork()
    if child == 0:
        os._exit(0 if formulas.equal("x+41", "41+x") and not formulas.close() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert formulas.equal("x+42", "42+x")


def test_no_process_outlives_its_owner():
    before = len(workers())
    made = Formulas()
    assert made.equal("x+1", "1+x")
    assert len(workers()) == before + 1
    del made
    gc.collect()
    assert len(workers()) == before
