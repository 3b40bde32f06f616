"""How fast stacks come up on the test cluster, and what gates cost and save there.

``python benchmarks/kubernetes/bench_cluster.py [COUNT [CHATS]]``: so many repeats of a
dependent service with and without a gate, and so many of the chat stack, each with and
without Redis. It needs the cluster of ``make cluster``.

The needed service prints the time when it listens, and the dependent one when it has
connected at its start. Without a gate it ends where it cannot, and the cluster starts
it again. All of them read one clock. Boots differ from repeat to repeat.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
# The services of the chat stack are installed with packages of the same name.
_found = PathFinder.find_spec("tests", [str(ROOT)])
assert _found is not None
sys.modules["tests"] = module_from_spec(_found)

from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    read_count,
    report,
)
from tests.e2e.engine import wait_until  # noqa: E402
from tests.e2e.examples import copy_example  # noqa: E402
from tests.e2e.kubernetes.cluster import (  # noqa: E402
    USER,
    Cluster,
    Stack,
    count_restarts,
)

IMAGE = "python:3.12-slim"
BOOTS = (1.0, 8.0)
AFTER_LISTENING = Limit(value=3, unit=" s")
CHAT = {"": Limit(value=16, unit=" s"), "redis": Limit(value=10, unit=" s")}
SERVE = """\
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

time.sleep(float(os.environ["BOOT"]))
server = ThreadingHTTPServer(("", 8000), Answer)
print("at", repr(time.time()), flush=True)
server.serve_forever()
"""
CONNECT = """\
import socket, time
begun = time.time()
socket.create_connection(("app", 8000), 2).close()
print("at", repr(begun), flush=True)
time.sleep(600)
"""


@contextmanager
def make_stack(cluster: Cluster) -> Iterator[Stack]:
    """A stack in a folder and a namespace that are removed behind the block."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Stack(Path(name), cluster) as stack,
    ):
        yield stack


def make_services(boot: float, *, gated: bool) -> dict[str, Any]:
    """A service that boots for a while, and one that ends where it does not listen."""

    def run(program: str) -> dict[str, Any]:
        words = ["python", "-u", "-c", program]
        return {"image": IMAGE, "user": USER, "command": words}

    need = {} if gated else {"gate": "none"}
    return {
        "app": {
            **run(SERVE),
            "environment": {"BOOT": f"{boot:.3f}"},
            "port": 8000,
            "health": {"tcp": True, "boot": "60s"},
        },
        "dependent": {
            **run(CONNECT),
            "health": {"none": "it is only started"},
            "needs": {"app": {"env": {"APP_URL": "{url}"}, **need}},
        },
    }


def read_time(stack: Stack, service: str) -> float:
    """When a service did what is measured, once it has said so."""

    def look() -> str:
        pods = stack.list_pods().get(service)
        return stack.read_logs(service) if pods and has_started(pods[0]) else ""

    said = wait_until(
        lambda: [line for line in look().splitlines() if line[:3] == "at "],
        f"{service} has started",
        deadline=180,
    )
    return float(said[0].split()[1])


def has_started(pod: dict[str, Any]) -> bool:
    """Whether the service's own container has run."""
    return any(
        "waiting" not in each["state"]
        for each in pod["status"].get("containerStatuses", ())
    )


def time_gate(cluster: Cluster, boot: float, *, gated: bool) -> tuple[float, int]:
    """Seconds from listening to the start that connected, and restarts until then."""
    with make_stack(cluster) as stack:
        stack.write(make_services(boot, gated=gated), name="bench")
        stack.render()
        stack.apply()
        started = read_time(stack, "dependent")
        listened = read_time(stack, "app")
        return started - listened, count_restarts(stack.find_pod("dependent"))


def measure_dependents(cluster: Cluster, count: int) -> Row:
    """With a gate and without, in turn and with the same boots."""
    chance = random.Random(1)
    delays: dict[bool, list[float]] = {True: [], False: []}
    restarts: dict[bool, list[int]] = {True: [], False: []}
    for _ in range(count):
        boot = chance.uniform(*BOOTS)
        for gated in (True, False):
            delay, restarted = time_gate(cluster, boot, gated=gated)
            delays[gated].append(delay)
            restarts[gated].append(restarted)
    ours, theirs = delays[True], delays[False]
    return Row(
        figure="start of a dependent service after its dependency listens; restarts: "
        f"{describe(restarts[True], digits=0)}",
        ours=describe(ours, " s"),
        beside=f"{name_peer('no gate', theirs, ' s')}; restarts: "
        f"{describe(restarts[False], digits=0)}",
        ratio=describe(divide(ours, theirs)),
        times=f"{count} times, boots of {BOOTS[0]:g} to {BOOTS[1]:g} s",
        **AFTER_LISTENING.judge(ours),
    )


def time_chat(cluster: Cluster, without: str) -> float:
    """Seconds that `up` takes until every service of the chat stack is ready."""
    with make_stack(cluster) as stack:
        copy_example("chat", stack.folder)
        options = ["--without", without] if without else []
        stack.render(*options, GROQ_API_KEY="")
        begun = time.monotonic()
        stack.up_well(*options, GROQ_API_KEY="")
        return time.monotonic() - begun


def measure_chat(cluster: Cluster, count: int) -> list[Row]:
    """The chat stack with Redis and without, in turn."""
    took: dict[str, list[float]] = {without: [] for without in CHAT}
    for _ in range(count):
        for without in CHAT:
            took[without].append(time_chat(cluster, without))
    return [
        Row(
            figure=f"`up` of the chat stack with{'out' if without else ''} Redis",
            ours=describe(took[without], " s", 1),
            times=f"{count} times",
            **limit.judge(took[without]),
        )
        for without, limit in CHAT.items()
    ]


def main() -> None:
    cluster = Cluster()
    rows = [measure_dependents(cluster, read_count(0, 10))]
    rows += measure_chat(cluster, read_count(1, 5))
    report("On a Kubernetes cluster", rows)


if __name__ == "__main__":
    main()
