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

from cogumi.cli import main
from cogumi.doctor import checkup, machine
from cogumi.records import Finding
from cogumi.registry.discovery import load
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


def listed(result: Result) -> list[list[str]]:
    """The findings that are shown: mark, first word, rest."""
    return [line.split(maxsplit=2) for line in result.stdout.splitlines()[3:]]


def test_a_plugin_that_is_asked_for_and_works(install: Install) -> None:
    install("fine", "")
    result = cogumi("--plugins", "fine")
    assert result.exit_code == 0
    assert listed(result) == [["ok", "plugin", "fine  cogumi-fine 1.0"]]
    assert result.stderr == ""


def test_the_core_is_a_plugin_with_checks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = [finding.name for finding in checkup.check_up(["core"]).findings]
    assert names == ["plugin core", "disk for runs", "disk for models", "hub", "hub token", "model cache"]
    assert cogumi("--plugins", "core").exit_code == 0


def test_an_unknown_plugin_is_one_line_with_near_matches() -> None:
    result = cogumi("--plugins", "cor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("cogumi: plugins: no plugin is called 'cor' (did you mean core")
    assert result.stderr.count("\n") == 1


def test_a_broken_plugin_fails_only_who_asks_for_it(install: Install) -> None:
    install("broken", "import there_is_no_such_module")
    install("fine", "")
    result = cogumi("--plugins", "broken, fine")
    assert result.exit_code == 2
    assert "FAIL  plugin broken  cannot be loaded: ModuleNotFoundError" in result.stdout
    assert "-> mend its cause, or: pip uninstall cogumi-broken" in result.stdout
    assert "ok    plugin fine" in result.stdout
    assert cogumi("--plugins", "fine").exit_code == 0


def test_a_plugin_without_what_it_needs(install: Install) -> None:
    needs = ["click>=8", "no-such-dist>=1.0", "other_dist", "only-windows; sys_platform == 'win32'", "x; extra == 'gpu'"]
    install("needy", "", requires=needs)
    result = cogumi("--plugins", "needy")
    assert result.exit_code == 2
    assert "FAIL  plugin needy  cogumi-needy 1.0 needs no-such-dist, other_dist, not installed" in result.stdout
    assert "-> pip install no-such-dist other_dist" in result.stdout


OWN = """
from cogumi import hookimpl
from cogumi.records import Finding

def walls():
    yield Finding(name="sandbox", ok=True, detail="namespaces")
    yield Finding(name="data", ok=None, detail="none downloaded yet")
    yield Finding(name="compiler", ok={ok}, detail="gcc is missing", fix="{fix}")

@hookimpl
def register_checks(register):
    register("{check}", walls)
"""


def own(ok: object, fix: str = "", check: str = "walls") -> str:
    return OWN.format(ok=ok, fix=fix, check=check)


def test_a_plugins_own_lines_are_shown_and_count(install: Install) -> None:
    install("checked", own(False, "apt install gcc"))
    result = cogumi("--plugins", "checked")
    assert result.exit_code == 2
    assert listed(result) == [
        ["ok", "plugin", "checked  cogumi-checked 1.0"],
        ["ok", "sandbox", "namespaces"],
        ["--", "data", "none downloaded yet"],
        ["FAIL", "compiler", "gcc is missing"],
        ["->", "apt", "install gcc"],
    ]


def test_only_the_checks_of_who_is_asked_for_are_made(install: Install) -> None:
    install("checked", own(True))
    install("other", own(False, "mend it", check="other-walls"))
    assert cogumi("--plugins", "checked").exit_code == 0
    assert cogumi("--plugins", "checked,other").exit_code == 2


def test_every_plugin_is_asked_where_none_is_named(install: Install) -> None:
    install("checked", own(False, "apt install gcc"))
    result = cogumi()
    assert result.exit_code == 0  # nobody asked for it by name
    names = [line[1] for line in listed(result) if line]
    assert {"plugin", "compiler", "hub", "disk"} <= set(names)
    assert "this takes some seconds" in result.stderr


def test_checks_are_made_when_the_doctor_asks_and_not_before(install: Install, tmp_path: Path) -> None:
    asking = own(True).replace("def walls():", f"def walls():\n    open({str(tmp_path / 'asked')!r}, 'w').close()")
    install("lazy", asking)
    load()
    assert not (tmp_path / "asked").exists()
    cogumi("--plugins", "lazy")
    assert (tmp_path / "asked").exists()


def test_remarks_do_not_fail(install: Install) -> None:
    install("fine", own(None))
    assert cogumi("--plugins", "fine").exit_code == 0


def checking(body: str) -> str:
    """The source of a plugin with one check."""
    head = "from cogumi import hookimpl\nfrom cogumi.records import Finding\n"
    return f"{head}\ndef look():\n    {body}\n\n@hookimpl\ndef register_checks(register):\n    register('look', look)\n"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("yield Finding(name='gcc', ok=False, detail='missing')", "ValueError: Finding(name='gcc', ok=False,"),
        ("yield 'gcc', True, 'there', ''", "ValueError: ('gcc', True, 'there', ''): a check gives Findings"),
        ("return None", "TypeError: 'NoneType' object is not iterable"),
        ("raise OSError('no /proc')", "OSError: no /proc"),
    ],
)
def test_a_check_that_fails_is_a_line_itself(body: str, cause: str, install: Install) -> None:
    install("unwell", checking(body))
    result = cogumi("--plugins", "unwell")
    assert result.exit_code == 2
    assert f"FAIL  look           the check failed: {cause}" in result.stdout
    assert "-> tell the authors of cogumi-unwell" in result.stdout


def test_what_a_check_found_before_it_failed_is_shown(install: Install) -> None:
    install("unwell", checking("yield Finding(name='gcc', ok=True, detail='there')\n    raise OSError('no /proc')"))
    findings = checkup.check_up(["unwell"]).findings
    assert [(finding.name, finding.ok) for finding in findings] == [("plugin unwell", True), ("gcc", True), ("look", False)]


def test_as_json(install: Install) -> None:
    install("checked", own(False, "apt install gcc"))
    result = cogumi("--plugins", "checked", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 2
    assert document["findings"][-1] == {
        "name": "compiler",
        "ok": False,
        "detail": "gcc is missing",
        "fix": "apt install gcc",
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
    (finding,) = [finding for finding in (*machine.hub(), *machine.disk()) if finding.name == name]
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
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: full)  # type: ignore[attr-defined]
    finding = found("disk for runs")
    assert finding.ok is False
    assert "free some" in finding.fix
