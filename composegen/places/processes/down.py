"""Ends the runs of a folder, and what dead ones left."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from composegen.errors import StillRuns
from composegen.places.processes.leftovers import kill_leftover
from composegen.places.processes.records import (
    RunFolder,
    RunRecord,
    ServiceRecord,
)
from composegen.places.processes.stores import remove_container
from composegen.places.processes.talking import ask_run
from composegen.system.identity import is_frozen, is_still
from composegen.text import list_some

_DOWN_LIMIT, _DOWN_PATIENCE = 120.0, 3.0
_POLL = 0.02


def take_down(
    folder: Path, tell: Callable[[str], None] = lambda _: None
) -> list[RunRecord]:
    """End every run of the folder and what dead ones left; the runs that were ended.

    How the last one ended is forgotten with it. ``tell`` gets a line for each run that
    has not ended after a few seconds. Raises StillRuns where one does not end within
    two minutes.
    """
    runs = RunFolder.find(folder)
    if runs is None:
        return []
    begin = time.monotonic()
    alive = runs.list_runs()
    heard = {run.run for run in alive if ask_run(run.socket, "down") is not None}
    has_told = False
    while slow := [run for run in alive if _goes_on(runs, run)]:
        passed = time.monotonic() - begin
        if passed > _DOWN_LIMIT:
            pids = ", ".join(str(run.supervisor.pid) for run in slow)
            raise StillRuns(
                f"the run of pid {pids} does not end",
                help="see why: composegen why; or end it: kill -9 " + pids,
            )
        if passed > _DOWN_PATIENCE and not has_told:
            has_told = True
            for run in slow:
                tell(_describe_slow(run, heard=run.run in heard))
        time.sleep(_POLL)
    for left in runs.list_services():
        _kill_leftover(left, tell)
        if not is_still(left.supervisor):
            if left.container:
                remove_container(left.container)
            runs.remove_service(left.service)
    runs.forget_last()
    return alive


def _kill_leftover(left: ServiceRecord, tell: Callable[[str], None]) -> None:
    """Kill what a dead run left of a service. Raises StillRuns where it stays."""
    begin = time.monotonic()
    has_told = False
    while not is_still(left.supervisor) and kill_leftover(left):
        passed = time.monotonic() - begin
        name = f"{left.service}, which a dead run left (pid {left.process.pid}),"
        if passed > _DOWN_LIMIT:
            raise StillRuns(f"{name} does not end", help="see ps -o pid,stat,wchan,cmd")
        if passed > _DOWN_PATIENCE and not has_told:
            has_told = True
            tell(f"{name} was killed and has not ended yet")
        time.sleep(_POLL)


def _describe_slow(run: RunRecord, *, heard: bool) -> str:
    """Why a run has not ended yet, and what to do."""
    pid = run.supervisor.pid
    if is_frozen(pid):
        return f"the run of pid {pid} is frozen; to continue it: kill -CONT {pid}"
    does = "does not answer"
    if heard:
        names = _list_running(run) or "its services"
        does = f"waits until {names} end, for up to their stop_grace_period"
    return (
        f"the run of pid {pid} {does}; to end it at once: kill -9 {pid} "
        "(its guardian then ends its services)"
    )


def _list_running(run: RunRecord) -> str:
    """The services of a run that it has not stopped yet, with their processes."""
    said = ask_run(run.socket, "status") or {}
    return list_some(
        f"{each['service']} (pid {each['pid']})"
        for each in said.get("statuses", ())
        if each["pid"] is not None and not each["reused"]
    )


def _goes_on(runs: RunFolder, run: RunRecord) -> bool:
    """Whether a run is alive; one in a library ends before its process does."""
    return any(each.run == run.run for each in runs.list_runs())
