"""What the page shows, as named values: a snapshot, then changes with a number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Listener: TypeAlias = Callable[[Mapping[str, Any]], None]
"""Gets each message; it is called in the thread that made the change."""


class Shared:
    """The values of the page; any thread may change them, and any may listen."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._lock = threading.RLock()
        self._values: dict[str, Any] = dict(values or {})
        self._number = 0
        self._listeners: set[Listener] = set()

    def get(self, name: str) -> Any:
        """A value, None where there is none."""
        with self._lock:
            return self._values.get(name)

    def list_names(self, beginning: str) -> list[str]:
        """The names of values that begin so."""
        with self._lock:
            return [name for name in self._values if name.startswith(beginning)]

    def change(self, values: Mapping[str, Any]) -> None:
        """Set values, and remove those that are None; listeners get what differs."""
        with self._lock:
            new = {
                name: value
                for name, value in values.items()
                if self._values.get(name) != value
            }
            if not new:
                return
            for name, value in new.items():
                if value is None:
                    del self._values[name]
                else:
                    self._values[name] = value
            self._number += 1
            self._send({"type": "change", "number": self._number, "set": new})

    def announce(self, message: Mapping[str, Any]) -> None:
        """Send what is no value: it is not in a snapshot."""
        with self._lock:
            self._send(message)

    def _send(self, message: Mapping[str, Any]) -> None:
        for listener in tuple(self._listeners):
            listener(message)

    def make_snapshot(self) -> dict[str, Any]:
        """Every value, and the number of the change that was the last one."""
        with self._lock:
            return {
                "type": "snapshot",
                "number": self._number,
                "set": dict(self._values),
            }

    def join(self, listener: Listener) -> dict[str, Any]:
        """Listen from now on; the snapshot that comes before the first change."""
        with self._lock:
            self._listeners.add(listener)
            return self.make_snapshot()

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        with self._lock:
            self._listeners.discard(listener)
