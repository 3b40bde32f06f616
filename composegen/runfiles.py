"""What runs leave on the disk for each other: one file a service, one a run, and locks.

All of it is below ``.composegen/run``. A lock is held as long as its run owns the
service; the kernel gives it back when the run dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from composegen.files import check_readable, read_small_text, write_atomically
from composegen.paths import is_folder, list_matching
from composegen.processes import Identity, identify, is_still
from composegen.records import as_dict, record
from composegen.statefolder import STATE_FOLDER, make_state_folder

_MODE = 0o600


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


class Lock:
    """A service's lock, held by the run that owns the service."""

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        self._path = path

    def take(self) -> bool:
        """Take it if nobody holds it."""
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def give_back(self) -> None:
        """Let others have it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class RunFolder:
    """The records of one stack's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = make_state_folder(folder, "run")

    @staticmethod
    def find(folder: Path) -> RunFolder | None:
        """The records of a folder in which something has run, else None.

        Raises FileRefused where they are closed: what runs there is not known then.
        """
        path = folder / STATE_FOLDER / "run"
        check_readable(path)
        return RunFolder(folder) if is_folder(path) else None

    def make_lock(self, service: str) -> Lock:
        """The lock of a service."""
        return Lock(self.path / f"{service}.lock")

    def write_service(self, record: ServiceRecord) -> None:
        """Note a service that this run owns."""
        self._write(self.path / f"{record.service}.json", as_dict(record))

    def read_service(self, service: str) -> ServiceRecord | None:
        """What was noted of a service, None where that is nothing or unreadable."""
        data = self._read(self.path / f"{service}.json")
        try:
            return ServiceRecord(**_read_identities(data)) if data else None
        except TypeError:
            return None

    def list_services(self) -> list[ServiceRecord]:
        """What was noted of all services."""
        names = [path.stem for path in list_matching(self.path, "*.lock")]
        found = [self.read_service(name) for name in names]
        return [record for record in found if record is not None]

    def remove_service(self, service: str) -> None:
        """Forget a service that is extinct."""
        (self.path / f"{service}.json").unlink(missing_ok=True)

    def write_run(self, record: RunRecord) -> None:
        """Note this run."""
        self._write(self.path / f"run-{record.run}.json", as_dict(record))

    def remove_run(self, run: str) -> None:
        """Forget a run that has ended."""
        (self.path / f"run-{run}.json").unlink(missing_ok=True)

    def list_runs(self) -> list[RunRecord]:
        """The runs of this folder that are alive; the remains of others go."""
        found = []
        for path in list_matching(self.path, "run-*.json"):
            data = self._read(path)
            try:
                record = RunRecord(
                    **{**_read_identities(data), "names": tuple(data.get("names", ()))}
                )
            except TypeError:
                continue
            if is_still(record.supervisor):
                found.append(record)
            else:
                path.unlink(missing_ok=True)
                Path(record.socket).unlink(missing_ok=True)
        return sorted(found, key=lambda record: record.since)

    # What a run that has ended leaves for `why`

    def write_last(self, data: Mapping[str, Any]) -> None:
        """Keep how this run ended."""
        self._write(self.path / "last.json", data)

    def read_last(self) -> dict[str, Any]:
        """How the last run ended; empty where none did."""
        return self._read(self.path / "last.json")

    def _write(self, path: Path, data: Mapping[str, Any]) -> None:
        write_atomically(path, json.dumps(data, indent=1) + "\n", mode=_MODE)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            data = json.loads(read_small_text(path) or "{}")
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}


def _read_identities(data: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(data)
    for name in ("process", "supervisor"):
        if isinstance(values.get(name), dict):
            values[name] = Identity(**values[name])
    return values


def identify_self() -> Identity:
    """The identity of this process."""
    return identify(os.getpid()) or Identity(pid=os.getpid(), start=0, boot="")


def format_now() -> str:
    """The time of day, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hash_config(*parts: object) -> str:
    """What a service was started from, as a short digest; it holds no value."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
