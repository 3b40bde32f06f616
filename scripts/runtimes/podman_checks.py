"""Runs the health checks of Podman's containers, as timers of systemd do elsewhere.

Each check runs when its container starts, then each ``interval`` after it has ended. It
asks Podman over its socket, and goes on until it is ended or Podman is gone.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

LOOK = 0.1
NANO = 1e9


class Connection(http.client.HTTPConnection):
    """HTTP over the socket of Podman."""

    def __init__(self, path: str) -> None:
        super().__init__("podman", timeout=120)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path: str, question: str) -> Any:
    """What Podman answers, None where it refuses."""
    connection = Connection(path)
    try:
        connection.request("GET", f"/v5.0.0/libpod{question}")
        answer = connection.getresponse()
        data = answer.read()
        return json.loads(data) if answer.status == http.client.OK else None
    finally:
        connection.close()


class Timers:
    """When each check is due, by container and start."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.intervals: dict[tuple[str, str], float] = {}
        self.running: dict[tuple[str, str], Future[float]] = {}
        self.pool = ThreadPoolExecutor(max_workers=16)

    def ask(self, question: str) -> Any:
        """What Podman answers, None where it refuses."""
        return ask(self.path, question)

    def run_check(self, id: str) -> float:
        """Run the check of a container; when it has ended."""
        self.ask(f"/containers/{id}/healthcheck")
        return self.read_clock()

    def read_clock(self) -> float:
        """Seconds on the clock by which checks are due."""
        return time.monotonic()

    def look(self) -> None:
        """Run each check that is due."""
        there = set()
        for each in self.ask("/containers/json") or []:
            key = (each["Id"], str(each.get("StartedAt")))
            there.add(key)
            if key not in self.intervals:
                self.intervals[key] = self.read_interval(each["Id"])
            if self.intervals[key] and self.is_due(key):
                self.running[key] = self.pool.submit(self.run_check, each["Id"])
        for key in self.intervals.keys() - there:
            del self.intervals[key]
            self.running.pop(key, None)

    def read_interval(self, id: str) -> float:
        """The seconds between two checks of a container; 0 where it has none."""
        data = self.ask(f"/containers/{id}/json") or {}
        check = data.get("Config", {}).get("Healthcheck") or {}
        if not check.get("Test") or check["Test"] == ["NONE"]:
            return 0.0
        return float(check.get("Interval") or 30 * NANO) / NANO

    def is_due(self, key: tuple[str, str]) -> bool:
        """Whether a check has never run, or has ended an interval ago."""
        last = self.running.get(key)
        if last is None:
            return True
        if not last.done() or last.exception() is not None:
            return last.done()
        return self.read_clock() - last.result() >= self.intervals[key]


def main(path: str) -> None:
    """Run checks until Podman is gone."""
    timers = Timers(path)
    while True:
        timers.look()
        time.sleep(LOOK)


if __name__ == "__main__":
    main(sys.argv[1])
