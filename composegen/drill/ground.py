"""Where a drill is done: what each place can do to services, and how it asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from composegen.ask import Drill
from composegen.drill.asking import Question
from composegen.drill.trials import Fault, Trial
from composegen.places.engine.links import Links
from composegen.records import record
from composegen.system.identity import Identity


@record
class Undo:
    """All that is needed to undo a fault, noted before it is done.

    ``containers`` and ``links`` are the service's on the engine, ``processes`` its
    processes in a run, ``replicas`` how many pods it has on a cluster. ``dependents``
    are recreated for the fault *without*, or are restarted where ``fault`` is None;
    ``made`` are Secrets and ConfigMaps that are made for that. ``sharing`` are the
    containers in a network, or another namespace, of ``containers``.
    """

    service: str
    fault: Fault | None = None
    containers: tuple[str, ...] = ()
    links: tuple[Links, ...] = ()
    processes: tuple[Identity, ...] = ()
    dependents: tuple[str, ...] = ()
    replicas: int = 0
    made: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()


class Ground(Protocol):
    """A running stack that can be disturbed. Methods raise FaultFailed."""

    @property
    def name(self) -> str:
        """Where it runs: on the engine, as processes, or on a cluster."""
        ...

    @property
    def impossible(self) -> Mapping[Fault, str]:
        """The faults that cannot be done there, each with a reason."""
        ...

    def plan(self, trial: Trial) -> Undo:
        """What will be needed to undo a fault; nothing is done yet."""
        ...

    def plan_restart(self, service: str) -> Undo:
        """What will be needed where a restart is broken off."""
        ...

    def do(self, undo: Undo) -> None:
        """Do the fault."""
        ...

    def undo(self, undo: Undo, *, is_sure: bool) -> None:
        """Undo it; where it is not sure how far it came, look until all is calm."""
        ...

    def make_question(self, service: str, drill: Drill) -> Question | None:
        """How a service is asked once; None where there is nothing to ask."""
        ...

    def find_starts(self, service: str) -> tuple[str, ...]:
        """What names the present start of a service: it changes with every start."""
        ...

    def look_closer(self, service: str, since: float) -> tuple[str, ...]:
        """Lines that say why a service does not answer, since a time on our clock."""
        ...

    def close(self) -> None:
        """Let go of what was made to ask."""
        ...
