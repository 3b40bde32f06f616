"""What `up` and `run` leave of a boot: its line in the state folder, and a report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.commands.declare import option
from composegen.commands.options import Function
from composegen.errors import ComposegenError, FileRefused, Interrupted, UsageError
from composegen.paths import is_folder
from composegen.places.events import Attached, Event, Noted, Planned, Report
from composegen.workspace.workspace import Workspace

if TYPE_CHECKING:
    from composegen.board.recorder import Recorded, Recorder
    from composegen.planning.plan import Plan


def report_option(function: Function) -> Function:
    """``--report``: a page about the boot."""
    return option(
        "--report",
        "report_file",
        metavar="FILE.html",
        callback=lambda _, __, file: _check_report(file),
        help="At the end of the boot, write a page about it: graph, bars, failures.",
    )(function)


def _check_report(file: str | None) -> str | None:
    """Raises UsageError for a file that could not be written, before anything runs."""
    if file is None:
        return None
    path = Path(file)
    if path.suffix != ".html":
        raise UsageError(f"--report {file}: the report is HTML: name it .html")
    if not is_folder(path.absolute().parent):
        raise UsageError(f"--report {file}: there is no such folder")
    return file


class BootWatch:
    """Passes events on to ``show``, and notes the boot when it is over.

    ``make`` makes the plan that is drawn, when it is known to be possible.
    """

    def __init__(
        self,
        place: str,
        workspace: Workspace,
        make: Callable[[], Plan],
        show: Report,
        *,
        report_file: str | None = None,
    ) -> None:
        self._place = place
        self._folder = workspace.folder
        self._workspace = workspace
        self._make = make
        self._show = show
        self._report_file = report_file
        self._plan: Plan | None = None
        self._recorder: Recorder | None = None

    def see(self, event: Event) -> None:
        """Show an event, and take it in."""
        if isinstance(event, Planned):
            self._begin()
        elif isinstance(event, Attached):
            self._recorder = None
        recorder = self._recorder
        recorded = recorder.see(event) if recorder is not None else None
        if recorded is not None:
            self._keep(recorded)
        self._show(event)

    @contextlib.contextmanager
    def until_interrupted(self) -> Iterator[None]:
        """Note a boot that a signal ends meanwhile."""
        try:
            yield
        except Interrupted:
            recorder = self._recorder
            recorded = recorder.interrupt() if recorder is not None else None
            if recorded is not None:
                self._keep(recorded)
            raise

    def _begin(self) -> None:
        from composegen.board.recorder import Recorder

        try:
            self._plan = plan = self._make()
        except ComposegenError:  # `run` can do with less than the whole stack
            return
        needs = {
            step.name: tuple(gate.service for gate in step.gates) for step in plan.steps
        }
        self._recorder = Recorder(self._place, needs, flags=plan.selection.flags)

    def _keep(self, recorded: Recorded) -> None:
        from composegen.workspace.boots import append_boot

        with contextlib.suppress(FileRefused):  # a folder that cannot be written
            append_boot(self._folder, recorded.note)
        if self._report_file is None or self._plan is None:
            return
        from composegen.board.html import write_report
        from composegen.board.scene import make_scene
        from composegen.system.files import write_atomically

        title = self._workspace.find_title(self._plan.stack.name)
        try:
            text = write_report(make_scene(self._plan, title), recorded)
            write_atomically(Path(self._report_file), text)
        except FileRefused as refused:
            self._show(Noted(text=f"--report: {refused.message}"))
        else:
            self._show(Noted(text=f"the report of the boot is {self._report_file}"))
