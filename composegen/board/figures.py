"""CPU, memory and network of each service, for 15 minutes at most."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from composegen.board.shared import Shared
from composegen.errors import ComposegenError
from composegen.places.place import Place, Usage

EVERY = 3.0
"""Seconds between two measurements."""
KEPT = int(15 * 60 / EVERY)
"""How many measurements are kept."""


class Figures:
    """Measures in a thread of its own; each measurement is announced."""

    def __init__(self, find: Callable[[], Place | None], shared: Shared) -> None:
        self._find = find
        self._shared = shared
        self._is_closed = threading.Event()
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._before: dict[str, Usage] = {}
        self._at = 0.0

    def start(self) -> None:
        """Begin to measure."""
        threading.Thread(target=self._run, name="figures", daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._is_closed.set()

    def list_kept(self) -> list[dict[str, Any]]:
        """The measurements so far, the oldest first."""
        return list(self._kept)

    def _run(self) -> None:
        while not self._is_closed.wait(EVERY):
            place = self._find()
            if place is None:
                continue
            with suppress(ComposegenError):
                self.take(place.measure(), time.time())

    def take(self, usages: Iterable[Usage], at: float) -> None:
        """Keep a measurement, with what has been used since the one before."""
        passed = at - self._at
        services = {}
        for each in usages:
            before = self._before.get(each.service)
            self._before[each.service] = each
            services[each.service] = _compare(before, each, passed)
        self._at = at
        if not services:
            return
        sample = {"at": round(at, 1), "services": services}
        self._kept.append(sample)
        self._shared.announce({"type": "figures", "samples": [sample]})


def _compare(before: Usage | None, now: Usage, passed: float) -> dict[str, Any]:
    """CPU in per cent of a core, memory in bytes, network in bytes a second."""
    found: dict[str, Any] = {"memory": now.memory}
    if before is None or passed <= 0 or now.cpu < before.cpu:
        return found  # it has just begun, or begun again
    found["cpu"] = round((now.cpu - before.cpu) / passed * 100, 1)
    for name in ("received", "sent"):
        one, other = getattr(before, name), getattr(now, name)
        if one is not None and other is not None and other >= one:
            found[name] = round((other - one) / passed)
    return found
