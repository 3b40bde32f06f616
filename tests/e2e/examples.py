"""The examples as projects, and HTTP to what they publish."""

from __future__ import annotations

import fcntl
import http.client
import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from composegen.stackfile.load import load_stack
from composegen.system.holders import describe_holder
from tests.e2e.engine import ROOT, wait_until

EXAMPLES = ROOT / "examples"
LESSONS = sorted(path.parent.name for path in EXAMPLES.glob("0*/stack.yaml"))

# What may lie in an example after a user has tried it.
LEFTOVERS = (
    *("compose.yaml", ".env", ".secrets", ".composegen", ".venv", "logs"),
    *("__pycache__", ".*_cache", "*.egg-info", "expected", "node_modules"),
)


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    text: str
    cookie: str
    retry_after: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def copy_example(name: str, folder: Path) -> None:
    """Copy an example as it is in the repository."""
    ignored = shutil.ignore_patterns(*LEFTOVERS)
    shutil.copytree(EXAMPLES / name, folder, ignore=ignored, dirs_exist_ok=True)


def list_images(name: str) -> list[str]:
    """What an example is pulled from and built on."""
    services = load_stack(EXAMPLES / name / "stack.yaml").stack.services
    pulled = {service.image for service in services.values() if not service.build}
    bases = {
        line.removeprefix("ARG BASE=")
        for path in (EXAMPLES / name).rglob("Dockerfile")
        for line in path.read_text().splitlines()
        if line.startswith("ARG BASE=")
    }
    return sorted(pulled | bases)


def ask(
    port: int, path: str, body: Any = None, *, cookie: str = "", accept: str = "*/*"
) -> Reply:
    """Ask this machine's own address; with a body that is a POST of JSON."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if cookie:
            headers["Cookie"] = cookie
        sent = None if body is None else json.dumps(body)
        link.request("POST" if sent else "GET", path, sent, headers)
        answer = link.getresponse()
        text = answer.read().decode()
        given = answer.getheader("Set-Cookie", "").partition(";")[0]
        after = answer.getheader("Retry-After", "")
        return Reply(answer.status, text, given or cookie, after)
    finally:
        link.close()


@contextmanager
def hold_ports(*ports: int) -> Iterator[None]:
    """Fixed ports of this machine, which no other test has meanwhile.

    Waits until other tests, and other processes, have given them back.
    """
    with ExitStack() as held:
        for port in sorted(set(ports)):
            path = Path(tempfile.gettempdir(), f"composegen-port-{port}.lock")
            file = held.enter_context(path.open("w"))
            what = f"no other test uses port {port}"
            wait_until(partial(_lock, file), what, deadline=1200)
            if not _is_free(port):
                holder = describe_holder(port) or "an unknown process"
                what = f"port {port}, held by {holder}, is free"
                wait_until(partial(_is_free, port), what, deadline=600)
        yield


def _lock(file: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def be_patient(services: dict[str, Any]) -> None:
    """Give services with a page the time that they need on a busy machine."""
    for keys in services.values():
        health = keys.get("health")
        if isinstance(health, str) and health.startswith("/"):
            health = {"http": health}
        if isinstance(health, dict):
            keys["health"] = {**health, "boot": "3m", "timeout": "20s"}


def publish_elsewhere(services: dict[str, Any]) -> dict[str, int]:
    """Publish services on free ports of this machine; those ports by service.

    For those that publish the one port on which they listen.
    """
    ports = {}
    with ExitStack() as stack:
        for name, keys in services.items():
            if "publish" not in keys:
                continue
            # Held until all are chosen, so that no two are the same.
            taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports[name] = taken.getsockname()[1]
            keys["publish"] = f"{ports[name]}:{keys['publish']}"
    return ports
