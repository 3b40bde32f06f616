"""Stacks that the real `composegen` brings up, each a project of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import IO, Any

import yaml

from composegen.places.engine.notes import read_notes
from composegen.places.engine.place import EnginePlace
from composegen.workspace.workspace import Workspace
from tests.e2e.engine import ROOT, Project, run
from tests.pasting import merge, read_mend, read_page

PYTHON = "python:3.12-slim"
COMMAND = [sys.executable, "-m", "composegen"]

SERVE = """
import http.server, os, sys
port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
host = os.environ.get("LISTEN", "")
print("listening", flush=True)
http.server.ThreadingHTTPServer(
    (host, port), type("Fine", (http.server.BaseHTTPRequestHandler,), {
        "do_GET": lambda self: (self.send_response(200), self.end_headers())[0],
    })
).serve_forever()
"""
"""A service that answers on a port at once."""

SLEEP = ["sleep", "600"]


def make_service(program: str = SERVE, *words: str, **keys: Any) -> dict[str, Any]:
    """A service that runs a Python program; its check passes once it listens."""
    service = {
        "image": PYTHON,
        "command": ["python", "-u", "-c", dedent(program).strip(), *words],
        "port": 8000,
        "health": {"tcp": True, "boot": "20s", "interval": "1s"},
        **keys,
    }
    return {key: value for key, value in service.items() if value is not None}


def make_dependent(*needs: str, **keys: Any) -> dict[str, Any]:
    """A service that does nothing once what it needs is there."""
    waiting = {
        "image": PYTHON,
        "command": SLEEP,
        "health": {"none": "it only waits"},
        "needs": list(needs),
    }
    return {**waiting, **keys}


def serve_after(act: str) -> str:
    """A program that does something first; what goes wrong there ends it."""
    return f"{dedent(act).strip()}\n{SERVE}"


class Done:
    """How a command of ours ended, what it printed and how long it took."""

    def __init__(self, code: int, out: str, err: str, seconds: float) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.seconds = seconds

    @property
    def said(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    def __repr__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out}{self.err}"


class Running:
    """A command of ours that goes on; what it says is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._came = threading.Condition()
        self._began = time.monotonic()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._came:
                    self._lines.append(line)
                    self._came.notify_all()

    @property
    def said(self) -> str:
        """What it has said so far."""
        with self._came:
            return "".join(self._lines)

    def wait_for(self, pattern: str, *, deadline: float = 180) -> None:
        """Until it has said something; fails where it ends or takes too long."""
        end = time.monotonic() + deadline
        with self._came:
            while not re.search(pattern, "".join(self._lines)):
                left = end - time.monotonic()
                shown = "".join(self._lines)
                assert left > 0, f"`{pattern}` not within {deadline} s:\n{shown}"
                assert self.process.poll() is None, f"ended:\n{shown}"
                self._came.wait(min(left, 0.2))

    def join(self) -> None:
        """Until all that it said has been read; children of its may hold the pipes."""
        for reader in self._readers:
            reader.join(60)

    def wait(self, *, deadline: float = 180) -> Done:
        """Until it has ended."""
        code = self.process.wait(deadline)
        self.join()
        return Done(code, "", self.said, time.monotonic() - self._began)


class Stack(Project):
    """A stack file in a folder of its own, and the command that is run there.

    With a ``name`` it is the project of another stack.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        super().__init__(folder)
        self.name = name or self.name
        self.services: dict[str, Any] = {}
        self.top: dict[str, Any] = {}
        self.causes: set[str] = set()
        self.outside: list[str] = []
        self._env |= {"PYTHONPATH": str(ROOT), "COMPOSE_PROJECT_NAME": self.name}

    def write(self, services: dict[str, Any], **top: Any) -> None:
        """Write the stack file again."""
        self.services, self.top = services, top
        text = yaml.safe_dump({"services": services, **top}, sort_keys=False)
        (self.folder / "stack.yaml").write_text(text)

    def composegen(self, *words: str, deadline: float = 300, **variables: str) -> Done:
        """Run a command of ours in the folder, whatever its exit code."""
        env = {**self._env, **variables}
        began = time.monotonic()
        done = run(*COMMAND, *words, deadline=deadline, cwd=self.folder, env=env)
        took = time.monotonic() - began
        return Done(done.returncode, done.stdout, done.stderr, took)

    def up(self, *words: str, deadline: float = 300, **variables: str) -> Done:
        """Bring it up, whatever comes of it."""
        return self.composegen("up", *words, deadline=deadline, **variables)

    def up_well(self, *words: str, deadline: float = 300, **variables: str) -> Done:
        """Bring it up; it must come up."""
        done = self.up(*words, deadline=deadline, **variables)
        assert done.code == 0, done
        return done

    def up_in_vain(self, *words: str, deadline: float = 300, **variables: str) -> Done:
        """Bring it up; it must fail, and say so by its exit code."""
        done = self.up(*words, deadline=deadline, **variables)
        assert done.code == 1, done
        assert not re.search("^Traceback", done.err, re.MULTILINE), done
        self.note_causes()
        return done

    def why(self, service: str = "") -> Done:
        """Ask why; something must be the matter."""
        done = self.composegen("why", *([service] if service else []))
        assert done.code == 1, done
        self.note_causes(service)
        return done

    def note_causes(self, service: str = "") -> None:
        """Keep the names of the causes that are found now."""
        notes = read_notes(self.folder, self._env)
        if notes is not None:
            workspace = Workspace(self.folder / "stack.yaml", self._env)
            found = EnginePlace(workspace, notes).explain(service).reasons
            self.causes |= {each.failure.cause_name for each in found if each.failure}

    @contextmanager
    def start(self, *words: str, **variables: str) -> Iterator[Running]:
        """A command that goes on meanwhile; it is killed where it is not awaited."""
        process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.folder,
            env={**self._env, **variables},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            running.join()

    def help(self, said: str) -> None:
        """Add the lines that were printed to the stack file."""
        name, *lines = read_mend(said)
        service = self.services[name]
        for line in lines:
            merge(service, yaml.safe_load(line))
        self.write(self.services, **self.top)

    def assert_answers(self) -> None:
        """That all of it is up, and that each published address answers a request."""
        done = self.composegen("status")
        assert done.code == 0, done
        for service in self.services.values():
            if "publish" in service:
                published = str(service["publish"]).split(":")
                read_page(int(published[-2] if published[1:] else published[0]))

    def list_volumes(self) -> list[str]:
        """The names of its volumes."""
        return sorted(self._list("volume"))

    def is_clean(self) -> bool:
        """Whether the engine has nothing of it."""
        return not any(self._list(kind) for kind in ("container", "network"))

    def remove(self) -> None:
        """Remove everything that it left on the engine, with a file or without."""
        (self.folder / "compose.yaml").touch()
        super().remove()
        for name in self.outside:
            run("docker", "network", "rm", name)

    def _take_down(self) -> subprocess.CompletedProcess[str]:
        # By its name alone: tests break the file, and take it away.
        words = ("docker", "compose", "-p", self.name, "down", "-v", "--timeout", "1")
        env = {key: text for key, text in self._env.items() if key != "PYTHONPATH"}
        return run(*words, "--remove-orphans", cwd=Path("/"), env=env)
