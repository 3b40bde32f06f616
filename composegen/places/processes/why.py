"""Why services that are processes are not up: follows the needs, concludes."""

from __future__ import annotations

from pathlib import Path

from composegen.places.processes.status import RunsSeen
from composegen.places.reasons import Reason
from composegen.places.status import FINE, State
from composegen.system.logfiles import find_log, read_last_lines

_LAST_LINES = 20


def find_reasons(folder: Path, seen: RunsSeen, service: str) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well.

    A service that takes no part in what runs needs no reason. When nothing runs any
    more, only what failed does.
    """
    names = [
        name
        for name in seen.names
        if name in seen.failures or (seen.is_running and seen.find(name).since)
    ]
    if service:
        names = [service]
    found: dict[str, Reason] = {}
    for name in names:
        status = seen.find(name)
        is_fine = status.state in FINE and status.health != "unhealthy"
        if is_fine or status.state is State.LEFT_OUT:
            continue
        chain = _follow_needs(seen, name)
        if chain[-1] not in found:
            found[chain[-1]] = _make_reason(folder, seen, chain)
    return list(found.values())


def _follow_needs(seen: RunsSeen, name: str) -> tuple[str, ...]:
    """From a service to the one that blocks it: the deepest that is not up."""
    chain = [name]
    while True:
        status = seen.find(chain[-1])
        is_there = status.state in {State.STARTING, State.READY}
        waits = not is_there and status.health != "unhealthy"
        blocked = [
            need
            for need in seen.needs.get(chain[-1], ())
            if need not in chain
            and waits
            and need in seen.names
            and seen.find(need).state not in {*FINE, State.LEFT_OUT}
        ]
        if not blocked or _failed_itself(seen, chain[-1]):
            return tuple(chain)
        chain.append(blocked[0])


def _failed_itself(seen: RunsSeen, name: str) -> bool:
    """Whether a service failed by itself, and not for what it needs."""
    failure = seen.failures.get(name)
    return failure is not None and (
        failure.exit_code is not None or bool(failure.lines or failure.cause)
    )


def _make_reason(folder: Path, seen: RunsSeen, chain: tuple[str, ...]) -> Reason:
    name = chain[-1]
    failure = seen.failures.get(name)
    lines = (
        failure.lines
        if failure is not None
        else tuple(read_last_lines(find_log(folder, name), _LAST_LINES))
    )
    return Reason(
        chain=chain,
        status=seen.find(name),
        failure=failure,
        answer=seen.answers.get(name, ""),
        lines=lines,
    )
