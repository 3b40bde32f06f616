"""The chat stack as processes on private ports, each of which can be lost."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

CHAT = Path(__file__).parents[1]
SERVICES = ("router", "backend", "frontend")
PATIENCE = 180.0


class Stack:
    """Provider, router, backend, frontend, and Redis if wanted; ended with the block.

    Everything logs into `folder`; names are those of the services.
    """

    def __init__(self, folder: Path, *, with_redis: bool) -> None:
        names = ["provider", *SERVICES]
        self._names = ["redis", *names] if with_redis else names
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port() for name in self._names}

    def __enter__(self) -> Self:
        self.complete()
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._names):
            self.kill(name)

    def url(self, name: str) -> str:
        """The address of a service."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def complete(self) -> None:
        """Start what does not run, in order."""
        for name in self._names:
            if name not in self._running:
                self.start(name)

    def start(self, name: str) -> None:
        """Start a service and wait until it answers; raises TimeoutError."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._command(name),
                cwd=CHAT / (name if name in SERVICES else "e2e"),
                env=self._environment(name),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers(name):
            if time.monotonic() > deadline or self._running[name].poll() is not None:
                log_text = (self._folder / f"{name}.log").read_text()
                raise TimeoutError(f"{name} does not answer: {log_text}")
            time.sleep(0.02)

    def kill(self, name: str) -> None:
        """Take a service away with SIGKILL, without a chance to say goodbye."""
        if process := self._running.pop(name, None):
            process.kill()
            process.wait()

    def freeze(self, name: str) -> None:
        """Let a service listen and not answer, until it is thawed or killed."""
        self._running[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def _command(self, name: str) -> list[str]:
        port = str(self._ports[name])
        if name == "redis":
            redis = shutil.which("redis-server") or "redis-server"
            return [redis, "--port", port, "--bind", "127.0.0.1", "--save", ""]
        if name == "provider":
            return [sys.executable, "provider.py", port]
        return [sys.executable, "-m", name]

    def _environment(self, name: str) -> dict[str, str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PORT": str(self._ports[name]),
            "LLM_BASE_URL": f"{self.url('provider')}/v1",
            "ROUTER_URL": self.url("router"),
            "BACKEND_URL": self.url("backend"),
        }
        if "redis" in self._names:
            environment["REDIS_URL"] = f"redis://127.0.0.1:{self._ports['redis']}/0"
        return environment

    def _answers(self, name: str) -> bool:
        try:
            if name not in SERVICES:
                address = ("127.0.0.1", self._ports[name])
                socket.create_connection(address, timeout=10).close()
                return True
            with urllib.request.urlopen(
                f"{self.url(name)}/health", timeout=10
            ) as answer:
                return int(answer.status) == 200
        except OSError:
            return False


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
