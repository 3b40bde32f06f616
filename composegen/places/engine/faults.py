"""What a drill does to containers, and how each of it is undone.

This is the one place where containers are changed without Compose: a fault is nothing
that a Compose file could say. Undoing looks first and does what is still to be done.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from composegen.errors import FaultFailed
from composegen.places.engine.client import Engine
from composegen.places.engine.containers import read_time
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.links import Link, Links, describe_link, read_links
from composegen.records import record

_GONE = 404
_REFUSED = 400
_POLL = 0.2
_APART = 0.7
_LONGEST = 60.0
_TRIES = 20
_BUSY = "unable to freeze"
"""What runc says where processes of a busy machine did not come to rest (cgroup v1).

It has let them go on then, and leaves it to its caller to try again.
"""


@record
class Reached:
    """Where a container is reached: addresses by network, whether it runs."""

    addresses: Mapping[str, str]
    is_running: bool
    exit_code: int


class Hands:
    """Changes containers of one project, and no others. Raises FaultFailed.

    ``apart`` are the seconds between two looks that must agree, ``poll`` those between
    looks at a container that is about to end.
    """

    def __init__(
        self,
        engine: Engine,
        project: str,
        *,
        apart: float = _APART,
        poll: float = _POLL,
    ) -> None:
        self._engine = engine
        self._project = project
        self._apart = apart
        self._poll = poll

    # Faults

    def stop(self, ids: Iterable[str]) -> None:
        """Ask containers to stop, and wait until they have."""
        for id in ids:
            self._post(id, "stop")

    def kill(self, ids: Iterable[str]) -> None:
        """Kill containers; the engine does not restart what was killed so."""
        for id in ids:
            self._post(id, "kill")

    def freeze(self, ids: Iterable[str]) -> None:
        """Freeze containers: they keep their connections and answer nothing."""
        for id in ids:
            self._freeze_one(id)

    def cut(self, all_links: Iterable[Links]) -> None:
        """Detach containers from their networks."""
        for each in all_links:
            for link in each.links:
                path = f"/networks/{link.network}/disconnect"
                self._ask("POST", path, {"Container": each.container, "Force": True})

    def restart(self, ids: Iterable[str]) -> None:
        """Stop and start containers."""
        for id in ids:
            self._post(id, "restart")

    # Undoing

    def start(self, ids: Iterable[str]) -> None:
        """Start containers that do not run; one that is about to end ends first."""
        self._settle(ids, self._start_one)

    def thaw(self, ids: Iterable[str]) -> None:
        """Let frozen containers go on."""
        self._settle(ids, self._thaw_one)

    def connect(self, all_links: Iterable[Links]) -> None:
        """Attach containers to their networks again, as they were attached."""
        listed = {each.container: each.links for each in all_links}
        self._settle(listed, lambda one, data: self._connect_one(data, listed[one]))

    def start_sharing(self, ids: Iterable[str], owners: Iterable[str]) -> None:
        """Start again what shared a namespace that a start of its owner has replaced.

        One that the engine refuses to start stays down, for its owner is down again.
        """
        starts = (_read_start(data) for id in owners if (data := self._look(id)))
        last = max(starts, default=0.0)
        for id in ids:
            data = self._look(id)
            if data is None:
                continue
            if data["State"]["Running"] and _read_start(data) >= last:
                continue
            with suppress(FaultFailed):
                self._post(id, "restart")

    def undo_at_once(self, do: str, ids: Iterable[str]) -> None:
        """Undo what is known to be done: ``start`` or ``unpause``."""
        for id in ids:
            if self._look(id) is not None:
                self._post(id, do)

    def connect_at_once(self, all_links: Iterable[Links]) -> None:
        """Attach containers that are known to be detached."""
        for each in all_links:
            data = self._look(each.container)
            if data is not None:
                self._connect_one(data, each.links)

    def _settle(self, ids: Iterable[str], do: Any) -> None:
        """Undo what may have been done, until two looks find nothing to do."""
        for id in ids:
            end = time.monotonic() + _LONGEST
            calm = 0
            while calm < 2 and time.monotonic() < end:
                data = self._look(id)
                if data is None:
                    break  # it was removed: there is nothing to undo
                if data["State"]["Running"] and self._is_ending(id):
                    time.sleep(self._poll)
                    continue
                calm = 0 if do(id, data) else calm + 1
                time.sleep(self._apart if calm == 1 else 0)

    def _start_one(self, id: str, data: Mapping[str, Any]) -> bool:
        state = data["State"]
        if state["Running"] or state.get("Restarting"):
            return False
        self._post(id, "start")
        return True

    def _thaw_one(self, id: str, data: Mapping[str, Any]) -> bool:
        if not data["State"]["Paused"]:
            return False
        self._post(id, "unpause")
        return True

    def _connect_one(self, data: Mapping[str, Any], links: Iterable[Link]) -> bool:
        there = {
            each.get("NetworkID")
            for each in (data["NetworkSettings"].get("Networks") or {}).values()
        }
        missing = [link for link in links if link.network not in there]
        for link in missing:
            wanted = {"Container": data["Id"], "EndpointConfig": describe_link(link)}
            self._ask("POST", f"/networks/{link.network}/connect", wanted)
        return bool(missing)

    def _is_ending(self, id: str) -> bool:
        """Whether the container was asked to end and has not ended yet."""
        past = self._engine.list_past(id, self._engine.read_clock() - _LONGEST)
        return is_ending(past)

    # What is there

    def list_links(self, ids: Iterable[str]) -> tuple[Links, ...]:
        """The networks of containers."""
        found = ((id, self._look(id)) for id in ids)
        return tuple(
            Links(container=id, links=read_links(data))
            for id, data in found
            if data is not None
        )

    def find_reached(self, id: str) -> Reached | None:
        """Where a container is reached; None where it is gone."""
        data = self._look(id)
        if data is None:
            return None
        networks = data["NetworkSettings"].get("Networks") or {}
        return Reached(
            addresses={
                name: each["IPAddress"]
                for name, each in networks.items()
                if each.get("IPAddress")
            },
            is_running=bool(data["State"]["Running"]),
            exit_code=int(data["State"].get("ExitCode") or 0),
        )

    def _look(self, id: str) -> Mapping[str, Any] | None:
        """What the engine knows of a container of the project; None: there is none."""
        answer = self._engine.ask_api("GET", f"/containers/{id}/json")
        if answer.status_code == _GONE:
            return None
        data: Mapping[str, Any] = answer.json()
        labels = (data.get("Config") or {}).get("Labels") or {}
        is_own = labels.get("com.docker.compose.project") == self._project
        return data if is_own else None

    def _freeze_one(self, id: str) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._post(id, "pause")
            except FaultFailed as error:
                if _BUSY not in str(error) or not left:
                    raise
                time.sleep(self._poll)
            else:
                return

    def _post(self, id: str, do: str) -> None:
        self._ask("POST", f"/containers/{id}/{do}", None)

    def _ask(self, method: str, path: str, data: Any) -> None:
        answer = self._engine.ask_api(method, path, data=data)
        if answer.status_code >= _REFUSED and answer.status_code != _GONE:
            try:
                words = str(answer.json()["message"])
            except (ValueError, LookupError, TypeError):
                words = f"status {answer.status_code}"
            if not _is_done(words):
                raise FaultFailed(f"the Docker engine says: {words}")


def _read_start(data: Mapping[str, Any]) -> float:
    return read_time(data["State"].get("StartedAt")) or 0.0


def _is_done(words: str) -> bool:
    """Whether the engine refuses because it is so already."""
    return any(
        part in words
        for part in ("is not running", "already paused", "is not paused", "already")
    )


def is_ending(past: Iterable[Happened]) -> bool:
    """Whether the last wish to end a container has not been granted yet."""
    pending = False
    for each in past:
        if each.is_end_asked:
            pending = True
        elif each.action in {Action.DIE, Action.START}:
            pending = False
    return pending
