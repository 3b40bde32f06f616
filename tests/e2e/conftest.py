"""The engine, the images and a project of one's own, removed again whatever happens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import open_browser
from tests.e2e.engine import Project, run
from tests.e2e.images import Images
from tests.parts import require_part

RESULTS = pytest.StashKey[list[str]]()
RAN_ON = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """An engine that answers, with Compose."""
    found = shutil.which("docker") is not None
    require_part(
        found
        and run("docker", "version").returncode == 0
        and run("docker", "compose", "version").returncode == 0,
        "a Docker engine with Compose",
    )


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest, engine: None) -> Images:
    """What the chosen tests run on: `IMAGES` of their modules."""
    modules = {getattr(item, "module", None) for item in request.session.items}
    had = Images(image for module in modules for image in getattr(module, "IMAGES", ()))
    request.config.stash[RAN_ON] = had.describe()
    return had


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def project(images: Images, tmp_path: Path) -> Iterator[Project]:
    """A project of the files in a folder of its own, removed after the test."""
    with Project(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are shown below the tests."""
    return request.config.stash.setdefault(RESULTS, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say on which images the tests ran, and on which the recipes were tested."""
    for title, key in (
        ("images of these tests", RAN_ON),
        ("recipes on a real engine", RESULTS),
    ):
        if lines := config.stash.get(key, []):
            terminalreporter.section(title)
            for line in sorted(lines):
                terminalreporter.line(line)
