from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines are slow at times, and a test run is to say the same each time.
settings.register_profile("cogumi", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cogumi")

DATA = Path(os.environ.get("COGUMI_DATA_DIR") or Path(__file__).parents[1] / ".." / "shared" / "data")


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public benchmark data."""
    if not DATA.is_dir():
        pytest.skip("set COGUMI_DATA_DIR to a folder with the public data sets (gsm8k/, mmlu/, ...)")
    return DATA
