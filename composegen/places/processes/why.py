"""Why services that are processes are not up: follows the needs, concludes."""

from __future__ import annotations

from pathlib import Path

from composegen.places.processes.asking import write_include
from composegen.places.processes.status import RunsSeen
from composegen.places.reasons import (
    LAST_LINES,
    Reason,
    explain_stop,
    explain_unselected,
    follow_needs,
    shorten_lines,
)
from composegen.places.status import FINE, State
from composegen.system.logfiles import find_log, read_last_lines


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
        if is_fine:
            continue
        if status.state is State.EXCLUDED and not status.fallback:
            if service:
                found[name] = _explain_unselected(seen, name)
            continue
        chain = follow_needs(name, lambda each: _find_blocking(seen, each))
        if chain[-1] not in found:
            found[chain[-1]] = _make_reason(folder, seen, chain)
    return list(found.values())


def _explain_unselected(seen: RunsSeen, name: str) -> Reason:
    notes = (each for each in seen.excluded if each["service"] == name)
    instead = next((each["instead"] for each in notes), ())
    return explain_unselected(seen.find(name), instead, write_include(name))


def _find_blocking(seen: RunsSeen, name: str) -> list[str]:
    """What keeps a service from starting: what it needs and is not up."""
    status = seen.find(name)
    is_there = status.state in {State.STARTING, State.READY}
    if is_there or status.health == "unhealthy" or _failed_itself(seen, name):
        return []
    return [
        need
        for need in seen.needs.get(name, ())
        if need in seen.names and seen.find(need).state not in {*FINE, State.EXCLUDED}
    ]


def _failed_itself(seen: RunsSeen, name: str) -> bool:
    """Whether a service failed by itself, and not for what it needs."""
    failure = seen.failures.get(name)
    return failure is not None and (
        failure.exit_code is not None or bool(failure.lines or failure.cause)
    )


def _make_reason(folder: Path, seen: RunsSeen, chain: tuple[str, ...]) -> Reason:
    name = chain[-1]
    if seen.find(name).by is not None:
        return explain_stop(chain, seen.find(name))
    failure = seen.failures.get(name)
    lines = failure.lines if failure is not None else _read_lines(folder, seen, name)
    return Reason(
        chain=chain,
        status=seen.find(name),
        failure=failure,
        answer=seen.answers.get(name, ""),
        lines=lines,
    )


def _read_lines(folder: Path, seen: RunsSeen, name: str) -> tuple[str, ...]:
    """The last lines of its present start; those of an earlier one say nothing."""
    since = seen.log_starts.get(name)
    if since is None:
        return ()
    lines = read_last_lines(find_log(folder, name), LAST_LINES, since=since)
    return shorten_lines(lines)
