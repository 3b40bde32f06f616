"""What runs leave on the disk for each other: one file a service, one a run, and locks.

All of it is below ``.composegen/run``. A lock is held as long as its run owns the
service; the kernel gives it back when the run dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from composegen.digest import hash_text
from composegen.paths import exists, is_folder, list_matching
from composegen.patterns import make_pattern
from composegen.places.events import Failure
from composegen.places.processes.sockets import (
    is_same_path,
    is_socket_of,
    remove_socket,
)
from composegen.places.status import ExcludedNote, ServiceStatus, format_now
from composegen.records import as_dict, list_fields, record
from composegen.system.files import check_readable
from composegen.system.identity import Identity, is_still
from composegen.system.launch import is_container_of
from composegen.system.logfiles import find_log
from composegen.values import SERVICE_NAME
from composegen.workspace.state import (
    STATE_FOLDER,
    Lock,
    NotTrusted,
    is_trusted,
    make_state_folder,
)
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import expect, make_harmless, read_record

_RUN = "run"
_LAST = "last.json"
_MARK = make_pattern(r"[0-9a-f]{16}")
_BOOT = make_pattern(r"[0-9a-f-]{0,36}")
_HIGHEST_PID = 1 << 22

Value = TypeVar("Value")


@record
class ServiceRecord:
    """A service that a run owns: its process, and what it was started from.

    ``container`` names what a store in Docker leaves behind that is no process.
    """

    service: str
    run: str
    process: Identity
    supervisor: Identity
    config: str
    port: int | None
    log: str | None
    since: str
    container: str | None = None


@record
class RunRecord:
    """A run of this folder; ``socket`` is where it is asked. Empty names: all of it."""

    run: str
    supervisor: Identity
    socket: str
    names: tuple[str, ...]
    terminal: str
    since: str
    is_library: bool = False


@record
class LastRun:
    """How a run that has ended left its services, and when that was noted."""

    statuses: tuple[ServiceStatus, ...]
    is_up: bool
    needs: Mapping[str, tuple[str, ...]]
    left_out: tuple[ExcludedNote, ...]
    failures: Mapping[str, Failure]
    answers: Mapping[str, str]
    at: str = ""


class RunFolder:
    """The records of one stack's folder.

    A record that this user's composegen cannot have written is taken for none;
    ``list_distrusted`` says which, and why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = self.make()

    def make(self) -> Path:
        """Make the folder where it is missing. Raises FileRefused."""
        return make_state_folder(self.folder, _RUN)

    @staticmethod
    def find(folder: Path) -> RunFolder | None:
        """The records of a folder in which something has run, else None.

        Raises FileRefused where they are closed: what runs there is not known then.
        """
        check_readable(folder / STATE_FOLDER / _RUN)
        try:
            has_run = is_trusted(folder, _RUN)
        except NotTrusted:
            return None
        return RunFolder(folder) if has_run else None

    def make_lock(self, service: str) -> Lock:
        """The lock of a service."""
        return Lock(self.path / f"{service}.lock")

    def write_service(self, record: ServiceRecord) -> None:
        """Note a service that this run owns."""
        write_state(self.path / f"{record.service}.json", as_dict(record))

    def read_service(self, service: str) -> ServiceRecord | None:
        """What was noted of a service, None where that is nothing to trust."""
        return _get_trusted(self._load_service, service)

    def list_services(self) -> list[ServiceRecord]:
        """What was noted of all services."""
        found = [self.read_service(name) for name in self._list_names()]
        return [record for record in found if record is not None]

    def _list_names(self) -> list[str]:
        names = [path.stem for path in list_matching(self.path, "*.lock")]
        return [name for name in names if SERVICE_NAME.fullmatch(name)]

    def remove_service(self, service: str) -> None:
        """Forget a service that is extinct."""
        (self.path / f"{service}.json").unlink(missing_ok=True)

    def write_run(self, record: RunRecord) -> None:
        """Note this run."""
        write_state(self.path / f"run-{record.run}.json", as_dict(record))

    def has_run(self, run: str) -> bool:
        """Whether a run is noted."""
        return exists(self.path / f"run-{run}.json")

    def remove_run(self, run: str) -> None:
        """Forget a run that has ended."""
        (self.path / f"run-{run}.json").unlink(missing_ok=True)

    def list_runs(self) -> list[RunRecord]:
        """The runs of this folder that are alive; the remains of others go."""
        found = []
        for path in self._list_run_files():
            record = _get_trusted(self._load_run, path.name)
            if record is None:
                continue
            if is_still(record.supervisor):
                found.append(record)
            else:
                path.unlink(missing_ok=True)
                remove_socket(Path(record.socket))
        return sorted(found, key=lambda record: record.since)

    def _list_run_files(self) -> list[Path]:
        return list_matching(self.path, "run-*.json")

    # What a run that has ended leaves for `why`

    def write_last(self, data: Mapping[str, Any]) -> None:
        """Keep how this run ended, with the time of now."""
        write_state(self.path / _LAST, {**data, "at": format_now()})

    def read_last(self) -> dict[str, Any]:
        """How the last run ended; empty where none did, or what is there says nothing.

        It holds either ``ending``, a text, or the fields of ``LastRun``; in both
        cases ``at``, where the version that wrote it did so.
        """
        return _get_trusted(lambda _: self._load_last(), _LAST) or {}

    def forget_last(self) -> None:
        """Forget how the last run ended: something else has happened since.

        What is no file is not this program's, and stays: it is not used either.
        """
        path = self.path / _LAST
        if not is_folder(path):
            path.unlink(missing_ok=True)

    # What is there, and whether to trust it

    def list_distrusted(self) -> Iterator[NotTrusted]:
        """The files that are not used, and why."""
        loads: list[tuple[Callable[[str], object], str]] = [
            (lambda _: self._load_last(), _LAST),
            *((self._load_run, path.name) for path in self._list_run_files()),
            *((self._load_service, name) for name in self._list_names()),
        ]
        for load, name in loads:
            try:
                load(name)
            except NotTrusted as distrusted:
                yield distrusted

    def _load_service(self, service: str) -> ServiceRecord | None:
        def parse(data: dict[str, Any]) -> ServiceRecord:
            found = read_record(ServiceRecord, make_harmless(data))
            expect(found.service == service, "service", "that of the file's name")
            expect(bool(_MARK.fullmatch(found.run)), "run", "the mark of a run")
            _check_identity(found.process, "process", lowest=2)
            _check_identity(found.supervisor, "supervisor")
            if found.container is not None:
                is_own = is_container_of(found.container, service)
                expect(is_own, "container", f"a container of {service}")
            self._check_log(found.log, service)
            return found

        return self._load(f"{service}.json", parse)

    def _load_run(self, name: str) -> RunRecord | None:
        def parse(data: dict[str, Any]) -> RunRecord:
            found = read_record(RunRecord, make_harmless(data, keep={"socket"}))
            expect(bool(_MARK.fullmatch(found.run)), "run", "the mark of a run")
            expect(name == f"run-{found.run}.json", "run", "that of the file's name")
            _check_identity(found.supervisor, "supervisor")
            is_own = is_socket_of(found.run, found.socket, self.path)
            expect(is_own, "socket", "where composegen puts it")
            return found

        return self._load(name, parse)

    def _load_last(self) -> dict[str, Any] | None:
        def parse(data: dict[str, Any]) -> dict[str, Any]:
            data = make_harmless(data)
            if "ending" in data:
                for name in ("ending", "at"):
                    expect(isinstance(data.get(name, ""), str), name, "text")
                return {"ending": data["ending"], "at": data.get("at", "")}
            names = [name for name in list_fields(LastRun) if name in data]
            kept = {name: data[name] for name in names}
            for status in read_record(LastRun, kept).statuses:
                self._check_log(status.log, status.service)
            return kept

        return self._load(_LAST, parse)

    def _load(
        self, name: str, parse: Callable[[dict[str, Any]], Value]
    ) -> Value | None:
        """What a file holds, None where there is none. Raises NotTrusted."""
        return load_state(self.folder, _RUN, name, parse=parse)

    def _check_log(self, log: str | None, service: str) -> None:
        is_own = log is None or is_same_path(Path(log), find_log(self.folder, service))
        expect(is_own, "log", f"the log of {service}")


def _get_trusted(load: Callable[[str], Value | None], name: str) -> Value | None:
    try:
        return load(name)
    except NotTrusted:
        return None


def _check_identity(identity: Identity, name: str, *, lowest: int = 1) -> None:
    """Refuse what is no process: 0 and below would name groups, or everything."""
    is_pid = lowest <= identity.pid <= _HIGHEST_PID
    expect(is_pid, f"{name}.pid", "the number of a process")
    expect(identity.start >= 0, f"{name}.start", "a time")
    expect(bool(_BOOT.fullmatch(identity.boot)), f"{name}.boot", "the id of a boot")


def hash_config(*parts: object) -> str:
    """What a service was started from, as a short digest; it holds no value."""
    return hash_text(repr(parts))[:16]
