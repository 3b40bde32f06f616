"""Makes the package and its fakes importable from wherever pytest is started."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]


@pytest.fixture
def anyio_backend() -> str:
    """The loop that the services run on."""
    return "asyncio"
