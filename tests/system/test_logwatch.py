"""A log that grows is seen without looking."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.system.logwatch import LogWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

LONG = 60.0


def watch(folder: Path, act: Callable[[], object], seconds: float = LONG) -> bool:
    """Whether a watch on a folder sees what is done."""

    async def go() -> bool:
        with LogWatch([folder]) as logs:
            asyncio.get_running_loop().call_soon(act)
            return await logs.wait(seconds)

    return asyncio.run(go())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "web.log"
    path.write_text("before\n")
    return path


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("a line\n")


def test_a_line_is_seen(log: Path) -> None:
    assert watch(log.parent, lambda: append(log))


def test_a_line_that_came_before_the_wait_is_seen(log: Path) -> None:
    async def go() -> bool:
        with LogWatch([log.parent]) as logs:
            append(log)
            return await logs.wait(LONG)

    assert asyncio.run(go())


def test_a_new_log_and_one_that_was_moved_are_seen(log: Path) -> None:
    assert watch(log.parent, (log.parent / "new.log").touch)
    assert watch(log.parent, lambda: log.replace(log.parent / "old.log"))


def test_nothing_is_seen_where_nothing_is_logged(log: Path) -> None:
    append(log)

    assert not watch(log.parent, log.read_text, 0.05)


def test_a_second_wait_sees_only_what_came_since(log: Path) -> None:
    async def go() -> list[bool]:
        with LogWatch([log.parent]) as logs:
            append(log)
            first = await logs.wait(LONG)
            return [first, await logs.wait(0.05)]

    assert asyncio.run(go()) == [True, False]


def test_a_folder_that_is_removed_ends_the_wait(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()

    assert watch(folder, folder.rmdir)


def test_a_missing_folder_is_an_error_and_leaves_no_handle(tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])

    with pytest.raises(FileNotFoundError):
        LogWatch([tmp_path, tmp_path / "nowhere"])
    assert len([*Path("/proc/self/fd").iterdir()]) == before
