"""`check_model`: the promises of a registered model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from cogumi.records import Endpoint, Model, Weights
from cogumi.testing.promises import made_by, never_raises, require, short


def check_model(model: Model | Callable[[], Model]) -> None:
    """Check a model (or its factory): complete, plain data, and nothing that the user did not ask for."""
    make: Callable[[], Model] = made_by(model, (Weights, Endpoint))
    with never_raises("the factory of a model"):
        made, again = make(), make()
    require(made == again, f"a model is the same each time it is made: {short(made)} became {short(again)}")
    require(isinstance(made.name, str) and bool(made.name.strip()), f"name is a text, not {short(made.name)}")
    require(made.data in ("hub", "bundled"), f"data is 'hub' or 'bundled', not {short(made.data)}")
    if isinstance(made, Weights):
        _check_weights(made)
    else:
        require(isinstance(made.served, str) and bool(made.served.strip()), f"served is a text, not {short(made.served)}")


def _check_weights(made: Weights) -> None:
    require(isinstance(made.path, str) and bool(made.path.strip()), f"path is a text, not {short(made.path)}")
    require(not made.trust_remote_code, "trust_remote_code is the user's to switch on, never a plugin's")
    _check_training(made)
    if made.adapter is not None:
        found = (Path(made.adapter) / "adapter_config.json").is_file()
        require(found, f"adapter is a folder with adapter_config.json, which {made.adapter} is not")


def _check_training(model: Weights) -> None:
    names = all(isinstance(name, str) and name.isidentifier() for name in model.training)
    require(names, f"training holds trainer options by name, not {short(dict(model.training))}")
    with never_raises("json.dumps(model.training)"):
        back = json.loads(json.dumps(dict(model.training)))
    require(back == dict(model.training), f"training survives a trip through JSON: it came back as {short(back)}")
