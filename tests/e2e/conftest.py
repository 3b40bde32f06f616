"""The engine, the images and a project of one's own, removed again whatever happens."""

from __future__ import annotations

import os
import shutil
from collections import Counter
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
SHOWN = (("images of these tests", RAN_ON), ("recipes on a real engine", RESULTS))


LONGEST = (
    *("test_docs", "test_drill", "test_fresh_machine", "test_recipes"),
    "test_chat_faults",
)
"""Files whose few tests take minutes, the longest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: short ones fill the gaps at the end.

    Each file is run by one process, which makes what its tests share once.
    """
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    sizes = Counter(item.path for item in items)

    def find_place(item: pytest.Item) -> tuple[int, int, Path]:
        rank = ranks.get(item.path.stem, len(ranks))
        return rank, -sizes[item.path], item.path

    items.sort(key=find_place)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its lines to the process that shows them."""
    if hasattr(session.config, "workeroutput"):
        stash = session.config.stash
        session.config.workeroutput["shown"] = [stash.get(key, []) for _, key in SHOWN]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker has handed over; one that died has handed over nothing."""
    handed = getattr(node, "workeroutput", {}).get("shown", [[] for _ in SHOWN])
    for (_, key), lines in zip(SHOWN, handed, strict=True):
        node.config.stash.setdefault(key, []).extend(lines)


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
def images(
    request: pytest.FixtureRequest,
    engine: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Images:
    """What the chosen tests run on: `IMAGES` of their modules."""
    folder = tmp_path_factory.getbasetemp()
    # The folder above is the same for all processes of a run that has several.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    modules = {getattr(item, "module", None) for item in request.session.items}
    wanted = [image for each in modules for image in getattr(each, "IMAGES", ())]
    had = Images(wanted, shared / "images")
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
    for title, key in SHOWN:
        if lines := config.stash.get(key, []):
            terminalreporter.section(title)
            for line in sorted(set(lines)):
                terminalreporter.line(line)
