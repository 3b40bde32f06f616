"""Reports the lines of the logs of a run as they come.

It looks often while something is logged, and not at all when all is quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from composegen.places.events import WantsLines, wants_all
from composegen.places.processes.tender import Tender
from composegen.system.logwatch import LogWatch

_TAIL_INTERVAL = 0.02
_QUIET_AFTER = 5
_QUIET_INTERVAL, _STILL_AFTER = 0.1, 250
_LONGEST_QUIET = 5.0


class Tailing:
    """The logs of a run; of their lines those are reported that ``wants_lines``.

    All are where another terminal follows: ``is_followed`` says so.
    """

    def __init__(self, tenders: Collection[Tender]) -> None:
        self._tenders = tenders
        self.wants_lines: WantsLines = wants_all
        self.is_followed: Callable[[], bool] = lambda: False

    async def follow(self) -> None:
        """Report new lines until it is cancelled."""
        quiet = 0
        while True:
            quiet = 0 if self._show_lines() else quiet + 1
            if quiet <= _QUIET_AFTER or not await self._wait_for_lines():
                is_quiet = quiet > _STILL_AFTER
                await asyncio.sleep(_QUIET_INTERVAL if is_quiet else _TAIL_INTERVAL)

    async def _wait_for_lines(self) -> bool:
        """Wait until something is logged; no where that can only be seen by looking."""
        launches = [each.service.unit.launch for each in self._tenders]
        folders = {each.log.parent for each in launches if each and each.log}
        try:
            watch = LogWatch(folders)
        except OSError:
            return False
        with watch:
            if not self._show_lines():  # nothing came before the watch began
                await watch.wait(_LONGEST_QUIET)
        return True

    def _show_lines(self) -> bool:
        """Report the new lines of all logs; whether there are any."""
        wants = wants_all if self.is_followed() else self.wants_lines
        shown = [each.reports.show_lines(wants) for each in self._tenders]
        return any(shown)
