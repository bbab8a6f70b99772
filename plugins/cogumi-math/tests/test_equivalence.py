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
def test_hostile_formulas_are_unequal_and_the_next_question_is_answered(formulas, hostile):
    assert not formulas.equal(hostile, "7")
    assert not formulas.equal(hostile, "x+1")
    assert formulas.equal(hostile, hostile)
    assert formulas.equal("x+1", "1+x")


def test_a_process_that_hangs_without_computing_is_given_up(monkeypatch, tmp_path):
    sleeper = tmp_path / "worker.py"
    sleeper.write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    monkeypatch.setattr(symbolic, "__file__", str(tmp_path / "symbolic.py"))
    made = Formulas(wall_seconds=0.2)
    assert not made.equal("x+1", "1+x")
    assert made._worker is None
    assert workers_of(sleeper) == []


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
    assert not formulas.equal("x+3", "4+x")
    assert formulas.equal("x+5", "5+x")


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
