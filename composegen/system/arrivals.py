"""Wakes all who wait for a port when a program listens on it, with one look for all.

A look asks the kernel and not the program, so it may be made often.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from composegen.system.listeners import PortLook

_FINE = 0.002
_SHARE = 5


class Arrivals:
    """The ports that are waited for, while they are; it looks as often as one asks.

    More seldom where a look takes long: at most a sixth of the time.
    """

    def __init__(self, make_look: Callable[[], PortLook] = PortLook) -> None:
        self._make_look = make_look
        self._look: PortLook | None = None
        self._waiting: dict[asyncio.Future[bool], tuple[int, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.can_look = hasattr(socket, "AF_NETLINK")

    async def wait(self, port: int, seconds: float, every: float) -> bool:
        """Wait until a program listens on a port; no where none does in that time.

        Yes, too, where a look fails: asking the program shows it.
        """
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[bool] = loop.create_future()
        self._waiting[arrived] = port, every
        end = loop.call_later(seconds, _settle, arrived)
        try:
            self._restart()
            return await arrived
        finally:
            end.cancel()
            self._waiting.pop(arrived, None)
            if not self._waiting:
                self._rest()

    def _restart(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        began = time.monotonic()
        wanted = {port for port, _ in self._waiting.values()}
        try:
            self._look = self._look or self._make_look()
            ports = self._look.find_listening(wanted)
        except OSError:
            ports = wanted
        took = time.monotonic() - began
        for arrived, (port, _) in self._waiting.items():
            if port in ports:
                _settle(arrived, has_come=True)
        pauses = [
            every for each, (_, every) in self._waiting.items() if not each.done()
        ]
        if pauses:
            loop = asyncio.get_running_loop()
            pause = max(min(pauses), _SHARE * took)
            self._timer = loop.call_later(pause, self._restart)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._look is not None:
            self._look.close()
            self._look = None


def _settle(arrived: asyncio.Future[bool], *, has_come: bool = False) -> None:
    if not arrived.done():
        arrived.set_result(has_come)


class FineSelector(selectors.DefaultSelector):
    """Waits for parts of a millisecond; ``epoll_wait`` knows whole ones only."""

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """As that of its base, whose own handle is waited for if the time is short."""
        if timeout is not None and 0 < timeout < _FINE:
            with suppress(ValueError):  # its handle is too large a number
                wait_briefly(self.fileno(), timeout)
                timeout = 0
        return super().select(timeout)


def wait_briefly(handle: int, seconds: float) -> None:
    """Until a handle can be read, or for so long; to the microsecond."""
    select.select([handle], [], [], seconds)


def make_fine_loop() -> asyncio.AbstractEventLoop:
    """An event loop that keeps pauses below a millisecond."""
    return asyncio.SelectorEventLoop(FineSelector())
