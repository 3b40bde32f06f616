"""Fixtures that need a program of their own: a real redis-server on a private port."""

import signal
from collections.abc import Generator, Iterator

import pytest

from tests.servers import MissingPart, RedisServer, find_redis

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them
# the routers that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A redis-server for the whole run; a test that freezes it thaws it again."""
    find_redis()
    with RedisServer() as server:
        yield server


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before asking a provider again."""
    monkeypatch.setattr("router.provider._PAUSE", 0.01)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    redis_server.empty()
    return redis_server.url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for one part the same place: pytest shows them as one line."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(MissingPart):
        report.longrepr = (__file__, None, str(call.excinfo.value))
    return report
