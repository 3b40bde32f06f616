"""Stacks of tiny Python services, and the runs that tests make of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from pathlib import Path

from composegen.errors import ProblemsFound
from composegen.places.events import Line
from composegen.places.processes.claims import Claims
from composegen.places.processes.environment import prepare_secrets, read_surroundings
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.records import RunFolder
from composegen.places.processes.supervisor import StartFailed, Supervisor
from composegen.places.processes.units import make_units
from composegen.places.processes.upkeep import Upkeep
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from composegen.system.identity import identify_self
from composegen.system.process import Processes
from composegen.workspace.workspace import Workspace
from tests.leaks import find_port, find_running_in, keep, wait_for

ROOT = Path(__file__).parents[1]
SECONDS = 60

SERVER = """
import os, socket, sys, time
time.sleep(float(os.environ.get("DELAY", "0")))
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
open("listening-" + os.environ["PORT"], "w").write(str(time.monotonic()))
print("listening", flush=True)
while True:
    connection, _ = server.accept()
    if b"\\n" in connection.recv(4096):
        body = "\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items())).encode()
        head = f"HTTP/1.1 200 OK\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
        connection.sendall(head.encode() + body)
    connection.close()
"""

WITH_FIRST_PAUSE = """
from composegen import __main__
from composegen.places.processes import tender as tending
tending.FIRST_PAUSE = {}
__main__.main()
"""


class FakeMachine:
    """A machine with or without an engine, on which nobody listens unless told."""

    def __init__(self, *, engine=False, listening=(), strangers=()):
        self.engine = engine
        self.listening = set(listening)
        self.strangers = dict(strangers)

    def has_engine(self):
        return self.engine

    def is_listening(self, port):
        return port in self.listening

    def find_stranger(self, service, around):
        return self.strangers.get(service.name, "")


class Ports:
    """Free ports by name: the same name is the same port."""

    def __init__(self):
        self._ports = {}

    def __getitem__(self, name):
        return self._ports.setdefault(name, find_port())


def write_stack(folder, text, **programs):
    """Write a stack file and its programs; ``server.py`` is always there."""
    (folder / "stack.yaml").write_text(textwrap.dedent(text))
    (folder / "server.py").write_text(SERVER)
    for name, program in programs.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(program))
    return folder / "stack.yaml"


def make_service(
    name, port, *, boot="60s", command="server.py", extra="", health=None, env=""
):
    """One service of a stack file that runs a Python program of the folder."""
    health = health or f"{{http: /, boot: {boot}}}"
    text = f"""\
  {name}:
    image: python:3.12-slim
    port: {port}
    health: {health}
    local: {{command: ['{sys.executable}', -S, {command}], env: {{{env}}}}}
"""
    return text + textwrap.indent(textwrap.dedent(extra).strip(), "    ") + "\n"


def load(path):
    try:
        return load_stack(path, str(path)).stack
    except ProblemsFound as found:
        raise AssertionError(
            [str(p.location) + p.message for p in found.problems]
        ) from None


@asynccontextmanager
async def carry_out(
    path, *, names=(), reuse=False, restart=True, machine=None, env=None
):
    """A supervisor for a stack, its events, and its end; nothing is started yet."""
    around = read_surroundings(
        Workspace(path.parent / "stack.yaml", {**os.environ, **(env or {})})
    )
    asked = Asked(names=names, reuse=reuse, selection=Selection())
    local = settle_plan(load(path), asked, around, machine or FakeMachine())
    around = prepare_secrets(local.plan, around)
    units = make_units(local, around)
    runs = RunFolder(path.parent)
    events = []
    async with Processes() as processes:
        upkeep = Upkeep(runs, processes.mark, lambda text: None)
        claims = Claims(runs, processes.mark, identify_self(), upkeep, reuse=reuse)
        exclusions = Exclusions(local, around)
        supervisor = Supervisor(
            units,
            processes,
            claims,
            events.append,
            exclusions=exclusions,
            restart=restart,
        )
        try:
            yield supervisor, events
        finally:
            await supervisor.take_down()


def bring_up(path, check=None, **options):
    """Bring a stack up, check what there is to check, take it down; its events."""

    async def go():
        async with carry_out(path, **options) as (supervisor, events):
            await supervisor.bring_up()
            if check is not None:
                await check(supervisor, events)
        return events

    return asyncio.run(go())


def fail(path, **options):
    """Bring a stack up that cannot come up; its failure, the seconds, its events."""

    async def bring_up():
        async with carry_out(path, **options) as (supervisor, events):
            begin = time.monotonic()
            try:
                await supervisor.bring_up()
            except StartFailed as error:
                return error.failure, time.monotonic() - begin, events
        raise AssertionError("it came up")

    return asyncio.run(bring_up())


def find_events(events, kind):
    return [event for event in events if isinstance(event, kind)]


def find_lines(events, service):
    return [
        event.text for event in find_events(events, Line) if event.service == service
    ]


def start_cli(folder, *arguments, first_pause=None, **options):
    """``composegen`` in a folder, as a process of its own.

    With ``first_pause``, it waits so long before it starts a service again.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    program = ["-m", "composegen"]
    if first_pause is not None:
        program = ["-c", WITH_FIRST_PAUSE.format(first_pause)]
    process = subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        text=True,
        start_new_session=True,
        **options,
    )
    return keep(process)


def run_cli(folder, *arguments, **options):
    """``composegen`` in a folder, to its end: exit code, stdout, stderr."""
    process = start_cli(folder, *arguments, **options)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def ask_status(folder):
    """What ``status`` answers: its exit code, and the services by name."""
    code, out, _ = run_cli(folder, "status", "--format", "json")
    return code, {each["service"]: each for each in json.loads(out)}


def start_up(folder, *arguments, **options):
    """A run in the background, its talk in a file; returns when all is ready."""
    log = folder / f"talk-{time.monotonic_ns()}"
    with log.open("w") as talk:
        process = start_cli(folder, "run", *arguments, stderr=talk, **options)

    def is_up():
        assert process.poll() is None, log.read_text()
        return "Ctrl-C ends it" in log.read_text()

    wait_for(is_up)
    return process, log


def end(process, number=signal.SIGINT):
    """Signal a run that goes on, and wait for its end; its exit code."""
    if process.poll() is None:
        process.send_signal(number)
    process.communicate(timeout=SECONDS)
    return process.returncode


__all__ = ["find_running_in", "wait_for"]
