"""Services as children of this process: started, watched, and ended without remains.

Each service leads a session of its own. It is stopped when its whole group is extinct,
together with everything that carries its mark; the guardian does the same when this
process dies first.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from composegen.system import guardian
from composegen.system.arrivals import Arrivals
from composegen.system.children import watch_exit
from composegen.system.guard import Cleanup, Guard
from composegen.system.identity import Identity, identify
from composegen.system.launch import Launch
from composegen.system.logfiles import measure_log, open_log, rotate_log

_POLL = 0.01
_LONGEST_KILL = 5.0
_REAP_INTERVAL = 1.0
_GUARDIAN_END, _GUARDIAN_QUICK = 60.0, 5.0
_PR_SET_CHILD_SUBREAPER = 36


class Process:
    """One incarnation of a service; ``exited`` holds its code as soon as it ends."""

    def __init__(
        self,
        launch: Launch,
        child: subprocess.Popen[bytes],
        owner: Processes,
        *,
        log_start: int,
    ) -> None:
        self.launch = launch
        self.pid = child.pid
        self.child = child
        self.log_start = log_start
        self.identity: Identity | None = identify(child.pid)
        self.started_at = time.monotonic()
        self.exited = watch_exit(child)
        self.exited.add_done_callback(self._note_exit)
        self._exited_at: float | None = None
        self._owner = owner
        self._extinct = False
        self._lock = asyncio.Lock()

    def _note_exit(self, _: asyncio.Future[int]) -> None:
        self._exited_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether its leader runs."""
        return not self.exited.done()

    def find_all(self) -> list[int]:
        """Its running processes: group, session, and what carries its mark."""
        return self._find_all(self._owner.look(self.started_at))

    def _find_all(self, look: guardian.Look) -> list[int]:
        mark, service = self._owner.mark, self.launch.service
        return sorted({*look.find_members(self.pid), *look.find_marked(mark, service)})

    def signal_all(self, number: int, look: guardian.Look) -> None:
        """Signal its group and everything else of it, each process once."""
        mark, service = self._owner.mark, self.launch.service
        guardian.signal_members(self.pid, number, look)
        guardian.signal_marked(mark, number, look, service=service, but=self.pid)

    async def stop(self) -> list[int]:
        """End it: its stop signal, its grace, kill; returns when nothing is left of it.

        Answers with the processes that not even the kill has ended within five
        seconds.
        """
        async with self._lock:
            if self._extinct:
                return []
            left = await self._end()
            self._extinct = not left
            await self._owner.forget(self)
            return left

    async def _end(self) -> list[int]:
        begin = asked_at = time.monotonic()
        await asyncio.sleep(0)  # so that one look serves all that end with it
        asked: set[int] = set()
        while left := self._find_left():
            look = self._owner.look(asked_at)
            passed = time.monotonic() - begin
            if passed > self.launch.grace + _LONGEST_KILL:
                return left
            if self._owner.hurried or passed > self.launch.grace:
                self.signal_all(signal.SIGKILL, look)
                begin = min(begin, time.monotonic() - self.launch.grace)
            else:
                self._ask(look, asked)
            await asyncio.sleep(self._owner.pause)
        return []

    def _ask(self, look: guardian.Look, asked: set[int]) -> None:
        """Ask each of its processes once to stop.

        The group is asked as one. What left it in that moment is asked later by itself.
        """
        mark = self._owner.mark
        free = set(look.find_free(mark, self.launch.service, self.pid))
        if not asked:
            self.signal_all(self.launch.stop_signal, look)
            self.signal_all(signal.SIGCONT, look)
        else:
            for pid in free - asked:
                if not look.is_nested(pid, mark):
                    guardian.signal_same(
                        pid, self.launch.stop_signal, look.find_start(pid)
                    )
        asked |= free | {self.pid}

    def _find_left(self) -> list[int]:
        if not self.exited.done():
            return self.find_all() or [self.pid]
        self._owner.reap_group(self.pid)
        # A look from before its exit may have missed a child that it left.
        return self._find_all(self._owner.look(self._exited_at or time.monotonic()))


class Processes:
    """The services of one run; whatever is left is ended on the way out.

    With ``subreaper`` orphans of services become our children and are reaped here.
    ``tell`` is called with what people should know about the run itself.
    """

    def __init__(
        self, *, subreaper: bool = False, tell: Callable[[str], None] | None = None
    ) -> None:
        self.mark = secrets.token_hex(8)
        self.arrivals = Arrivals()
        self.hurried = False
        self._seen: guardian.Look | None = None
        self._born = (guardian.read_stat(os.getpid()) or (0,))[-1]
        self._subreaper = subreaper and sys.platform == "linux"
        self._guard = Guard(self.mark, tell or (lambda _: None))
        self._processes: list[Process] = []
        self._left_behind: list[Cleanup] = []
        self._tasks: list[asyncio.Task[None]] = []

    def make_marks(self, service: str) -> dict[str, str]:
        """What marks a process as one of this run, outer runs before it."""
        outer = os.environ.get(guardian.MARK, "")
        if not outer:
            return {guardian.MARK: self.mark, guardian.SERVICE_MARK: service}
        above = os.environ.get(guardian.SERVICE_MARK, "")
        return {
            guardian.MARK: f"{outer}:{self.mark}",
            guardian.SERVICE_MARK: f"{above}:{service}",
        }

    async def __aenter__(self) -> Self:
        self._guard.start()
        if self._subreaper:
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self._tasks.append(asyncio.create_task(self._reap_orphans()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _close(self) -> None:
        left = [await process.stop() for process in reversed(list(self._processes))]
        guardian.signal_marked(self.mark, signal.SIGKILL, guardian.Look())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for cleanup in self._left_behind:
            self._guard.forget_cleanup(cleanup)
        await self._guard.end(_GUARDIAN_END if any(left) else _GUARDIAN_QUICK)
        if self._subreaper:
            self._reap(_list_zombies())
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def start(self, launch: Launch) -> Process:
        """Start a service, its log rotated first. Raises OSError."""
        env = {**launch.env, **self.make_marks(launch.service)}
        if launch.log is None:
            child = self._spawn_in_foreground(launch, env)
            log_start = 0
        else:
            rotate_log(launch.log)
            log_start = measure_log(launch.log)
            child = self._spawn(launch, env, launch.log)
            self._guard.watch_log(str(launch.log))
        if launch.cleanup:
            self._guard.add_cleanup(launch.cleanup)
        self._guard.watch_group(child.pid, launch.grace, int(launch.stop_signal))
        try:
            process = Process(launch, child, self, log_start=log_start)
        except OSError:
            self._undo(child)
            raise
        self._processes.append(process)
        return process

    def _undo(self, child: subprocess.Popen[bytes]) -> None:
        """End what was started and cannot be tended."""
        guardian.signal_group(child.pid, signal.SIGKILL)
        child.wait()
        self._guard.forget_group(child.pid)

    def _spawn(
        self, launch: Launch, env: dict[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        with open_log(log) as output:
            return subprocess.Popen(
                launch.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=launch.folder,
                start_new_session=True,
            )

    def _spawn_in_foreground(
        self, launch: Launch, env: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            launch.command, env=env, cwd=launch.folder, process_group=0
        )

    def kill_all(self) -> None:
        """Kill every service at once; those that are being stopped end their wait."""
        self.hurried = True
        look = self.look(time.monotonic())
        for process in self._processes:
            process.signal_all(signal.SIGKILL, look)

    def look(self, since: float) -> guardian.Look:
        """The running processes, as seen not before a moment of the monotonic clock.

        One look serves all services that are being stopped at the same time.
        """
        now = time.monotonic()
        if self._seen is None or self._seen.begun < max(since, now - self.pause):
            self._seen = guardian.Look(since=self._born)
        return self._seen

    @property
    def pause(self) -> float:
        """Seconds between two looks; a machine with many processes is asked less."""
        return _POLL if self._seen is None else max(_POLL, 2 * self._seen.seconds)

    async def forget(self, process: Process) -> None:
        """A service is extinct: its group's number is never signalled again."""
        if process.launch.cleanup:
            command = list(process.launch.cleanup)
            await asyncio.to_thread(guardian.run_quietly, command)
            self._guard.forget_cleanup(process.launch.cleanup)
        self._guard.forget_group(process.pid)
        if process in self._processes:
            self._processes.remove(process)

    def leave_behind(self, cleanup: Cleanup) -> None:
        """A command that removes what this run leaves on the disk if it is killed."""
        self._left_behind.append(cleanup)
        self._guard.add_cleanup(cleanup)

    # Orphans

    def reap_group(self, group: int) -> None:
        """Reap those of a group that have become our children; its leader is done."""
        if not self._subreaper:
            return
        try:
            while os.waitpid(-group, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return

    async def _reap_orphans(self) -> None:
        """Reap children without a waiter; the others are reaped by the next look."""
        before: set[int] = set()
        while True:
            await asyncio.sleep(_REAP_INTERVAL)
            zombies = _list_zombies()
            self._reap(zombies & before)
            before = zombies - before

    def _reap(self, pids: set[int]) -> None:
        for pid in pids:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


def _list_zombies() -> set[int]:
    """Our children that have ended and are not reaped yet."""
    try:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_ALL, 0, options) is None:
            return set()  # the usual case, and cheap
    except ChildProcessError:
        return set()
    own = os.getpid()
    try:
        return {
            pid
            for pid in guardian.list_pids()
            if (stat := guardian.read_stat(pid)) is not None
            and stat[1] == own
            and stat[0] == "Z"
        }
    except OSError:
        return set()  # the next look may be better
