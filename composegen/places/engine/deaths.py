"""How containers have died, from what was seen of it and when.

A container forgets its last death when it is started again, and the engine soon forgets
what happened to it. What is older than the present start of a container is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable

from composegen.places.engine.containers import Container
from composegen.places.engine.happened import Action, Happened
from composegen.records import record, replace

_OBEYS_IN = 60.0
"""Seconds in which a program ends that was asked to; the engine asks again then."""


@record
class Death:
    """One end of a container's process, as far as it was seen.

    ``at`` is when, ``started_at`` when it had been started, None where that was not
    seen; both in seconds since 1970 on the engine's clock. ``was_stopped``: the engine
    was asked to end it.
    """

    id: str
    at: float
    exit_code: int
    started_at: float | None = None
    was_out_of_memory: bool = False
    was_stopped: bool = False


class DeathBook:
    """Collects the deaths of containers from what happens to them, in order."""

    def __init__(self) -> None:
        self.deaths: list[Death] = []
        self._started: dict[str, float] = {}
        self._out_of_memory: set[str] = set()
        self._asked: dict[str, float] = {}

    def take(self, happened: Happened) -> None:
        """Take in the next thing that happened."""
        id = happened.id
        match happened.action:
            case Action.START:
                self._started[id] = happened.time
                self._out_of_memory.discard(id)
                self._asked.pop(id, None)
            case Action.OUT_OF_MEMORY if id in self._started or not self._is_dead(id):
                self._out_of_memory.add(id)
            case Action.OUT_OF_MEMORY:
                self._amend(id)
            case Action.KILL if happened.is_end_asked:
                self._asked[id] = happened.time
            case Action.DIE:
                self._note(happened)

    def _note(self, happened: Happened) -> None:
        id, asked = happened.id, self._asked.pop(happened.id, None)
        self.deaths.append(
            Death(
                id=id,
                at=happened.time,
                exit_code=happened.exit_code or 0,
                started_at=self._started.pop(id, None),
                was_out_of_memory=id in self._out_of_memory,
                was_stopped=asked is not None and happened.time - asked <= _OBEYS_IN,
            )
        )
        self._out_of_memory.discard(id)

    def _is_dead(self, id: str) -> bool:
        return any(death.id == id for death in self.deaths)

    def _amend(self, id: str) -> None:
        """The engine can report the memory after it has reported the death."""
        for at in range(len(self.deaths) - 1, -1, -1):
            if self.deaths[at].id == id:
                self.deaths[at] = replace(self.deaths[at], was_out_of_memory=True)
                return


def find_last_death(container: Container, deaths: Iterable[Death]) -> Death | None:
    """The death that a container had last, in this start of it; None if not known.

    A container that the user started has not died in this start before the engine
    restarts it: what lies before is no evidence.
    """
    if container.is_running and not container.restarts:
        return None
    ended = container.finished_at or 0.0
    own = [each for each in deaths if each.id == container.id and each.at >= ended]
    return min(
        own, key=lambda each: (each.at, not each.was_out_of_memory), default=None
    )


def read_deaths(past: Iterable[Happened]) -> list[Death]:
    """The deaths among what happened."""
    book = DeathBook()
    for happened in past:
        book.take(happened)
    return book.deaths


def recall_death(container: Container, death: Death | None) -> Container:
    """The container with the exit code of its last death, which it has forgotten."""
    if death is None or not container.is_running:
        return container
    return replace(container, exit_code=death.exit_code)
