"""One page: what it gets, and what it asks for, over one WebSocket.

A page that reads slowly holds nothing up: changes become a new snapshot, and lines of
logs are skipped and counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from composegen.board.figures import Figures
from composegen.board.logs import LogBook, LogLine
from composegen.board.shared import Shared
from composegen.errors import ComposegenError
from composegen.places.place import Explanation, Place
from composegen.records import record
from composegen.text import strip_control

_MOST_WAITING = 200
_PACE = 0.05
_MOST_LINES = 5000
_MOST_TEXT = 200
_MOST_NAMES = 1000


@record
class Sources:
    """What pages ask: the values, the lines, the figures, the place if there is one.

    ``want_logs`` is called with 1 for a page that wants lines, and with -1 when it has
    left.
    """

    shared: Shared
    book: LogBook
    figures: Figures
    find_place: Callable[[], Place | None]
    want_logs: Callable[[int], None]


@record
class Wanted:
    """The lines that a page wants: of which services, with which text."""

    services: frozenset[str] = frozenset()
    text: str = ""
    errors: bool = False


class Session:
    """One page that has shown its token."""

    def __init__(self, socket: WebSocket, sources: Sources) -> None:
        self._socket = socket
        self._sources = sources
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Mapping[str, Any]] = []
        self._is_behind = False
        self._wake = asyncio.Event()
        self._wanted: Wanted | None = None
        self._next = 0
        self._is_new = False

    async def carry_out(self) -> None:
        """Send what changes and answer what is asked, until the page leaves."""
        sources = self._sources
        self._waiting.append(sources.shared.join(self._hear))
        self._waiting.append(
            {"type": "figures", "samples": sources.figures.list_kept(), "all": True}
        )
        self._wake.set()
        sending = asyncio.ensure_future(self._send())
        try:
            await self._listen()
        except (WebSocketDisconnect, ValueError, KeyError, TypeError):
            pass  # it has left, or is no page of ours
        finally:
            sources.shared.leave(self._hear)
            if self._wanted is not None:
                sources.want_logs(-1)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    # What it gets

    def _hear(self, message: Mapping[str, Any]) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._add, message)

    def _add(self, message: Mapping[str, Any]) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._is_behind = True
            self._waiting.clear()
        if not self._is_behind:
            self._waiting.append(message)
        self._wake.set()

    def hear_lines(self) -> None:
        """Lines have come; called in the loop."""
        if self._wanted is not None:
            self._wake.set()

    async def _send(self) -> None:
        """Send what waits; lines in batches, so that many cost little."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._is_behind:
                self._is_behind = False
                self._waiting.append(self._sources.shared.make_snapshot())
            waiting, self._waiting = self._waiting, []
            for message in waiting:
                await self._socket.send_text(json.dumps(message))
            if self._wanted is not None:
                await self._send_lines(self._wanted)
                await asyncio.sleep(_PACE)

    async def _send_lines(self, wanted: Wanted) -> None:
        found, skipped = self._sources.book.list_since(self._next)
        is_new, self._is_new = self._is_new, False
        self._next = found[-1].number + 1 if found else self._next + skipped
        lines = [
            line
            for line in found
            if line.matches(wanted.services, wanted.text, errors=wanted.errors)
        ]
        if is_new:
            skipped = 0
        if len(lines) > _MOST_LINES:
            skipped += 0 if is_new else len(lines) - _MOST_LINES
            lines = lines[-_MOST_LINES:]
        if lines or skipped or is_new:
            message = {
                "type": "lines",
                "new": is_new,
                "skipped": skipped,
                "lines": [_describe_line(line) for line in lines],
            }
            await self._socket.send_text(json.dumps(message, ensure_ascii=False))

    # What it asks for

    async def _listen(self) -> None:
        while True:
            asked = json.loads(await self._socket.receive_text())
            match asked["do"]:
                case "snapshot":
                    self._add(self._sources.shared.make_snapshot())
                case "logs":
                    self._want(asked)
                case "no-logs":
                    self._want_nothing()
                case "why":
                    await self._explain(str(asked["service"])[:_MOST_TEXT])
                case "ping":
                    self._add({"type": "pong", "id": asked.get("id")})

    def _want(self, asked: Mapping[str, Any]) -> None:
        if self._wanted is None:
            self._sources.want_logs(1)
        names = [str(each) for each in asked["services"]][:_MOST_NAMES]
        self._wanted = Wanted(
            services=frozenset(names),
            text=str(asked["text"])[:_MOST_TEXT].lower(),
            errors=bool(asked["errors"]),
        )
        self._next = 0
        self._is_new = True
        self._wake.set()

    def _want_nothing(self) -> None:
        if self._wanted is not None:
            self._wanted = None
            self._sources.want_logs(-1)

    async def _explain(self, service: str) -> None:
        place = self._sources.find_place()
        message: dict[str, Any] = {"type": "why", "service": service}
        if place is None:
            message |= {"reasons": [], "notes": ["nothing runs here"]}
        else:
            message |= await run_in_threadpool(explain, place, service)
        self._add(message)


def explain(place: Place, service: str) -> dict[str, Any]:
    """What `why` says of a service, as plain data without control characters."""
    try:
        found = place.explain(service)
    except ComposegenError as error:
        notes = [error.message, *([error.help] if error.help else [])]
        return {"reasons": [], "notes": [strip_control(each) for each in notes]}
    return {
        "heading": found.heading,
        "notes": [strip_control(each) for each in (*found.notes, found.ending) if each],
        "reasons": _describe_reasons(found),
    }


def _describe_reasons(found: Explanation) -> list[dict[str, Any]]:
    reasons = []
    for each in found.reasons:
        failure = each.failure
        reason: dict[str, Any] = {
            "chain": list(each.chain),
            "service": each.service,
            "state": "" if each.status is None else each.status.state.value,
            "reason": failure.reason if failure is not None else "",
            "cause": failure.cause if failure is not None else "",
            "help": failure.help if failure is not None else "",
            "answer": each.answer,
            "check": list(each.check),
            "lines": list(each.lines or (failure.lines if failure is not None else ())),
        }
        reasons.append(
            {
                name: strip_control(value)
                if isinstance(value, str)
                else [strip_control(part) for part in value]
                for name, value in reason.items()
            }
        )
    return reasons


def _describe_line(line: LogLine) -> list[Any]:
    return [line.number, line.service, line.text, 1 if line.is_error else 0]
