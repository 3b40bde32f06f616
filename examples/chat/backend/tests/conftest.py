"""Makes the package and its fakes importable from wherever pytest is started."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from backend_fakes import MissingPart  # noqa: E402


@pytest.fixture
def anyio_backend() -> str:
    """The loop that the services run on."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for one part the same place: pytest shows them as one line."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(MissingPart):
        report.longrepr = (__file__, None, str(call.excinfo.value))
    return report
