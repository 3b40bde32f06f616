"""Stacks of servers that boot for a given time and say when they listen."""

import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from composegen.places.events import Event
from composegen.places.processes.claims import Claims
from composegen.places.processes.environment import read_surroundings
from composegen.places.processes.exclusions import Exclusions
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.records import RunFolder
from composegen.places.processes.run import ThisMachine
from composegen.places.processes.supervisor import Supervisor
from composegen.places.processes.units import make_units
from composegen.places.processes.upkeep import Upkeep
from composegen.stackfile.load import load_stack
from composegen.system.identity import identify_self
from composegen.system.process import Processes
from composegen.workspace.workspace import Workspace

SERVER = """\
import os, socket, time
time.sleep(float(os.environ["BOOT"]))
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
with open(f"listening-{os.environ['PORT']}", "w") as file:
    file.write(repr(time.monotonic()))
while True:
    connection, _ = server.accept()
    if connection.recv(4096):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
"""


def find_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_server(folder: Path) -> Path:
    """The server's program."""
    path = folder / "server.py"
    path.write_text(SERVER)
    return path


def read_listening(folder: Path, port: int) -> float:
    """When the server on a port began to listen, on the monotonic clock."""
    path = folder / f"listening-{port}"
    while not path.exists() or not path.read_text():
        time.sleep(0.001)
    return float(path.read_text())


def write_chain(folder: Path, boots: list[float]) -> tuple[Path, list[int]]:
    """A stack in which each service needs the one before; its file and its ports."""
    write_server(folder)
    ports = [find_port() for _ in boots]
    text = "services:\n"
    for number, (boot, port) in enumerate(zip(boots, ports, strict=True)):
        needs = f"    needs: [s{number - 1}]\n" if number else ""
        text += (
            f"  s{number}:\n    image: python:3.12-slim\n    port: {port}\n"
            f"    health: {{http: /, boot: 60s}}\n{needs}"
            f"    local: {{command: ['{sys.executable}', -S, -I, server.py], "
            f"env: {{BOOT: '{boot}'}}}}\n"
        )
    path = folder / "stack.yaml"
    path.write_text(text)
    return path, ports


@asynccontextmanager
async def carry_out(
    path: Path, report: Callable[[Event], None]
) -> AsyncIterator[Supervisor]:
    """A supervisor for a stack, nothing started yet; in the end nothing is left."""
    around = read_surroundings(Workspace(path.parent / "stack.yaml", os.environ))
    local = settle_plan(
        load_stack(path, str(path)).stack, Asked(), around, ThisMachine()
    )
    async with Processes() as processes:
        runs = RunFolder(path.parent)
        upkeep = Upkeep(runs, processes.mark, lambda _: None)
        claims = Claims(runs, processes.mark, identify_self(), upkeep)
        units = make_units(local, around)
        exclusions = Exclusions(local, around)
        supervisor = Supervisor(units, processes, claims, report, exclusions=exclusions)
        try:
            yield supervisor
        finally:
            await supervisor.take_down()
