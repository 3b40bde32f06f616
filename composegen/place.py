"""What runs in this folder as processes, asked from another terminal.

``status``, ``why``, ``logs`` and ``down`` speak of the runs that are alive; when none
is, of how the last one ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from composegen.claims import kill_leftover
from composegen.control import ask_run
from composegen.errors import ComposegenError
from composegen.events import Failure
from composegen.logs import Tail, find_log, read_last_lines
from composegen.model import Stack
from composegen.processes import is_still
from composegen.reasons import Reason
from composegen.runfiles import RunFolder, RunRecord
from composegen.status import FINE, ServiceStatus, State

_DOWN_LIMIT = 120.0
_POLL = 0.02
_FOLLOW_INTERVAL = 0.1
_LAST_LINES = 20


class NothingRuns(ComposegenError):
    """There is nothing to speak of in this place."""

    name = "nothing-runs"


class StillRuns(ComposegenError):
    """What was asked to end has not."""

    name = "still-runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a folder's services.

    ``is_running`` tells whether any run is alive; ``answers`` hold what the last
    question to a service got.
    """

    statuses: tuple[ServiceStatus, ...]
    is_running: bool
    is_up: bool
    left_out: tuple[Mapping[str, Any], ...] = ()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)

    def find(self, service: str) -> ServiceStatus:
        """One service's status; it has one, whatever it does."""
        return next(s for s in self.statuses if s.service == service)


def look_at_runs(stack: Stack, folder: Path) -> Seen:
    """Ask every run of the folder; services of none are told as they ended."""
    runs = RunFolder.find(folder)
    told: dict[str, ServiceStatus] = {}
    failures: dict[str, Any] = {}
    answers: dict[str, str] = {}
    left_out: dict[str, Mapping[str, Any]] = {}
    alive = 0
    is_up = True
    for run in runs.list_runs() if runs is not None else ():
        said, why = ask_run(run.socket, "status"), ask_run(run.socket, "failures")
        if said is None or why is None:
            continue
        alive += 1
        is_up = is_up and bool(said["is_up"])
        for status in map(_read_status, said["statuses"]):
            if status.service not in told or not status.reused:
                told[status.service] = status
        left_out |= {each["service"]: each for each in said["left_out"]}
        failures |= why["failures"]
        answers |= why["answers"]
    if not alive and runs is not None:
        last = runs.read_last()
        told = {s["service"]: _read_status(s) for s in last.get("ended", ())}
        failures = last.get("failures", {})
        left_out = {each["service"]: each for each in last.get("left_out", ())}
    return Seen(
        statuses=tuple(_list_all(stack, told, left_out)),
        is_running=alive > 0,
        is_up=alive > 0 and is_up,
        left_out=tuple(left_out.values()),
        failures={name: _read_failure(data) for name, data in failures.items()},
        answers=answers,
    )


def _read_status(data: Mapping[str, Any]) -> ServiceStatus:
    return ServiceStatus(**{**data, "state": State(data["state"])})


def _read_failure(data: Mapping[str, Any]) -> Failure:
    return Failure(**{**data, "lines": tuple(data["lines"])})


def _list_all(
    stack: Stack,
    told: Mapping[str, ServiceStatus],
    left_out: Mapping[str, Mapping[str, Any]],
) -> Iterator[ServiceStatus]:
    """Every service of the stack, in its order, those that are out last."""
    for name in stack.services:
        if name not in left_out:
            yield told.get(name) or ServiceStatus(service=name, state=State.STOPPED)
    for name in left_out:
        yield ServiceStatus(service=name, state=State.LEFT_OUT)


def format_statuses(seen: Seen) -> str:
    """The statuses as a table, then what is left out and what stands in for it."""
    rows: list[tuple[str, ...]] = [
        ("service", "state", "health", "pid", "since", "restarts", "address")
    ]
    rows += [_make_row(s) for s in seen.statuses if s.state is not State.LEFT_OUT]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    for left_out in seen.left_out:
        lines.append(f"{left_out['service']}: left out: {left_out['reason']}")
        lines += [f"  {text}" for text in left_out["instead"]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _make_row(status: ServiceStatus) -> tuple[str, ...]:
    state = f"{status.state.value}, reused" if status.reused else status.state.value
    if status.exit_code is not None:
        state += f" ({status.exit_code})"
    since = (status.since or "-")[:19].replace("T", " ")
    return (
        status.service,
        state,
        status.health or "-",
        "-" if status.pid is None else str(status.pid),
        since,
        "-" if status.restarts is None else str(status.restarts),
        status.address or "-",
    )


# Why


def find_reasons(stack: Stack, folder: Path, seen: Seen, service: str) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well."""
    names = [service] if service else [s.service for s in seen.statuses]
    found: dict[str, Reason] = {}
    for name in names:
        status = seen.find(name)
        is_fine = status.state in FINE and status.health != "unhealthy"
        if is_fine or status.state is State.LEFT_OUT:
            continue
        chain = _follow_needs(stack, seen, name)
        if chain[-1] not in found:
            found[chain[-1]] = _make_reason(folder, seen, chain)
    return list(found.values())


def _follow_needs(stack: Stack, seen: Seen, name: str) -> tuple[str, ...]:
    """From a service to the one that blocks it: the deepest that is not up."""
    chain = [name]
    while True:
        waits = seen.find(chain[-1]).state not in {State.STARTING, State.READY}
        blocked = [
            need.service
            for need in stack.services[chain[-1]].needs
            if need.service not in chain
            and waits
            and seen.find(need.service).state not in {*FINE, State.LEFT_OUT}
        ]
        if not blocked or _failed_itself(seen, chain[-1]):
            return tuple(chain)
        chain.append(blocked[0])


def _failed_itself(seen: Seen, name: str) -> bool:
    """Whether a service failed by itself, and not for what it needs."""
    failure = seen.failures.get(name)
    return failure is not None and (
        failure.exit_code is not None or bool(failure.lines or failure.cause)
    )


def _make_reason(folder: Path, seen: Seen, chain: tuple[str, ...]) -> Reason:
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


# Logs


def read_logs(
    folder: Path, services: Iterable[str], count: int
) -> Iterator[tuple[str, str]]:
    """The last lines of each service's log, as pairs of service and line."""
    for service in services:
        for line in read_last_lines(find_log(folder, service), count):
            yield service, line


def follow_logs(folder: Path, services: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is appended to the logs from now on, for ever.

    A log that was rotated is followed in its new file.
    """
    tails = {name: _open_end(find_log(folder, name)) for name in services}
    while True:
        for service, tail in tails.items():
            for line in tail.read_lines():
                yield service, line
        time.sleep(_FOLLOW_INTERVAL)


def _open_end(path: Path) -> Tail:
    return Tail(path, path.stat().st_size if path.exists() else 0, follows_name=True)


# Down


def take_down(folder: Path) -> list[RunRecord]:
    """End every run of the folder and what dead ones left; the runs that were ended.

    Raises StillRuns where one does not end within two minutes.
    """
    runs = RunFolder.find(folder)
    if runs is None:
        return []
    alive = runs.list_runs()
    for run in alive:
        ask_run(run.socket, "down")
    end = time.monotonic() + _DOWN_LIMIT
    while any(_goes_on(runs, run) for run in alive):
        if time.monotonic() > end:
            raise StillRuns(
                "a run does not end", help="see what holds it: composegen why"
            )
        time.sleep(_POLL)
    for record in runs.list_services():
        while not is_still(record.supervisor) and kill_leftover(record):
            time.sleep(_POLL)
        if not is_still(record.supervisor):
            runs.remove_service(record.service)
    return alive


def _goes_on(runs: RunFolder, run: RunRecord) -> bool:
    """Whether a run is alive; one in a library ends before its process does."""
    return any(each.run == run.run for each in runs.list_runs())
