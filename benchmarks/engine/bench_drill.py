"""How well `composegen drill` does on an engine: its time, its verdicts, what stays.

The chat stack gets seven faults in each drill, and a conversation goes on meanwhile;
each turn is asked again until it is answered, as the page does, and afterwards all of
them must be there. Applications with known mistakes, and ones without, are drilled in
small groups. Drills of a small stack are ended at random moments by signals.

``bench_drill.py [--keep FILE] [DRILLS] [ENDS] [APPLICATIONS]``; with 0 nothing more is
measured of a part. The counts include what the file of an earlier call holds.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from drilled import list_expected, make_stack  # noqa: E402

from benchmarks.journal import Journal  # noqa: E402
from benchmarks.table import Limit, Row, describe, read_count, report  # noqa: E402

COMPOSEGEN = [sys.executable, "-m", "composegen"]
FAULTS = "stop,kill,freeze,cut,without"
LONGEST = 75.0
GROUP = 4
TURN_DEADLINE = 60.0
UNDONE_WITHIN = 90.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours in a folder, whatever its exit code."""
    return subprocess.run(
        [*COMPOSEGEN, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@contextmanager
def bring_up(folder: Path) -> Iterator[None]:
    """The stack of a folder on the engine; all of it is removed afterwards."""
    try:
        done = call(folder, "up")
        if done.returncode != 0:
            raise SystemExit(f"up: {done.stderr.strip()[-300:]}")
        yield
    finally:
        call(folder, "down", "--volumes", "--yes")


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


# The chat stack


def copy_chat(folder: Path) -> int:
    """A copy of the chat stack on free ports; the port of its page."""
    ignored = shutil.ignore_patterns("compose*.yaml", ".secrets", ".composegen")
    shutil.copytree(ROOT / "examples" / "chat", folder, ignore=ignored)
    text = (folder / "stack.yaml").read_text()
    text = re.sub(
        "^name: .*$", f"name: bench-{uuid4().hex[:8]}", text, flags=re.MULTILINE
    )
    ports = {"3000": find_port(), "3002": find_port()}
    for own, port in ports.items():
        text = text.replace(f"publish: {own}", f'publish: "{port}:{own}"')
    (folder / "stack.yaml").write_text(text)
    return ports["3000"]


class Conversation:
    """One user who goes on talking, and asks again where no answer comes."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/chat"
        self._open = build_opener(HTTPCookieProcessor()).open
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self.session = ""
        self.said: list[str] = []
        self.given_up = 0

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(TURN_DEADLINE * 2)

    def _talk(self) -> None:
        while not self._over.wait(1.0):
            text = f"turn {len(self.said) + 1}, {uuid4().hex}"
            if self._say(text):
                self.said.append(text)
            else:
                self.given_up += 1

    def _say(self, text: str) -> bool:
        body = {"message": text} | ({"session": self.session} if self.session else {})
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
        data = json.dumps(body).encode()
        end = time.monotonic() + TURN_DEADLINE
        while time.monotonic() < end:
            try:
                with self._open(Request(self._url, data, headers), timeout=10) as reply:
                    self.session = json.load(reply)["session"]
            except (OSError, ValueError, KeyError):
                time.sleep(0.3)
            else:
                return True
        return False

    def count_lost(self) -> int:
        """The turns that were answered and are not in the stored conversation."""
        end = time.monotonic() + TURN_DEADLINE
        while True:
            try:
                with self._open(f"{self._url}/{self.session}", timeout=10) as reply:
                    stored = reply.read().decode()
                return sum(text not in stored for text in self.said)
            except OSError:
                if time.monotonic() > end:
                    return len(self.said)
                time.sleep(0.3)


def drill_chat(folder: Path, port: int) -> tuple[float, list[dict[str, Any]], int]:
    """One drill of seven faults: its seconds, its rows, the turns that were lost.

    The conversation goes on until all that may not lose anything is over: excluded
    from Redis, the router keeps sessions in its memory, as its fallback says.
    """
    conversation = Conversation(port)
    began = time.monotonic()
    with subprocess.Popen(
        [*COMPOSEGEN, "drill", "--yes", "--format", "json", "--faults", FAULTS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as drill:
        conversation.start()
        assert drill.stderr is not None
        assert drill.stdout is not None
        for line in drill.stderr:
            if line.startswith("redis cut:"):
                conversation.end()
        out = drill.stdout.read()
    conversation.end()
    took = time.monotonic() - began
    return took, json.loads(out), conversation.count_lost() + conversation.given_up


def measure_chat(journal: Journal, count: int) -> list[Row]:
    """Several drills of one chat stack, one after another."""
    missing = count - len(journal.list("chat"))
    if missing > 0:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "chat"
            port = copy_chat(folder)
            with bring_up(folder):
                for _ in range(missing):
                    took, rows, lost = drill_chat(folder, port)
                    verdicts = [[r["service"], r["fault"], r["verdict"]] for r in rows]
                    journal.add("chat", took=took, verdicts=verdicts, lost=lost)
    samples = journal.list("chat")
    if not samples:
        return []
    verdicts = [each["verdicts"] for each in samples]
    lost = sum(each["lost"] > 0 for each in samples)
    times = f"{len(samples)} drills"
    seconds = [each["took"] for each in samples]
    holding = sum(all(word == "holds" for *_, word in each) for each in verdicts)
    return [
        Row(
            figure="chat stack, seven faults: time",
            ours=describe(seconds, " s", 1),
            times=times,
            **Limit(value=LONGEST, unit=" s").judge(seconds),
        ),
        Row(
            figure="chat stack: conversations with a lost turn",
            ours=str(lost),
            times=times,
            wanted="at most 0",
            is_reached=not lost,
        ),
        Row(
            figure="chat stack: drills with the verdicts of the first one",
            ours=f"{verdicts.count(verdicts[0])} of {len(samples)}",
            beside=f"{holding} of {len(samples)} with every need held",
            times=times,
            wanted="all",
            is_reached=verdicts.count(verdicts[0]) == len(samples),
        ),
    ]


# Applications with and without mistakes


def list_groups() -> list[set[str]]:
    """The applications, a few at a time, so that the machine is not the fault."""
    names = [name for name, each in make_stack().items() if "needs" in each]
    return [{*names[at : at + GROUP]} for at in range(0, len(names), GROUP)]


def drill_apps(folder: Path, names: set[str]) -> set[tuple[str, str]]:
    """The applications and faults that a drill names as failing."""
    stack = {"name": f"bench-{uuid4().hex[:8]}", "services": make_stack(names)}
    (folder / "stack.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))
    with bring_up(folder):
        words = ("--yes", "--format", "json", "--for", "4s", "--within", "20s")
        done = call(folder, "drill", *words)
    if not done.stdout:
        raise SystemExit(f"drill: {done.stderr.strip()[-300:]}")
    rows = json.loads(done.stdout)
    return {(r["dependent"], r["fault"]) for r in rows if r["verdict"] == "fails"}


def measure_apps(journal: Journal, rounds: int) -> list[Row]:
    """Every application with every fault; one round is all there is to do."""
    done = {name for each in journal.list("apps") for name in each["names"]}
    for names in list_groups() if rounds else ():
        if not names <= done:
            with tempfile.TemporaryDirectory() as name:
                named = sorted(drill_apps(Path(name), names))
            journal.add("apps", names=sorted(names), named=named)
    samples = journal.list("apps")
    if not samples:
        return []
    every = {name for each in samples for name in each["names"]}
    found = {(name, fault) for each in samples for name, fault in each["named"]}
    expected = {each for each in list_expected() if each[0] in every}
    faulty = {name for name, _ in expected}
    right = {
        name
        for name in every
        if {e for e in found if e[0] == name} == {e for e in expected if e[0] == name}
    }
    wrong = sorted(" ".join(each) for each in found ^ expected)
    return [
        Row(
            figure="faulty applications named with the right faults",
            ours=f"{len(right & faulty)} of {len(faulty)}",
            beside=", ".join(wrong) or "none named wrongly",
            times="1 drill each",
            wanted="all",
            is_reached=faulty <= right,
        ),
        Row(
            figure="healthy applications of which no fault is named",
            ours=f"{len(right - faulty)} of {len(every - faulty)}",
            times="1 drill each",
            wanted="all",
            is_reached=every - faulty <= right,
        ),
    ]


# Ends at random


def look(project: str) -> list[tuple[Any, ...]]:
    """What must be after a drill as it was before."""
    words = [
        "docker",
        "ps",
        "-aq",
        "--filter",
        f"label=com.docker.compose.project={project}",
    ]
    ids = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    words = ["docker", "inspect", *ids.split()]
    found = json.loads(subprocess.run(words, capture_output=True, check=False).stdout)
    return sorted(
        (
            each["Name"],
            each["State"]["Status"],
            sorted(each["NetworkSettings"]["Networks"]),
            sorted(each["Config"]["Env"]),
        )
        for each in found
    )


def end_one(folder: Path, project: str, chance: random.Random) -> dict[str, Any]:
    """Begin a drill, end it at a random moment: when and how, and what is left."""
    before = look(project)
    after, number = chance.uniform(0.5, 20), chance.choice(SIGNALS)
    drill = subprocess.Popen(
        [*COMPOSEGEN, "drill", "--yes", "--for", "0.5s", "--faults", FAULTS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        drill.wait(after)
    except subprocess.TimeoutExpired:
        drill.send_signal(number)
    drill.wait(UNDONE_WITHIN)
    end = time.monotonic() + UNDONE_WITHIN
    notes = folder / ".composegen" / "drill.json"
    left: list[Any] = ["not looked at"]
    while left and time.monotonic() < end:
        now = look(project)
        left = [] if now == before else [now]
        left += [notes.read_text()] if notes.exists() else []
        time.sleep(0.2 * bool(left))
    return {"after": after, "signal": number.name, "left": left}


def measure_ends(journal: Journal, count: int) -> list[Row]:
    """Drills of a small stack that are ended by signals."""
    done = len(journal.list("ends"))
    if count > done:
        project = f"bench-{uuid4().hex[:8]}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            stack = {"name": project, "services": make_stack({"kept"})}
            (folder / "stack.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))
            with bring_up(folder):
                for index in range(done, count):
                    chance = random.Random(f"end {index}")
                    journal.add("ends", **end_one(folder, project, chance))
    samples = journal.list("ends")
    if not samples:
        return []
    clean = sum(not each["left"] for each in samples)
    return [
        Row(
            figure="drills ended by SIGINT, SIGTERM or SIGKILL that leave nothing",
            ours=f"{clean} of {len(samples)}",
            times=f"{len(samples)} drills",
            wanted="all",
            is_reached=clean == len(samples),
        )
    ]


def main() -> None:
    if shutil.which("docker") is None:
        raise SystemExit("there is no docker command")
    drills, ends, rounds = read_count(0, 3), read_count(1, 20), read_count(2, 1)
    journal = Journal.find()
    rows = [
        *measure_chat(journal, drills),
        *measure_apps(journal, rounds),
        *measure_ends(journal, ends),
    ]
    report("Drills on the engine", rows)


if __name__ == "__main__":
    main()
