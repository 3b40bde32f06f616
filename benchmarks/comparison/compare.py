"""Runs the same stack and the same faults with each tool, for docs/comparison.md.

``compare.py [--compose5 PROGRAM] [--boots N] [--parts PART,..] [TOOL..]``

Without a name every tool is run. The parts are boots (the times), killed, without and
faults. What was measured is kept in results.json, tool by tool and part by part, so
that one can be measured again; the tables of the page are written from it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.comparison.faults import FAULTS, Fault  # noqa: E402
from benchmarks.comparison.noted import (  # noqa: E402
    count_held,
    count_starts,
    find_last_ready,
    hide_paths,
    list_down,
    read_lines,
)
from benchmarks.comparison.peers import (  # noqa: E402
    NAME,
    Peer,
    Running,
    install,
    list_peers,
    read_version,
)
from benchmarks.comparison.stack import TEN, Stack  # noqa: E402
from benchmarks.comparison.tables import RESULTS, write_tables  # noqa: E402
from benchmarks.measure import describe_machine  # noqa: E402

POLL = 0.05
UP_WITHIN = 120.0
TOLD_WITHIN = 15.0
ENDS_WITHIN = 90.0
VICTIM = "router"


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition held within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(POLL)
    return condition()


@contextmanager
def start(peer: Peer, stack: Stack) -> Iterator[tuple[Running, Path]]:
    """A tool with a stack in a folder of its own; all is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="comparison-"))
    (folder / "journal").mkdir()
    (folder / "journal").chmod(0o777)
    (folder / "app").mkdir()
    shutil.copy(HERE / "service.py", folder / "app")
    (folder / peer.file).write_text(peer.write(folder, stack))
    running = Running(peer, folder)
    try:
        yield running, folder / "journal"
    finally:
        running.end()
        for pid in list_alive(folder / "journal", stack, peer):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


def list_alive(journal: Path, stack: Stack, peer: Peer) -> list[int]:
    """The processes of services that live; those of containers are not looked at."""
    if peer.contained:
        return []
    pids = {
        line.pid for each in stack.services for line in read_lines(journal, each.name)
    }
    return [pid for pid in pids if _is_service(pid)]


def _is_service(pid: int) -> bool:
    try:
        return b"service.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill_service(peer: Peer, journal: Path, name: str) -> None:
    """Kill the process of a service, or the first one of its container."""
    if not peer.contained:
        os.kill(read_lines(journal, name)[-1].pid, signal.SIGKILL)
        return
    labels = (f"project={NAME}", f"service={name}")
    filters = [
        word for each in labels for word in ("-f", f"label=com.docker.compose.{each}")
    ]
    ids = subprocess.check_output(("docker", "ps", "-q", *filters), text=True).split()
    shown = ("docker", "inspect", "-f", "{{.State.Pid}}", ids[0])
    os.kill(int(subprocess.check_output(shown, text=True)), signal.SIGKILL)


# The whole stack


def _wait_until_up(running: Running, journal: Path, stack: Stack) -> bool:
    def is_decided() -> bool:
        has_failed = running.is_over and running.process.returncode != 0
        return not list_down(journal, stack) or has_failed

    wait_for(is_decided, UP_WITHIN)
    return not list_down(journal, stack)


def measure_boot(peer: Peer) -> dict[str, Any]:
    """One boot: seconds until all is ready, the edges that held, what was restarted."""
    with start(peer, TEN) as (running, journal):
        is_up = _wait_until_up(running, journal, TEN)
        if not peer.stays:
            wait_for(lambda: running.is_over, UP_WITHIN)
        held, edges = count_held(journal, TEN)
        return {
            "is_up": is_up,
            "seconds": find_last_ready(journal, TEN) - running.began if is_up else None,
            "held": held,
            "edges": edges,
            "starts": count_starts(journal, TEN),
            "told": running.ended_after,
            "code": running.process.returncode,
            "printed": running.printed[-600:],
        }


def measure_killed(peer: Peer) -> dict[str, Any] | None:
    """A service is killed, then the tool itself; None where not all ten come up."""
    found: dict[str, Any] = {}
    with start(peer, TEN) as (running, journal):
        if not _wait_until_up(running, journal, TEN):
            return None
        if not peer.stays:
            wait_for(lambda: running.is_over, UP_WITHIN)
        before = count_starts(journal, TEN)
        at = time.time()
        kill_service(peer, journal, VICTIM)

        def is_back() -> bool:
            last = read_lines(journal, VICTIM)[-1]
            return last.what == "ready" and last.at > at

        found["back"] = is_back() or wait_for(is_back, 20)
        found["after"] = read_lines(journal, VICTIM)[-1].at - at
        found["others"] = count_starts(journal, TEN) - before - int(found["back"])
        found["tool_ended"] = peer.stays and running.is_over
        if not peer.stays or running.is_over:
            return found
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        wait_for(lambda: not list_alive(journal, TEN, peer), 10)
        found["survivors"] = len(list_alive(journal, TEN, peer))
    return found


def measure_without(peer: Peer) -> dict[str, Any]:
    """The optional service cannot be started: do the other nine come up?"""
    stack = TEN.change("cache", command=("no-such-program",))
    with start(peer, stack) as (running, journal):

        def are_others_up() -> bool:
            return list_down(journal, stack) == ["cache"]

        def is_decided() -> bool:
            has_failed = running.is_over and running.process.returncode != 0
            return are_others_up() or has_failed

        wait_for(is_decided, UP_WITHIN)
        if not peer.stays:
            wait_for(lambda: running.is_over, UP_WITHIN)
        is_up = are_others_up()
        return {
            "is_up": is_up,
            "seconds": find_last_ready(journal, stack) - running.began
            if is_up
            else None,
            "code": running.process.poll(),
            "printed": running.printed[-600:],
        }


# The faults


@contextmanager
def hold(port: int) -> Iterator[None]:
    """Another program has a port, or none if it is 0."""
    if not port:
        yield
        return
    with socket.create_server(("0.0.0.0", port)):
        yield


def measure_fault(peer: Peer, fault: Fault) -> dict[str, Any]:
    """What a tool prints with a fault, and after how long."""
    stack = fault.make()
    with hold(fault.holds_port), start(peer, stack) as (running, journal):
        began, seen = time.time(), 0
        if fault.comes_later:
            _wait_until_up(running, journal, stack)
            if not peer.stays:
                wait_for(lambda: running.is_over, UP_WITHIN)
            (journal / f"{fault.service}-fails").touch()
            seen, began = len(running.printed), time.time()
            kill_service(peer, journal, fault.service)

        def is_told() -> bool:
            return fault.judge(running.printed[seen:])[0] == "cause"

        if peer.stays or fault.comes_later:
            wait_for(lambda: is_told() or running.is_over, TOLD_WITHIN)
        else:
            wait_for(lambda: running.is_over, ENDS_WITHIN)
        took = time.time() - began
        time.sleep(0.3)  # the lines that follow the one that was waited for
        verdict, line = fault.judge(running.printed[seen:])
        found = {
            "verdict": verdict,
            "line": line,
            "seconds": took,
            "code": running.process.poll(),
            "asked": False,
        }
        if verdict != "cause" and peer.ask:
            asked, said = _ask(running, fault)
            if asked == "cause" or (asked == "service" and verdict == "nothing"):
                found |= {"verdict": asked, "line": said, "asked": True}
        return found | {"line": hide_paths(found["line"], ROOT)}


def _ask(running: Running, fault: Fault) -> tuple[str, str]:
    """What the tool's own command says of a fault.

    It is asked more than once for a fault that comes later: the engine notes a death,
    and the restart after it, a moment later.
    """
    judged = "nothing", ""

    def names_cause() -> bool:
        nonlocal judged
        judged = fault.judge(running.ask())
        return judged[0] == "cause"

    wait_for(names_cause, TOLD_WITHIN if fault.comes_later else 0)
    return judged


def measure_faults(peer: Peer) -> dict[str, Any]:
    """Every fault that a tool can meet."""
    return {
        fault.title: measure_fault(peer, fault)
        for fault in FAULTS
        if fault.contained in {None, peer.contained}
    }


def main() -> None:
    """Measure the tools that are named, and write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tools", nargs="*")
    parser.add_argument("--compose5", default="")
    parser.add_argument("--boots", type=int, default=3)
    parser.add_argument("--parts", default="boots,killed,without,faults")
    words = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"peers": {}}
    parts: dict[str, Callable[[Peer], Any]] = {
        "boots": lambda peer: [measure_boot(peer) for _ in range(words.boots)],
        "killed": measure_killed,
        "without": measure_without,
        "faults": measure_faults,
    }
    with tempfile.TemporaryDirectory(prefix="comparison-tools-") as name:
        for peer in list_peers(install(Path(name)), words.compose5):
            if words.tools and peer.title not in words.tools:
                continue
            found = results["peers"].setdefault(peer.title, {"at": {}})
            found |= {"version": read_version(peer), "stays": peer.stays}
            for part in filter(None, words.parts.split(",")):
                print(f"{peer.title}: {part}", flush=True)
                found[part] = parts[part](peer)
                found["at"][part] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
                results["machine"] = describe_machine()
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_tables(results)


if __name__ == "__main__":
    main()
