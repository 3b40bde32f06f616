"""Lines of containers' logs on a cluster, with those of the gates."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from composegen.errors import ComposegenError
from composegen.patterns import make_pattern
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import Notes
from composegen.places.cluster.objects import NAME, Pod
from composegen.places.cluster.snapshot import (
    Snapshot,
    select_project,
    take_snapshot,
)

_PREFIX = make_pattern(r"\[pod/([^/\]]+)/([^\]]+)\] ?")
_LOOK = 2.0
_MOST = 1000

Line = tuple[str, str]
"""Who says it, and the line."""


class LogReader:
    """Reads the logs of some services, all where none is named."""

    def __init__(self, kubectl: Kubectl, notes: Notes, names: Iterable[str]) -> None:
        self._kubectl = kubectl
        self._notes = notes
        listed = tuple(names) or notes.names
        self._objects = {
            each.object: each.name for each in notes.services if each.name in listed
        }
        self._lock = threading.Lock()
        self._held: set[subprocess.Popen[bytes]] = set()
        self._inbox: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._is_over = False

    def read(self, snapshot: Snapshot, count: int) -> Iterator[Line]:
        """The last lines of each container."""
        pods = {each.name: each for each in self._list_pods(snapshot)}
        if not pods:
            return
        chosen = f"{NAME} in ({','.join(self._objects)})"
        lines = self._kubectl.iterate(
            *("logs", "--selector", select_project(self._notes.project, chosen)),
            *("--all-containers", "--prefix", "--ignore-errors"),
            *(f"--tail={count}", f"--max-log-requests={_MOST}"),
        )
        for line in lines:
            found = _PREFIX.match(line)
            if found is None or found[1] not in pods:
                continue
            yield self._name(pods[found[1]], found[2]), line[found.end() :]

    def follow(self, snapshot: Snapshot, count: int) -> Iterator[Line]:
        """The same, then new lines, of pods that are made later too."""
        known: set[str] = set()
        self._listen(snapshot, known, count)
        looked = time.monotonic()
        while not self._is_over:
            with suppress(queue.Empty):
                line = self._inbox.get(timeout=_LOOK)
                if line is None:
                    return
                yield line
            if time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                try:
                    found = take_snapshot(self._kubectl, self._notes, with_events=False)
                except ComposegenError:
                    continue  # it may be reached again
                self._listen(found, known, _MOST)

    def stop(self) -> None:
        """End what is followed, from any thread."""
        with self._lock:
            self._is_over = True
            for process in self._held:
                process.kill()
        self._inbox.put(None)

    def _listen(self, snapshot: Snapshot, known: set[str], count: int) -> None:
        """Begin to read every container that was started since."""
        for pod in self._list_pods(snapshot):
            for container in pod.containers:
                if not container.id or container.id in known:
                    continue
                known.add(container.id)
                source = self._name(pod, container.name)
                words = (
                    *("logs", pod.name, "--container", container.name),
                    *("--follow", f"--tail={count}"),
                )
                threading.Thread(
                    target=self._pass_on, args=(words, source), daemon=True
                ).start()

    def _pass_on(self, words: tuple[str, ...], source: str) -> None:
        for line in self._kubectl.iterate(*words, hold=self._hold):
            self._inbox.put((source, line))

    def _hold(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._held = {each for each in self._held if each.poll() is None}
            self._held.add(process)
            if self._is_over:
                process.kill()

    def _list_pods(self, snapshot: Snapshot) -> list[Pod]:
        return [each for each in snapshot.pods if each.service in self._objects]

    def _name(self, pod: Pod, container: str) -> str:
        """The service of a line; with the gate that says it, or with its pod."""
        service = self._objects[pod.service]
        noted = self._notes.find(service)
        many = noted is not None and noted.replicas > 1
        source = f"{service}-{pod.name.rpartition('-')[2]}" if many else service
        return source if container == pod.service else f"{source}/{container}"
