"""A browser and the running stack, once without Redis and once with it."""

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chat_stack import Stack

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


class MissingPart(pytest.skip.Exception):
    """A test is skipped for a part; these are counted by part."""


def miss(part: str) -> None:
    """Skip with a note, or fail where REQUIRE_PARTS asks for everything."""
    if os.environ.get("REQUIRE_PARTS"):
        pytest.fail(f"{part} is missing")
    raise MissingPart(f"{part} is missing here")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for one part the same place: pytest shows them as one line."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(MissingPart):
        report.longrepr = (__file__, None, str(call.excinfo.value))
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium of this machine, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415
    except ImportError:
        miss("playwright")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        miss("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield launched
        launched.close()


@pytest.fixture(scope="module", params=["memory", "redis"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """All services; a test may take some away, the next one finds them again."""
    with_redis = request.param == "redis"
    if with_redis and not shutil.which("redis-server"):
        miss("redis-server")
    folder = tmp_path_factory.mktemp(request.param)
    with Stack(folder, with_redis=with_redis) as running:
        yield running


@pytest.fixture
def page(browser: Any, stack: Stack) -> Iterator[Any]:
    """The page, freshly opened by somebody who has never been here.

    Fails the test when the page throws or its policy forbids something.
    """
    stack.complete()
    context = browser.new_context(viewport={"width": 1000, "height": 760})
    context.set_default_timeout(120_000)  # a busy machine takes its time
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda line: faults.append(line.text) if _bad(line) else None)
    opened.goto(stack.url("frontend"))
    yield opened
    context.close()
    assert faults == []


def _bad(line: Any) -> bool:
    # A browser logs every answer of 400 and more; some of them are under test here.
    return line.type == "error" and "Failed to load resource" not in line.text
