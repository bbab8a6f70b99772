from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cogumi.testing import need_data

# Machines are slow at times, and a test run is to say the same each time.
settings.register_profile("cogumi", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cogumi")


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public benchmark data."""
    return need_data(".")
