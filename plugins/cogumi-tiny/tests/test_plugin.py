import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import cogumi_tiny
import pytest


def test_the_entry_point_registers_both_states():
    (found,) = entry_points(group="cogumi", name="tiny")
    offered = {}
    found.load().register_models(offered.__setitem__)
    assert list(offered) == ["tiny", "tiny-spread"]
    for name, folder in {"tiny": cogumi_tiny.FOLDER, "tiny-spread": cogumi_tiny.SPREAD}.items():
        model = offered[name]()
        assert (model.name, model.path, model.data) == (name, str(folder), "bundled")


def test_its_training_settings_are_options_of_the_trainer():
    qlora = pytest.importorskip("cogumi_qlora").qlora
    assert set(cogumi_tiny.TRAINING) <= set(inspect.signature(qlora).parameters)
    qlora(**cogumi_tiny.TRAINING)


def test_importing_it_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'transformers', 'tokenizers', 'safetensors'}"
    code = f"import sys, cogumi_tiny; cogumi_tiny.tiny(); assert not {heavy} & set(sys.modules), sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_doctor_hears_whether_the_weights_are_there(tmp_path, monkeypatch):
    offered = {}
    cogumi_tiny.register_checks(offered.__setitem__)
    assert list(offered) == ["embedded-model"]
    (found,) = offered["embedded-model"]()
    assert (found.name, found.ok, found.detail) == ("embedded model", True, "tiny, tiny-spread")
    monkeypatch.setitem(cogumi_tiny.FOLDERS, "tiny-spread", tmp_path)
    (found,) = offered["embedded-model"]()
    assert found.ok is False
    assert found.detail == f"no weights in {tmp_path}"
    assert "pip install" in found.fix
