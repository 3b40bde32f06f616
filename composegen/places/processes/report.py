"""What a run reports of one service: its events and the lines of its log."""

from __future__ import annotations

from composegen.places.events import Event, Line, Message, Report, WantsLines
from composegen.places.processes.service import RunningService
from composegen.places.reasons import LAST_LINES, shorten_lines
from composegen.system.logfiles import Tail, read_last_lines
from composegen.system.trimming import Trimmer


class Reports:
    """The reports of one service."""

    def __init__(self, service: RunningService, report: Report) -> None:
        self._service = service
        self._report = report
        self._tail: Tail | None = None
        self._trimmer: Trimmer | None = None

    def send(self, event: Event | None) -> None:
        """Report an event, where there is one."""
        if event is not None:
            self._report(event)

    def tell(self, text: str) -> None:
        """Report what has no event of its own."""
        self._send_now(Message, text)

    def follow_log(self) -> None:
        """Begin with the log of the process that was started, after the rest of it."""
        self.show_rest()
        launch, process = self._service.unit.launch, self._service.process
        if launch is not None and launch.log is not None and process is not None:
            self._tail = Tail(launch.log, process.log_start)
            self._trimmer = Trimmer(str(launch.log))

    def show_lines(self, wants_lines: WantsLines) -> bool:
        """Report the new lines of its log, and keep it small; whether there are any.

        What its process left behind may write to it until it is stopped.
        """
        if self._trimmer is not None:
            self._trimmer.trim()
        if self._tail is None:
            return False
        name, before = self._service.name, self._tail.position
        for text in self._tail.read_lines(lambda data: wants_lines(name, data)):
            self._send_now(Line, text)
        return self._tail.position != before

    def show_rest(self) -> None:
        """Report its last lines, before its end is reported."""
        if self._tail is not None:
            for text in self._tail.read_rest():
                self._send_now(Line, text)
            self._tail.close()
            self._tail = None

    def read_last_lines(self) -> tuple[str, ...]:
        """The last lines that its process has logged."""
        launch, process = self._service.unit.launch, self._service.process
        if launch is None or launch.log is None or process is None:
            return ()
        lines = read_last_lines(launch.log, LAST_LINES, since=process.log_start)
        return shorten_lines(lines)

    def _send_now(self, kind: type[Message | Line], text: str) -> None:
        self._report(kind(service=self._service.name, at=self._service.now, text=text))
