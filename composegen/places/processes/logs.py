"""The logs of a folder's services, read from another terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from composegen.paths import list_matching
from composegen.system.files import check_readable
from composegen.system.logfiles import Tail, find_log, measure_log, read_last_lines

_FOLLOW_INTERVAL = 0.1


def list_logged(folder: Path) -> tuple[str, ...]:
    """The services that have a log here, whatever the stack file says.

    Raises FileRefused where the folder of logs is closed.
    """
    found = find_log(folder, "*")
    check_readable(found.parent)
    return tuple(path.stem for path in list_matching(found.parent, found.name))


def read_logs(
    folder: Path, services: Iterable[str], count: int
) -> Iterator[tuple[str, str]]:
    """The last lines of each service's log, as pairs of service and line.

    Raises FileRefused where a log is closed.
    """
    for service in services:
        check_readable(find_log(folder, service))
        for line in read_last_lines(find_log(folder, service), count):
            yield service, line


def describe_earlier(
    folder: Path, services: Iterable[str], count: int, firsts: Mapping[str, int]
) -> str:
    """How many of the last lines are of earlier runs; empty where none is.

    ``firsts`` are the bytes at which each log of the present runs begins.
    """
    found = []
    for name in services:
        path = find_log(folder, name)
        first = firsts.get(name)
        every = read_last_lines(path, count)
        own = () if first is None else read_last_lines(path, count, since=first)
        if len(own) < len(every):
            found.append(f"{len(every) - len(own)} of {name}")
    return f"lines of earlier runs come first: {', '.join(found)}" if found else ""


def follow_logs(
    folder: Path, services: Iterable[str], is_over: Callable[[], bool] = lambda: False
) -> Iterator[tuple[str, str]]:
    """What is appended to the logs from now on, until it is over.

    A log that was rotated is followed in its new file.
    """
    tails = {name: _open_end(find_log(folder, name)) for name in services}
    while not is_over():
        for service, tail in tails.items():
            for line in tail.read_lines():
                yield service, line
        time.sleep(_FOLLOW_INTERVAL)


def _open_end(path: Path) -> Tail:
    return Tail(path, measure_log(path), follows_name=True)
