"""Why a service must not be started in this folder: in words, and what to do."""

from __future__ import annotations

from composegen.errors import FileRefused
from composegen.places.events import Failure
from composegen.places.processes.advice import (
    advise,
    find_free,
    write_longer_boot,
    write_port,
)
from composegen.places.processes.plan import Way
from composegen.places.processes.readiness import Probe
from composegen.places.processes.units import Unit
from composegen.system.holders import describe_holder, describe_process


class Refused(Exception):
    """A service must not be started; the failure says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def refuse_lock(unit: Unit, refused: FileRefused) -> Refused:
    """The lock of the service cannot be opened."""
    return _refuse(
        unit,
        f"{unit.name} cannot be started: {refused.message}",
        cause="its lock cannot be taken",
        help=refused.help,
    )


def refuse_named(unit: Unit, pid: int) -> Refused:
    """A service that was named on the command line runs already."""
    return _refuse(
        unit,
        f"{unit.name} is already running: {describe_process(pid)}",
        help="stop it first, or run a service that needs it",
    )


def refuse_unready(unit: Unit, answer: str, seconds: float) -> Refused:
    """Another run of this folder owns the service and it did not become ready."""
    got = f": {unit.probe}: {answer}" if answer else ""
    return _refuse(
        unit,
        f"{unit.name} was not ready after {seconds:g} s{got}",
        cause="another run of this folder owns it; this run waited for its whole boot",
        help="see why: composegen why, or end it: composegen down",
    )


def refuse_unhealthy(
    unit: Unit, probe: Probe, holders: tuple[int, ...], near: int | None, answer: str
) -> Refused:
    """A process has the port and is not healthy; ``near`` is one of this folder."""
    if near is None:
        return _refuse_port(unit, holders)
    if unit.is_named:
        return refuse_named(unit, near)
    return _refuse(
        unit,
        f"{unit.name} is already running and was not ready after "
        f"{unit.probe.boot:g} s: {probe}: {answer}",
        cause=f"{describe_process(near)}, has its port; this run waited for its whole "
        "boot",
        help="end it, so that a new one is started, or give it more time: "
        + advise(unit, write_longer_boot(unit)),
    )


def refuse_stranger(unit: Unit, holders: tuple[int, ...]) -> Refused:
    """A healthy process has the port and must not be used."""
    who = (
        describe_process(holders[0])
        if holders
        else "a process that is not visible to this user"
    )
    return _refuse(
        unit,
        f"another program listens on port {unit.port} of {unit.name}",
        cause=f"it is {who}",
        help="use it with --reuse, or end it",
    )


def _refuse_port(unit: Unit, holders: tuple[int, ...]) -> Refused:
    who = describe_process(holders[0]) if holders else describe_holder(unit.port or 0)
    if unit.way is Way.FOUND:
        return _refuse(
            unit,
            f"{unit.name} was to be reused, but does not answer",
            cause=f"port {unit.port} is used by {who}" if who else "",
        )
    return _refuse(
        unit,
        f"{unit.name} cannot have port {unit.port}: it is taken",
        cause=f"by {who}" if who else "its process is not visible to this user",
        help="end that process, or give it another port: "
        + advise(unit, write_port(find_free(unit.port or 0))),
    )


def _refuse(unit: Unit, reason: str, *, cause: str = "", help: str = "") -> Refused:
    return Refused(Failure(service=unit.name, reason=reason, cause=cause, help=help))
