"""Twelve faults of one service, and which words name the cause of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.comparison.stack import BASE, THREE, Stack

SERVICE = "api"
PORT = BASE + 1
OTHER = BASE + 50
_FAILED = (
    r"fail|unhealthy|exit|error|fatal|backoff|not ready|not healthy|died|stopped|taken"
    r"|cannot|restarting|not found"
)
_ENDED = re.compile(r"rc=-15|SIGTERM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: what differs in the stack, and what has to be said of it.

    ``cause`` is a pattern that only words about the cause have. ``service`` is the
    service that is at fault. One of ``contained`` True or False is of one kind of
    tool alone.
    """

    title: str
    cause: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    service: str = SERVICE
    contained: bool | None = None
    holds_port: int = 0
    comes_later: bool = False

    def make(self) -> Stack:
        """The stack with the fault in it."""
        return THREE.change(self.service, **self.changes) if self.changes else THREE

    def judge(self, text: str) -> tuple[str, str]:
        """``cause``, ``service`` or ``nothing``, and the line that says so."""
        line = _find(self.cause, text)
        if line:
            return "cause", line
        named = rf"\b{self.service}\b.*(?:{_FAILED})|(?:{_FAILED}).*\b{self.service}\b"
        line = _find(named, text)
        return ("service", line) if line else ("nothing", "")


def _find(pattern: str, text: str) -> str:
    """The last line about it; not of what the tool itself has ended."""
    found = [
        line
        for line in text.splitlines()
        if re.search(pattern, line, re.IGNORECASE) and not _ENDED.search(line)
    ]
    return found[-1].strip() if found else ""


FAULTS = (
    Fault(
        title="it listens on another port",
        changes={"listens": OTHER},
        cause=rf"\b{OTHER}\b",
    ),
    Fault(
        title="it listens on 127.0.0.1 only",
        changes={"words": ("--host", "127.0.0.1")},
        cause=r"listens only on 127",
        contained=True,
    ),
    Fault(
        title="it crashes when it starts",
        changes={"words": ("--fault", "crash")},
        cause=r"the settings are wrong",
    ),
    Fault(
        title="its image does not exist",
        changes={"image": "example.invalid/none:1"},
        cause=r"example\.invalid.*(?:pull|no such host|not found|registry)"
        r"|(?:pull|no such host|registry).*example\.invalid",
        contained=True,
    ),
    Fault(
        title="its command does not exist",
        changes={"command": ("no-such-program",)},
        cause=r"no-such-program.*(?:not found|no such file|not installed|not in the)"
        r"|can't find command|executable file not found",
    ),
    Fault(
        title="its health check gets 500",
        changes={"words": ("--fault", "unhealthy")},
        cause=r"\b500\b",
    ),
    Fault(
        title="it exits with 0 too early",
        changes={"words": ("--fault", "ends")},
        cause=r"\bapi\b.*(?:exit|rc=|code|exited).*\b0\b|\bexited \(0\)"
        r"|exited by itself|api.*exited.*expected",
    ),
    Fault(
        title="it boots for longer than allowed",
        changes={"boot": 300.0},
        cause=r"nothing listens|it is idle|longer than its boot",
    ),
    Fault(
        title="its port is taken on this machine",
        cause=rf"(?:port|:|bind).*\b{BASE + 2}\b.*(?:taken|allocated|in use)"
        r"|Address already in use",
        service="web",
        holds_port=BASE + 2,
    ),
    Fault(
        title="a variable is not set",
        changes={"variable": "${TOKEN:?is missing}", "words": ("--fault", "variable")},
        cause=r"TOKEN",
    ),
    Fault(
        title="what it needs goes away later",
        cause=r"its disk is gone|\bdb\b.*(?:exit|fail|unhealthy|restart|died|backoff"
        r"|fatal|stopped)",
        service="db",
        comes_later=True,
    ),
    Fault(
        title="it runs out of memory",
        changes={"memory": "48m", "words": ("--fault", "memory")},
        cause=r"memory|oom",
        contained=True,
    ),
)
