"""What happens to the services of a folder's runs, followed from another process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from composegen.places.event_data import read_event
from composegen.places.events import Event
from composegen.places.present import describe_present
from composegen.places.processes.asking import list_answering
from composegen.places.processes.talking import Following


def follow_runs(folder: Path) -> Iterator[Event]:
    """How every service is doing, then what happens, until the last run has ended.

    What a run of a newer version reports beyond what is known here is passed over.
    Raises NothingRuns.
    """
    inbox: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    followings: list[Following] = []
    try:
        for run in list_answering(folder):
            following = Following(run.record.socket)
            followings.append(following)
            listener = threading.Thread(
                target=_listen, args=(following, inbox), daemon=True
            )
            listener.start()
        # Asked again, now that nothing can be missed.
        for run in list_answering(folder):
            for status in run.statuses.values():
                yield from describe_present(status)
        for _ in followings:
            while (event := inbox.get()) is not None:
                yield event
    finally:
        for following in followings:
            following.leave()


def _listen(following: Following, inbox: queue.SimpleQueue[Event | None]) -> None:
    """Pass on what one run reports; None when it has ended."""
    try:
        for data in following:
            event = read_event(data)
            if event is not None:
                inbox.put(event)
    except OSError:
        pass  # it was killed
    finally:
        inbox.put(None)
