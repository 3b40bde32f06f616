"""Podman's health checks while services boot.

Podman has no `start_interval`: it runs a check when a container starts, and then after
each `interval`, by timers of systemd. What boots is asked here as often as Docker asks
it, through Podman's own interface, so that a gate opens as soon as it can.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Protocol

from composegen.errors import EngineUnreachable
from composegen.places.engine.containers import Container

_PAUSE = 0.3


class Checking(Protocol):
    """What is asked of an engine."""

    def list_containers(self, project: str) -> tuple[Container, ...]:
        """A project's containers."""
        ...

    def run_check(self, id: str) -> None:
        """Run the health check of a container."""
        ...


@contextmanager
def run_checks(
    connect: Callable[[], AbstractContextManager[Checking]],
    project: str,
    *,
    pause: float = _PAUSE,
) -> Iterator[None]:
    """Run the checks of what boots in a project, for as long as the block runs.

    ``connect`` makes a connection of its own, ``pause`` are the seconds between checks.
    """
    ended = threading.Event()
    thread = threading.Thread(
        target=_run, args=(connect, project, pause, ended), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _run(
    connect: Callable[[], AbstractContextManager[Checking]],
    project: str,
    pause: float,
    ended: threading.Event,
) -> None:
    running: dict[str, threading.Thread] = {}
    try:
        with connect() as engine:
            while not ended.wait(pause):
                for id in _list_starting(engine.list_containers(project)):
                    # One that takes long holds up no other, and is not run twice.
                    if id not in running or not running[id].is_alive():
                        running[id] = _begin(engine, id)
    except EngineUnreachable:
        pass  # the wait for the services reports it


def _list_starting(containers: Iterable[Container]) -> list[str]:
    return [
        each.id for each in containers if each.is_running and each.health == "starting"
    ]


def _begin(engine: Checking, id: str) -> threading.Thread:
    thread = threading.Thread(target=_check, args=(engine, id), daemon=True)
    thread.start()
    return thread


def _check(engine: Checking, id: str) -> None:
    with suppress(EngineUnreachable):  # it has ended meanwhile, or the engine has
        engine.run_check(id)
