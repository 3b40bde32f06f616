"""What a run keeps on the disk while it goes on: a note that fails ends nothing.

The notes are for other terminals. Where their folder is removed, as by ``git clean``,
it is made again with all that the run had in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from composegen.errors import FileRefused
from composegen.paths import is_folder
from composegen.places.processes.records import RunFolder

_LOOK_INTERVAL = 2.0


class Upkeep:
    """The notes of one run; ``tell`` gets one line when they begin to fail.

    What is to be made again with the folder is added with ``keep``.
    """

    def __init__(self, runs: RunFolder, run: str, tell: Callable[[str], None]) -> None:
        self._runs = runs
        self._run = run
        self._tell = tell
        self._makers: list[Callable[[], None]] = []
        self._is_failing = False
        self._is_restoring = False

    def keep(self, make: Callable[[], None]) -> None:
        """Make this again, too, where the folder of the run was removed."""
        self._makers.append(make)

    def attempt(self, write: Callable[[], None]) -> bool:
        """Write a note, or say once why it cannot be written; whether it is."""
        try:
            write()
        except (FileRefused, OSError) as error:
            if not is_folder(self._runs.path) and self.restore():
                return self.attempt(write)
            self._say_failed(error)
            return False
        self._is_failing = False
        return True

    def restore(self) -> bool:
        """Make the folder of the run again, with all that is kept; whether it could."""
        if self._is_restoring:
            return False
        self._is_restoring = True
        try:
            self._runs.make()
            for make in self._makers:
                make()
        except (FileRefused, OSError) as error:
            self._say_failed(error)
            return False
        finally:
            self._is_restoring = False
        self._is_failing = False
        self._tell(
            f"{self._runs.path} was removed while this run was active; "
            "it is created again"
        )
        return True

    async def look_after(self) -> None:
        """Restore what was removed even when nothing is to be noted; never ends."""
        while True:
            await asyncio.sleep(_LOOK_INTERVAL)
            if not self._runs.has_run(self._run):
                self.restore()

    def _say_failed(self, error: FileRefused | OSError) -> None:
        if self._is_failing:
            return  # it has been said
        self._is_failing = True
        reason = error.message if isinstance(error, FileRefused) else str(error)
        self._tell(
            f"{reason}; the stack keeps running, but `status`, `why` and `down` in "
            "another terminal may not show its actual state"
        )
