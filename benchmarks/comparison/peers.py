"""The compared tools: how each is installed, started, asked and ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.comparison.stack import (
    Stack,
    write_compose,
    write_procfile,
    write_stack,
    write_supervisor,
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PINNED = ("honcho==2.0.0", "supervisor==4.3.0", "setuptools<81")
NAME = "comparison-of-tools"
PATIENCE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A tool: the file that it reads, and its commands.

    ``ask`` is what a user types to see the state. One that is ``contained`` starts
    containers; ``stays`` is whether its command goes on while the stack is up.
    """

    title: str
    file: str
    up: tuple[str, ...]
    ask: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    contained: bool = False
    stays: bool = True
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path, stack: Stack) -> str:
        """The text of its file."""
        match self.file:
            case "stack.yaml":
                return write_stack(stack, NAME, folder)
            case "compose.yaml":
                return write_compose(stack)
            case "Procfile":
                return write_procfile(stack)
        return write_supervisor(stack, folder)


def install(folder: Path) -> Path:
    """The tools that Python's registry has, in an environment of their own."""
    venv.create(folder / "tools", with_pip=True)
    python = folder / "tools" / "bin" / "python"
    words = ("-m", "pip", "install", "-q", "--disable-pip-version-check", *PINNED)
    subprocess.run([python, *words], check=True)
    return folder / "tools" / "bin"


def list_peers(tools: Path, compose5: str) -> list[Peer]:
    """Every tool that can be run here; ``compose5`` is its program, or empty."""
    ours = (sys.executable, "-m", "composegen")
    environment = {"PYTHONPATH": str(ROOT)}
    found = [
        Peer(
            title="composegen run",
            file="stack.yaml",
            up=(*ours, "run"),
            ask=(*ours, "why", "--on", "processes"),
            down=(*ours, "down", "--on", "processes"),
            environment=environment,
        ),
        Peer(title="honcho", file="Procfile", up=(str(tools / "honcho"), "start")),
        Peer(
            title="supervisor",
            file="supervisord.conf",
            up=(str(tools / "supervisord"), "-n", "-c", "supervisord.conf"),
            ask=(str(tools / "supervisorctl"), "-c", "supervisord.conf", "status"),
        ),
    ]
    if shutil.which("docker") is not None:
        found.append(
            Peer(
                title="composegen up",
                file="stack.yaml",
                up=(*ours, "up"),
                ask=(*ours, "why", "--on", "engine"),
                down=(*ours, "down", "--on", "engine"),
                contained=True,
                stays=False,
                environment=environment,
            )
        )
        found.append(_make_compose("docker compose 2", ("docker", "compose")))
        if compose5:
            found.append(_make_compose("docker compose 5", (compose5,)))
    return found


def _make_compose(title: str, program: tuple[str, ...]) -> Peer:
    whole = (*program, "-p", NAME)
    return Peer(
        title=title,
        file="compose.yaml",
        up=(*whole, "up", "--wait", "--wait-timeout", str(PATIENCE)),
        ask=(*whole, "ps", "--all"),
        down=(*whole, "down", "--timeout", "1", "--volumes"),
        contained=True,
        stays=False,
    )


def read_version(peer: Peer) -> str:
    """What a tool says of its version."""
    program = peer.up[0]
    if peer.title.startswith("composegen"):
        words: Sequence[str] = (*peer.up[:3], "--version")
    elif program == "docker":
        words = ("docker", "compose", "version", "--short")
    elif peer.contained:
        words = (program, "version", "--short")
    elif peer.title == "honcho":
        words = (program, "version")
    else:
        words = (program, "--version")
    said = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **peer.environment},
    )
    return (said.stdout or said.stderr).strip().splitlines()[-1].split()[-1]


class Running:
    """A tool that was started in a folder; what it printed is in a file."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self._peer = peer
        self._folder = folder
        self._out = folder / "printed.txt"
        self._environment = {
            **os.environ,
            "NO_COLOR": "1",
            "JOURNAL": str(folder / "journal"),
            **peer.environment,
        }
        self.began = time.time()
        with self._out.open("ab") as out:  # others may open it as well
            self.process = subprocess.Popen(
                peer.up,
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.ended_after: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the tool has ended; notes when that was seen."""
        if self.process.poll() is None:
            return False
        if self.ended_after is None:
            self.ended_after = time.time() - self.began
        return True

    @property
    def printed(self) -> str:
        """All that it has printed so far."""
        return self._out.read_text(errors="replace")

    def ask(self) -> str:
        """What the tool's own command for the state prints."""
        return self._call(self._peer.ask)

    def end(self) -> None:
        """Take everything down, whatever is left of it."""
        self._call(self._peer.down)
        if not self.is_over:
            self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, which: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, which)

    def _call(self, words: Sequence[str]) -> str:
        if not words:
            return ""
        try:
            done = subprocess.run(
                words,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout + done.stderr
