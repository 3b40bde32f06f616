"""The boot that goes on, as bars that grow, from how the services are doing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from composegen.places.status import ServiceStatus, State
from composegen.places.timeline import Boot, find_critical_path
from composegen.workspace.boots import BootNote

_GOING = frozenset({State.WAITING, State.STARTING})
_DONE = frozenset({State.READY, State.FINISHED})


class LiveBoot:
    """One boot: it begins when services start where none ran, or were seen to."""

    def __init__(self, needs: Mapping[str, tuple[str, ...]]) -> None:
        self._needs = needs
        self._began = 0.0
        self._boots: dict[str, dict[str, float | None]] = {}
        self._is_going = False
        self._cut_after: float | None = None

    @property
    def is_going(self) -> bool:
        """Whether services are still on their way."""
        return self._is_going

    def begin(self, statuses: Iterable[ServiceStatus]) -> None:
        """Begin with what is on its way now; nothing where nothing is."""
        listed = list(statuses)
        if not any(each.state in _GOING for each in listed):
            return
        times = [_read_time(each.since) for each in listed if each.state in _GOING]
        self._began = min([each for each in times if each], default=time.time())
        self._boots = {}
        self._is_going = True
        self._cut_after = None
        for each in listed:
            self.see(each)

    def see(self, status: ServiceStatus) -> None:
        """Take in how a service is doing now."""
        if not self._is_going:
            return
        now = time.time() - self._began
        boot = self._boots.setdefault(status.service, {"started": None, "ready": None})
        if status.state in {State.STARTING, *_DONE} and boot["started"] is None:
            since = _read_time(status.since)
            began = since - self._began if since else now
            boot["started"] = max(0.0, min(now, began))
        if status.state in _DONE and boot["ready"] is None:
            boot["ready"] = now

    def check_end(self, statuses: Iterable[ServiceStatus]) -> None:
        """It is over when nothing is on its way any more."""
        if not any(each.state in _GOING for each in statuses):
            self._is_going = False

    def end_with(self, note: Mapping[str, Any]) -> None:
        """It is over where a boot that was noted meanwhile says that it was."""
        if note["interrupted"] is not None and self.is_part_of(note):
            self._is_going = False

    def cut_off(self) -> None:
        """It is over where its `up` was killed."""
        if self._is_going:
            self._is_going = False
            self._cut_after = round(max(0.0, time.time() - self._began), 3)

    def is_part_of(self, note: Mapping[str, Any]) -> bool:
        """Whether a boot that was noted is this one: it ended after this began."""
        return bool(note["began"] + measure_boot(note) >= self._began)

    def describe(self) -> dict[str, Any] | None:
        """As plain data, like a boot that was noted; None where there was none."""
        if not self._boots:
            return None
        boots = [
            Boot(
                service=name,
                started=boot["started"],
                ready=boot["ready"],
                waited_for=self._needs.get(name, ()),
            )
            for name, boot in self._boots.items()
        ]
        total = max((boot.ready or 0.0 for boot in boots), default=0.0)
        is_whole = not self._is_going and self._cut_after is None
        return {
            "at": datetime.fromtimestamp(self._began).astimezone().isoformat(),
            "began": self._began,
            "going": self._is_going,
            "flags": "",
            "total": round(total, 3) if is_whole else None,
            "interrupted": self._cut_after,
            "services": [_describe_boot(boot) for boot in boots],
            "path": list(find_critical_path(boots)),
        }


def measure_boot(boot: Mapping[str, Any]) -> float:
    """How many seconds a boot took that was noted, however it ended."""
    moments = [each["ready"] or each["started"] or 0.0 for each in boot["services"]]
    return max(boot["total"] or 0.0, boot["interrupted"] or 0.0, *moments, 0.0)


def describe_note(note: BootNote) -> dict[str, Any]:
    """A boot that was noted, as the page draws it."""
    boots = [
        Boot(
            service=each.service,
            started=each.started,
            ready=each.ready,
            waited_for=each.after,
        )
        for each in note.services
    ]
    return {
        "at": note.at,
        "began": _read_time(note.at),
        "going": False,
        "place": note.place,
        "flags": note.flags,
        "total": note.total,
        "interrupted": note.interrupted,
        "services": [_describe_boot(boot) for boot in boots],
        "path": list(find_critical_path(boots)),
    }


def _describe_boot(boot: Boot) -> dict[str, Any]:
    return {
        "service": boot.service,
        "started": None if boot.started is None else round(boot.started, 3),
        "ready": None if boot.ready is None else round(boot.ready, 3),
        "after": list(boot.waited_for),
    }


def _read_time(moment: str | None) -> float:
    """Seconds since 1970 of an ISO 8601 time; 0 where there is none."""
    try:
        return datetime.fromisoformat(moment or "").timestamp()
    except ValueError:
        return 0.0
