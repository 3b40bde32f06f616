"""Projects on the Docker engine, every wait of which has a deadline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

ROOT = Path(__file__).parents[2]
NEVER = "0001-01-01T00:00:00Z"
"""When a container was started that never was."""

PROJECT = "label=com.docker.compose.project"
KINDS = {
    "container": ("docker", "container", "ls", "-aq", "--no-trunc"),
    "network": ("docker", "network", "ls", "-q"),
    "volume": ("docker", "volume", "ls", "-q"),
    "image": ("docker", "image", "ls", "-q"),
}
"""What a project leaves on the engine, in the order in which it can be removed."""

Seen = TypeVar("Seen")

Container = dict[str, Any]
"""What ``docker inspect`` says of one container."""


def run(
    *words: str,
    deadline: float = 180,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code; ends it at the deadline."""
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=deadline)
        except BaseException as stopped:
            # The whole group: docker runs Compose as a child that holds the pipes.
            # It may have ended by itself, where what it printed cannot be read.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            if not isinstance(stopped, subprocess.TimeoutExpired):
                raise
            shown = " ".join(words)
            raise AssertionError(
                f"not done within {deadline} s: {shown}\n{out}{err}"
            ) from None
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def run_well(
    *words: str,
    deadline: float = 180,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> str:
    """What a program prints; anything but exit code 0 fails the test."""
    done = run(*words, deadline=deadline, cwd=cwd, env=env)
    shown = " ".join(words)
    assert done.returncode == 0, f"exit {done.returncode}: {shown}\n{done.stderr}"
    return done.stdout


def run_composegen(folder: Path, *words: str, **variables: str) -> str:
    """What the command prints in a folder; it must succeed."""
    return run_well(
        *(sys.executable, "-m", "composegen", *words),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )


def wait_until(look: Callable[[], Seen], what: str, *, deadline: float = 240) -> Seen:
    """The first thing seen that is true; fails the test at the deadline."""
    end = time.monotonic() + deadline
    while not (seen := look()):
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(0.1)
    return seen


class Project:
    """A Compose project of one test, in a folder of its own.

    Its name is its own too, whatever name the file has. Leaving the block removes it.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"e2e-{uuid4().hex[:12]}"
        self.folder = folder
        self._files = ["compose.yaml"]
        self._volumes: set[str] = set()
        # Settings of the user who runs the tests must not reach this project.
        self._env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("COMPOSE_")
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def add_file(self, name: str) -> None:
        """Merge one more file over ``compose.yaml``."""
        self._files.append(name)

    def make_command(self, *words: str) -> list[str]:
        files = [word for file in self._files for word in ("-f", file)]
        return ["docker", "compose", "-p", self.name, *files, *words]

    def compose(
        self, *words: str, deadline: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run ``docker compose``, whatever its exit code."""
        command = self.make_command(*words)
        return run(*command, deadline=deadline, cwd=self.folder, env=self._env)

    def up(self, *words: str, deadline: float = 300) -> None:
        """Bring everything up; fails with the logs where that does not succeed."""
        done = self.compose("up", "-d", "--wait", *words, deadline=deadline)
        assert done.returncode == 0, f"{done.stderr}\n{self.read_logs()}"

    def start_up(self) -> subprocess.Popen[bytes]:
        """Begin to bring everything up, and do not wait for it."""
        with (self.folder / "up.log").open("wb") as log:
            return subprocess.Popen(
                self.make_command("up", "-d"),
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def down(self) -> None:
        """Remove the containers as a user would; named volumes stay."""
        self._note_volumes()
        done = self.compose("down")
        assert done.returncode == 0, done.stderr

    def remove(self) -> None:
        """Remove everything that the project left on the engine."""
        if not (self.folder / "compose.yaml").exists():
            return
        self._note_volumes()
        done = self._take_down()
        # What `down` does not know: that of an earlier file, volumes without a name
        # that only an image asked for, images that were built.
        for kind, listing in KINDS.items():
            found = {*self._list(kind)}
            if kind == "volume":
                found |= self._volumes & {*run_well(*listing).split()}
            if found:
                run("docker", kind, "rm", "-f", *sorted(found))
        left = {kind: ids for kind in KINDS if (ids := self._list(kind))}
        assert done.returncode == 0, done.stderr
        assert left == {}, f"{self.name} is not gone"

    def _take_down(self) -> subprocess.CompletedProcess[str]:
        return self.compose("down", "-v", "--remove-orphans", "--timeout", "2")

    def inspect(self, service: str) -> Container:
        """The one container of a service."""
        container = self.find(service)
        assert container, f"no container of {service}"
        return container

    def find(self, service: str) -> Container | None:
        """The container of a service, if it has been created."""
        ids = self.list_containers(service)
        if not ids:
            return None
        [container] = inspect(*ids)
        return container

    def list_containers(self, service: str) -> list[str]:
        """The ids of the containers of a service."""
        return self._list("container", f"label=com.docker.compose.service={service}")

    def inspect_all(self) -> dict[str, Container]:
        """Every container by its service."""
        ids = self._list("container")
        return {
            container["Config"]["Labels"]["com.docker.compose.service"]: container
            for container in (inspect(*ids) if ids else [])
        }

    def exec(
        self, service: str, *words: str, user: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a service's container, whatever its exit code."""
        options = ["--user", user] if user else []
        name = self.inspect(service)["Id"]
        return run("docker", "exec", *options, name, *words)

    def read_logs(self, service: str = "") -> str:
        """What the services wrote, without their names."""
        words = ["logs", "--no-log-prefix", "--no-color", *([service] * bool(service))]
        return self.compose(*words).stdout

    def read_output(self, service: str) -> str:
        """What a service wrote to its standard output alone."""
        return run_well("docker", "logs", self.inspect(service)["Id"])

    def _list(self, kind: str, *filters: str) -> list[str]:
        wanted = [f"{PROJECT}={self.name}", *filters]
        options = [word for text in wanted for word in ("--filter", text)]
        return run_well(*KINDS[kind], *options).split()

    def _note_volumes(self) -> None:
        for container in self.inspect_all().values():
            self._volumes |= {
                mount["Name"]
                for mount in container["Mounts"]
                if mount["Type"] == "volume" and is_anonymous(mount["Name"])
            }


def inspect(*ids: str) -> list[Container]:
    """What the engine knows of containers or images; none is missing."""
    found: list[Container] = json.loads(run_well("docker", "inspect", *ids))
    return found


def is_anonymous(volume: str) -> bool:
    """Whether the engine made up a volume's name."""
    return len(volume) == 64 and set(volume) <= set("0123456789abcdef")


def has_started(container: Container | None) -> bool:
    """Whether a container has ever run."""
    return bool(container) and container["State"]["StartedAt"] != NEVER


def is_healthy(container: Container) -> bool:
    """Whether a container has a health check, and passes it."""
    status: str = container["State"].get("Health", {}).get("Status", "none")
    return status == "healthy"


def list_probes(container: Container | None, *, exit_zero: bool) -> list[datetime]:
    """When the last checks ended that passed, or those that did not."""
    health = container["State"].get("Health", {}) if container else {}
    return [
        read_time(probe["End"])
        for probe in health.get("Log") or []
        if (probe["ExitCode"] == 0) is exit_zero
    ]


def read_time(text: str) -> datetime:
    """A time as the engine writes it, in whatever zone."""
    return datetime.fromisoformat(text)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command that was not waited for."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
