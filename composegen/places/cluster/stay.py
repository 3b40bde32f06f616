"""``up --on kubernetes --stay``: shows what happens until a signal."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

from composegen.errors import ComposegenError, ExitCode, Interrupted
from composegen.places.cluster.forwarding import Forward, Forwarding
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.events import Event, Exited, Message, Noted, Report
from composegen.places.place import Place

_END = "the stack stays up: composegen status, composegen down"


class Staying:
    """Follows a stack that is up, and forwards its ports where that is asked for."""

    def __init__(self, kubectl: Kubectl, place: Place, report: Report) -> None:
        self._kubectl = kubectl
        self._place = place
        self._report = report
        self._inbox: queue.SimpleQueue[Event | ComposegenError] = queue.SimpleQueue()

    def carry_out(self, forwards: Iterable[Forward]) -> int:
        """Show what happens until a signal; its exit code.

        Raises ClusterUnreachable where the cluster is gone from the beginning.
        """
        forwarding = Forwarding(self._kubectl, self._inbox.put)
        try:
            for each in forwards:
                forwarding.start(each)
            threading.Thread(target=self._listen, daemon=True).start()
            while True:
                self._take(self._inbox.get())
        except Interrupted as ended:
            self._report(Noted(text=_END))
            return ended.exit_code or ExitCode.INTERRUPTED
        finally:
            forwarding.close()

    def _listen(self) -> None:
        try:
            for event in self._place.follow():
                if event.at > 0:  # how all was at the beginning has been shown
                    self._inbox.put(_reword(event))
        except ComposegenError as error:
            self._inbox.put(error)

    def _take(self, got: Event | ComposegenError) -> None:
        if isinstance(got, ComposegenError):
            raise got
        self._report(got)


def _reword(event: Event) -> Event:
    """An end as it is seen from outside: whether it is restarted shows next."""
    if isinstance(event, Exited):
        text = f"exited with {event.exit_code}"
        return Message(service=event.service, at=event.at, text=text)
    return event
