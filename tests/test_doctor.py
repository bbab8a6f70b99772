"""`cogumi doctor`: what it looks at, what it says to do, and when it fails."""

from __future__ import annotations

import http.server
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cogumi import doctor
from cogumi.cli import main
from cogumi.doctor import Finding
from cogumi.testing import fake_dist

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install(name, source, ...)`: a plugin is discoverable for the length of the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def installed(name: str, source: str, **more: object) -> None:
        modules.append(fake_dist(tmp_path, name, source, **more))  # type: ignore[arg-type]

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


def cogumi(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


# --- plugins ----------------------------------------------------------------------------------------------------------


def test_a_plugin_that_is_asked_for_and_works() -> None:
    result = cogumi("--plugins", "core")
    assert result.exit_code == 0
    assert "ok    plugin core  cogumi " in result.stdout
    assert "torch, " not in result.stderr


def test_an_unknown_plugin_is_one_line_with_near_matches() -> None:
    result = cogumi("--plugins", "cor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("cogumi: plugins: no plugin is called 'cor' (did you mean core")
    assert result.stderr.count("\n") == 1


def test_a_broken_plugin_fails_only_who_asks_for_it(install: Install) -> None:
    install("broken", "import there_is_no_such_module")
    result = cogumi("--plugins", "broken, core")
    assert result.exit_code == 2
    assert "FAIL  plugin broken  cannot be loaded: ModuleNotFoundError" in result.stdout
    assert "-> mend its cause, or: pip uninstall cogumi-broken" in result.stdout
    assert "ok    plugin core" in result.stdout
    assert cogumi("--plugins", "core").exit_code == 0


def test_a_plugin_without_what_it_needs(install: Install) -> None:
    needs = ["click>=8", "no-such-dist>=1.0", "other_dist", "only-windows; sys_platform == 'win32'", "x; extra == 'gpu'"]
    install("needy", "", requires=needs)
    result = cogumi("--plugins", "needy")
    assert result.exit_code == 2
    assert "FAIL  plugin needy  cogumi-needy 1.0 needs no-such-dist, other_dist, not installed" in result.stdout
    assert "-> pip install no-such-dist other_dist" in result.stdout


OWN = """
def doctor():
    yield "sandbox", True, "namespaces", ""
    yield "data", None, "none downloaded yet", ""
    yield "compiler", {ok}, "gcc is missing", "{fix}"
"""


def test_a_plugins_own_lines_are_shown_and_count(install: Install) -> None:
    install("checked", OWN.format(ok=False, fix="apt install gcc"))
    result = cogumi("--plugins", "checked")
    assert result.exit_code == 2
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()[3:]]
    assert lines == [
        ["ok", "plugin", "checked  cogumi-checked 1.0"],
        ["ok", "sandbox", "namespaces"],
        ["--", "data", "none downloaded yet"],
        ["FAIL", "compiler", "gcc is missing"],
        ["->", "apt", "install gcc"],
    ]


def test_remarks_do_not_fail(install: Install) -> None:
    install("fine", OWN.format(ok=None, fix=""))
    assert cogumi("--plugins", "fine").exit_code == 0


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (OWN.format(ok=False, fix=""), "ValueError: ('compiler', False, ...)"),
        (OWN.format(ok="'yes'", fix="do it"), "ValueError: ('compiler', 'yes', ...)"),
        ("def doctor():\n    return [('a', True)]", "ValueError: not enough values to unpack"),
        ("def doctor():\n    raise OSError('no /proc')", "OSError: no /proc"),
    ],
)
def test_a_doctor_that_fails_is_a_line_itself(source: str, cause: str, install: Install) -> None:
    install("unwell", source)
    result = cogumi("--plugins", "unwell")
    assert result.exit_code == 2
    assert f"FAIL  plugin unwell  its doctor() failed: {cause}" in result.stdout
    assert "-> tell the authors of cogumi-unwell" in result.stdout


def test_as_json(install: Install) -> None:
    install("checked", OWN.format(ok=False, fix="apt install gcc"))
    result = cogumi("--plugins", "checked", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert document["findings"][-1] == {
        "name": "compiler",
        "ok": False,
        "detail": "gcc is missing",
        "fix": "apt install gcc",
        "plugin": "checked",
    }
    assert document["versions"]["cogumi-checked"] == "1.0"
    assert document["machine"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["machine"]["cores"] >= 1


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[str]:
    """The address of something that answers every HEAD with 401, as the hub may."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep stderr clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without settings, and a hub that is not there."""
    for name in (
        "HF_HUB_OFFLINE",
        "HF_TOKEN",
        "HF_HUB_CACHE",
        "HF_ENDPOINT",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")


def found(name: str) -> Finding:
    from cogumi.plugins import load

    (finding,) = [finding for finding in doctor._surroundings(load()) if finding.name == name]
    return finding


def test_a_hub_that_answers(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server)
    assert found("hub") == Finding(name="hub", ok=True, detail=f"{server} answers (401)")


def test_a_hub_that_does_not_answer() -> None:
    finding = found("hub")
    assert finding.ok is False
    assert "does not answer" in finding.detail
    assert "--data NAME=PATH" in finding.fix


def test_offline_by_choice_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert found("hub").ok is None


def test_a_token_is_seen_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("hub token").ok is None
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert found("hub token") == Finding(name="hub token", ok=True, detail="present")
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_secret")
    assert found("hub token") == Finding(name="hub token", ok=True, detail="present")


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("model cache").ok is True
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    finding = found("model cache")
    assert finding.ok is False
    assert finding.fix == "set HF_HOME to a folder of yours"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("disk for runs").detail.startswith(f"{found('disk for runs').detail.split()[0]} GB free at {Path.cwd()}")
    full = type("Usage", (), {"free": 2**20})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: full)  # type: ignore[attr-defined]
    finding = found("disk for runs")
    assert finding.ok is False
    assert "free some" in finding.fix


@pytest.mark.parametrize(
    ("probed", "expected"),
    [
        ({"error": "OSError: libcudart.so.13: no such file"}, {"torch": False}),
        ({"torch": "2.13", "cuda": None, "gpus": [], "nf4": None}, {"torch": True, "GPU": None, "4-bit": True}),
        ({"torch": "2.13", "cuda": "13.0", "gpus": [], "nf4": "no kernel"}, {"torch": True, "GPU": None, "4-bit": False}),
        (
            {"torch": "2.13", "cuda": "13.0", "gpus": [{"name": "H100", "memory": 80 * 2**30, "bf16": True}], "nf4": None},
            {"torch": True, "GPU": True, "4-bit": True},
        ),
    ],
)
def test_what_torch_told_is_read(
    probed: dict[str, object], expected: dict[str, bool | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    findings = list(doctor._torch(probed))
    assert {finding.name: finding.ok for finding in findings} == expected
    assert all(finding.fix for finding in findings if finding.ok is False)


def test_a_driver_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")  # type: ignore[attr-defined]
    findings = {f.name: f for f in doctor._torch({"torch": "2.13", "cuda": None, "gpus": [], "nf4": None})}
    assert findings["GPU"].ok is False
    assert "pytorch.org" in findings["GPU"].fix


def test_a_probe_that_dies_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "executable", "/bin/false")  # type: ignore[attr-defined]
    with doctor._started_probe() as probe:
        answer = doctor._answer(probe)
    assert answer == {"error": "the process that tried torch died with exit code 1"}


def test_the_whole_checkup_tries_torch_and_ends_with_0() -> None:
    pytest.importorskip("torch")
    result = cogumi()
    assert result.exit_code == 0  # the hub does not answer here, and nobody asked for it
    names = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines() if line.startswith(("ok ", "FAIL", "--"))]
    for name in (
        "torch",
        "GPU",
        "4-bit",
        "chat models",
        "embedded model",
        "hub",
        "model cache",
        "disk for runs",
        "plugin core",
    ):
        assert any(line.startswith(name) for line in names), name
    fails = [place for place, line in enumerate(result.stdout.splitlines()) if line.startswith("FAIL")]
    assert all("-> " in result.stdout.splitlines()[place + 1] for place in fails)
    assert "trying torch" in result.stderr
