"""Makes the package importable from wherever pytest is started."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def anyio_backend() -> str:
    """The loop that the services run on."""
    return "asyncio"
