"""Who may run a service in this folder: used as it is, waited for, ended, or started.

Asked before every start: a healthy service of ours or of this folder is used and never
stopped; a stranger's is refused by name; what a dead run left is ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from composegen.errors import FileRefused
from composegen.health import HealthKind
from composegen.model import Service
from composegen.oserrors import describe_os_error
from composegen.paths import is_folder
from composegen.places.processes.environment import Surroundings, find_folder
from composegen.places.processes.leftovers import has_left, kill_leftover
from composegen.places.processes.plan import Way
from composegen.places.processes.readiness import NotReady, Probe, ask, choose_pause
from composegen.places.processes.records import (
    RunFolder,
    ServiceRecord,
    hash_config,
)
from composegen.places.processes.refusals import (
    refuse_lock,
    refuse_named,
    refuse_stranger,
    refuse_unhealthy,
    refuse_unready,
)
from composegen.places.processes.stores import remove_container
from composegen.places.processes.units import Unit
from composegen.places.processes.upkeep import Upkeep
from composegen.places.status import format_now
from composegen.records import record, replace
from composegen.system.holders import describe_process
from composegen.system.identity import (
    Identity,
    identify,
    is_still,
    read_command,
    read_folder,
)
from composegen.system.listeners import find_listeners, is_free, is_held_by
from composegen.workspace.state import Lock

_FIRST_LOOK = 1.0
_END_OF_LEFTOVER = 5.0
_POLL = 0.01
Waiting: TypeAlias = Callable[[str, str], None]
"""Gets who has a service's port and what its check got, while a run waits for it."""

_ENGINE = ("docker-proxy", "rootlessport", "com.docker", "vpnkit")


@record
class Found:
    """A process that serves already; ``process`` is None where it is not seen.

    ``container`` is the name of the one that it serves from, where there is one.
    """

    process: Identity | None
    note: str = ""
    container: str = ""

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self.process.pid if self.process is not None else None


class Claims:
    """The services that one run claims in a stack's folder."""

    def __init__(
        self,
        folder: RunFolder,
        run: str,
        supervisor: Identity,
        upkeep: Upkeep,
        *,
        reuse: bool = False,
    ) -> None:
        self._folder = folder
        self._run = run
        self._supervisor = supervisor
        self._upkeep = upkeep
        self._reuse = reuse
        self._locks: dict[str, Lock] = {}
        self._owned: dict[str, ServiceRecord] = {}
        upkeep.keep(self._note_again)

    async def claim(self, unit: Unit, waiting: Waiting) -> Found | None:
        """A process to use, or None: it is ours to start. Raises Refused."""
        lock = self._locks.setdefault(unit.name, self._folder.make_lock(unit.name))
        begin = time.monotonic()
        patience = max(unit.probe.boot, _FIRST_LOOK)
        while not self._take(unit, lock):
            found, answer = await self._find_owned(unit)
            if found is not None:
                return found
            if time.monotonic() - begin > patience:
                raise refuse_unready(unit, answer, patience)
            if answer:
                waiting("another run of this folder owns it", answer)
            await asyncio.sleep(choose_pause(time.monotonic() - begin))
        try:
            found = await self._look(unit, begin, waiting)
        except BaseException:
            lock.give_back()
            raise
        if found is not None:
            lock.give_back()
        return found

    def _take(self, unit: Unit, lock: Lock) -> bool:
        try:
            return lock.take()
        except FileRefused as refused:
            if not is_folder(self._folder.path) and self._upkeep.restore():
                return self._take(unit, lock)
            raise refuse_lock(unit, refused) from None

    async def _find_owned(self, unit: Unit) -> tuple[Found | None, str]:
        """A service of another run of this folder, once it is healthy.

        Else what its check got; empty where there was no process to ask.
        """
        record = self._folder.read_service(unit.name)
        if record is None or not is_still(record.process):
            return None, ""
        if unit.is_named:
            raise refuse_named(unit, record.process.pid)
        container = record.container or ""
        probe = enter_container(unit.probe, container)
        answer = await _ask_quietly(probe) if probe.can_ask else ""
        if answer:
            return None, answer
        differs = record.config != digest(unit)
        note = "started from another version of the stack file" if differs else ""
        return Found(process=record.process, note=note, container=container), ""

    async def _look(self, unit: Unit, begin: float, waiting: Waiting) -> Found | None:
        """No run of this folder owns it: end what is left over, look at the port."""
        await self._end_leftover(unit)
        port = unit.port
        if port is None or unit.step.service.job:
            return None
        while True:
            holders = _find_holders(port)
            if unit.way is not Way.FOUND and not holders and is_free(port):
                return None
            probe = _without_command(unit.probe, unit)
            answer = await _ask_quietly(probe)
            if not answer:
                return self._judge(unit, holders)
            near = self._find_near(unit, holders)
            is_waited_for = near is not None and not unit.is_named
            patience = unit.probe.boot if is_waited_for else _FIRST_LOOK
            if time.monotonic() - begin > patience:
                raise refuse_unhealthy(unit, probe, holders, near, answer)
            if near is not None and is_waited_for:
                waiting(describe_process(near), answer)
            await asyncio.sleep(choose_pause(time.monotonic() - begin))

    def _judge(self, unit: Unit, holders: tuple[int, ...]) -> Found:
        """A healthy holder of the port, where it may be used. Raises Refused."""
        process = identify(holders[0]) if holders else None
        if self._reuse:
            return Found(process=process, note="used because of --reuse")
        near = self._find_near(unit, holders)
        if unit.step.service.is_store or near is None:
            raise refuse_stranger(unit, holders)
        if unit.is_named:
            raise refuse_named(unit, near)
        return Found(process=process, note="started by hand")

    def _find_near(self, unit: Unit, holders: tuple[int, ...]) -> int | None:
        """The first that runs at or below the stack's folder, or in the service's."""
        home = self._folder.folder
        folder = unit.launch.folder if unit.launch is not None else home
        return next((pid for pid in holders if runs_here(pid, home, folder)), None)

    async def _end_leftover(self, unit: Unit) -> None:
        """End what a run that is gone has left of a service."""
        record = self._folder.read_service(unit.name)
        if record is None or is_still(record.supervisor):
            return
        end = time.monotonic() + _END_OF_LEFTOVER
        while kill_leftover(record) and time.monotonic() < end:
            await asyncio.sleep(_POLL)
        if record.container:
            await asyncio.to_thread(remove_container, record.container)
        self._folder.remove_service(unit.name)

    def is_shared(self, unit: Unit, found: Found) -> bool:
        """Whether what is used is a service of another run of this folder."""
        record = self._folder.read_service(unit.name)
        return (
            record is not None
            and record.process == found.process
            and is_still(record.supervisor)
        )

    # What this run owns

    def note_started(self, unit: Unit, process: Identity) -> None:
        """Tell others that this run owns the service."""
        launch = unit.launch
        log = launch.log if launch is not None else None
        cleanup = launch.cleanup if launch is not None else ()
        record = ServiceRecord(
            service=unit.name,
            run=self._run,
            process=process,
            supervisor=self._supervisor,
            config=digest(unit),
            port=unit.port,
            log=str(log) if log is not None else None,
            since=format_now(),
            container=cleanup[-1] if cleanup else None,
        )
        self._owned[unit.name] = record
        self._upkeep.attempt(lambda: self._folder.write_service(record))

    def note_ended(self, unit: Unit) -> None:
        """It is extinct, or was never started: others may have it."""
        self._owned.pop(unit.name, None)
        lock = self._locks.pop(unit.name, None)
        record = self._folder.read_service(unit.name)
        if record is not None and record.run == self._run:
            self._upkeep.attempt(lambda: self._folder.remove_service(unit.name))
        if lock is not None:
            lock.give_back()

    def _note_again(self) -> None:
        """In a folder that was made again. Raises FileRefused and OSError."""
        for lock in self._locks.values():
            lock.take_again()
        for owned in self._owned.values():
            self._folder.write_service(owned)


def digest(unit: Unit) -> str:
    """What a service is started from: command, folder, own variables, port."""
    launch = unit.launch
    own = unit.step.environment
    command = () if launch is None else launch.command
    if unit.way is Way.DOCKER:
        command = (unit.step.service.image,)
    return hash_config(
        command, str(launch.folder) if launch else "", sorted(own.items())
    )


def enter_container(probe: Probe, container: str) -> Probe:
    """A probe that asks within a container, where it would ask within another one."""
    if not container or probe.command[:2] != ("docker", "exec"):
        return probe
    return replace(probe, command=("docker", "exec", container, *probe.command[3:]))


def runs_here(pid: int, home: Path, folder: Path) -> bool:
    """Whether a process runs at or below the stack's home, or in a service's folder."""
    own = read_folder(pid)
    if own is None:
        return False
    return own.is_relative_to(home.resolve()) or own == folder.resolve()


def find_stranger(service: Service, around: Surroundings) -> str:
    """Who has a service's port and must not be taken for it; empty: no process.

    For a data store that is any process, for the rest one that runs elsewhere.
    """
    port = service.port
    if port is None or service.job:
        return ""
    holders = _find_holders(port)
    if not holders and is_free(port):
        return ""
    runs = RunFolder.find(around.folder)
    record = runs.read_service(service.name) if runs is not None else None
    if record is not None and has_left(record):
        return ""  # another run's of this folder, or what a dead one left
    folder = find_folder(service, around)
    if not service.is_store and any(
        runs_here(pid, around.folder, folder) for pid in holders
    ):
        return ""
    return (
        describe_process(holders[0])
        if holders
        else "its process is not visible to this user"
    )


def check_answerer(unit: Unit, pids: tuple[int, ...]) -> None:
    """Raises NotReady where another program visibly answers on the service's port."""
    try:
        _check_answerer(unit, pids)
    except OSError as error:
        words, help = describe_os_error(error)
        raise NotReady(f"{words}; {help}") from None


def holds_port(unit: Unit, pid: int) -> bool:
    """Whether this process itself listens on the port that is asked; no if unknown."""
    port = _find_own_port(unit)
    return port is not None and is_held_by(port, pid)


def _find_own_port(unit: Unit) -> int | None:
    """The port that is asked; None where no process of the unit itself holds it."""
    if unit.port is None or unit.way is Way.DOCKER:
        return None
    return unit.probe.port or unit.port


def _check_answerer(unit: Unit, pids: tuple[int, ...]) -> None:
    port = _find_own_port(unit)
    if port is None:
        return
    if any(listener.pids for listener in find_listeners(port, among=pids)):
        return
    holders = _find_holders(port)
    engine = any(word in read_command(pid) for pid in holders for word in _ENGINE)
    if holders and not engine:
        raise NotReady(f"port {port} is answered by {describe_process(holders[0])}")


def _find_holders(port: int) -> tuple[int, ...]:
    return tuple(
        dict.fromkeys(pid for each in find_listeners(port) for pid in each.pids)
    )


async def _ask_quietly(probe: Probe) -> str:
    """What came instead of a good answer; empty for a good one."""
    try:
        await ask(probe)
    except NotReady as error:
        return str(error)
    return ""


def _without_command(probe: Probe, unit: Unit) -> Probe:
    """A probe that works on what another run started: a port, where need be."""
    if probe.kind in {HealthKind.HTTP, HealthKind.TCP}:
        return probe
    if probe.kind is HealthKind.COMMAND and unit.way is Way.PROCESS:
        return probe
    return Probe(kind=HealthKind.TCP, port=unit.port, timeout=probe.timeout)
