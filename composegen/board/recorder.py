"""A boot as a viewer of its events sees it: to note it, and to draw it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from composegen.places.events import (
    Ending,
    Event,
    Excluded,
    Failed,
    Failure,
    Finished,
    NotUp,
    Progress,
    Ready,
    Reused,
    Started,
    Up,
)
from composegen.places.status import State, format_now
from composegen.places.timeline import Boot
from composegen.records import record, replace
from composegen.workspace.boots import BootedService, BootNote


@record
class Recorded:
    """A boot that is over: what is noted of it, and what a report shows.

    ``states`` are those of the services at the end, ``text`` the reasons where it did
    not come up; ``addresses`` are where services are reached.
    """

    note: BootNote
    boots: tuple[Boot, ...]
    states: Mapping[str, State]
    reasons: Mapping[str, str]
    addresses: Mapping[str, str]
    text: str = ""


class Recorder:
    """Sees the events of a boot; ``needs`` are the services that each one waits for."""

    def __init__(
        self, place: str, needs: Mapping[str, tuple[str, ...]], *, flags: str = ""
    ) -> None:
        self._place = place
        self._flags = flags
        self._needs = needs
        self._began = format_now()
        self._clock = time.monotonic()
        self._boots: dict[str, Boot] = {}
        self._states: dict[str, State] = {}
        self._reasons: dict[str, str] = {}
        self._failures: list[Failure] = []
        self._is_over = False

    def see(self, event: Event) -> Recorded | None:
        """Take in an event; the boot, where this event is its end."""
        if self._is_over:
            return None
        match event:
            case Up():
                return self._end(event)
            case NotUp():
                return self._end(event)
            case Ending():
                return self._end(event) if event.has_failed else self.interrupt()
            case Progress():
                for each in event.standings:
                    self._states[each.service] = each.state
                    self._note(each.service, each.started, each.ready)
            case _:
                self._see_service(event)
        return None

    def interrupt(self) -> Recorded | None:
        """A signal ends the boot; None where it was over."""
        if self._is_over:
            return None
        recorded = self._end(NotUp(text="it was interrupted"))
        after = _shorten(time.monotonic() - self._clock)
        return replace(recorded, note=replace(recorded.note, interrupted=after))

    def _see_service(self, event: Event) -> None:
        name = event.service
        match event:
            case Started() | Reused():
                self._states[name] = State.STARTING
                self._note(name, event.at, None)
            case Ready():
                self._states[name] = State.READY
                self._note(name, None, event.at)
            case Finished():
                self._states[name] = State.FINISHED
                self._note(name, None, event.at)
            case Failed():
                self._states[name] = State.FAILED
                self._reasons[name] = event.failure.reason
                self._failures.append(event.failure)
            case Excluded():
                self._states[name] = State.EXCLUDED
                self._reasons[name] = event.reason

    def _note(self, name: str, started: float | None, ready: float | None) -> None:
        boot = self._boots.get(name) or Boot(
            service=name, waited_for=self._needs.get(name, ())
        )
        if boot.started is None and started is not None:
            boot = replace(boot, started=started)
        if ready is not None:
            boot = replace(boot, ready=ready)
        self._boots[name] = boot

    def _end(self, event: Up | NotUp | Ending) -> Recorded:
        self._is_over = True
        boots = tuple(self._boots.values())
        if isinstance(event, Up):
            boots = event.boots
            for each in event.excluded:
                self._states[each.service] = State.EXCLUDED
                self._reasons[each.service] = each.reason
        return Recorded(
            note=self._make_note(boots, is_up=isinstance(event, Up)),
            boots=boots,
            states=dict(self._states),
            reasons=dict(self._reasons),
            addresses={each.service: each.url for each in event.addresses}
            if isinstance(event, Up)
            else {},
            text=event.text if isinstance(event, NotUp) else self._describe_failures(),
        )

    def _describe_failures(self) -> str:
        lines = []
        for each in self._failures:
            lines.append(f"{each.service}: {each.reason}")
            lines += [f"  cause: {each.cause}"] if each.cause else []
            lines += [f"  help: {each.help}"] if each.help else []
            lines += [f"    {line}" for line in each.lines]
        return "\n".join(lines)

    def _make_note(self, boots: tuple[Boot, ...], *, is_up: bool) -> BootNote:
        total = max((boot.ready or 0.0 for boot in boots), default=0.0)
        return BootNote(
            at=self._began,
            place=self._place,
            flags=self._flags,
            total=_shorten(total) if is_up else None,
            services=tuple(
                BootedService(
                    service=boot.service,
                    started=_shorten(boot.started),
                    ready=_shorten(boot.ready),
                    after=boot.waited_for,
                )
                for boot in boots
            ),
        )


def _shorten(moment: float | None) -> float | None:
    return None if moment is None else round(moment, 3)
