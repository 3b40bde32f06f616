"""What `up` applied to a cluster, noted next to the stack file for later commands.

A file in a project folder must not decide which cluster is talked to: context and
server are compared with kubectl's configuration before they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.places.cluster.contexts import NAMESPACE, Where
from composegen.places.events import Failure
from composegen.places.noted import NotedNeed, Parts
from composegen.places.status import ExcludedNote, format_now
from composegen.records import as_dict, record
from composegen.workspace.booting import forget_cut_off
from composegen.workspace.state import STATE_FOLDER, NotTrusted, make_state_folder
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import (
    as_list,
    expect,
    make_harmless,
    read_record,
)

FILE = "kubernetes.json"
_FORM = 1
_COMPARED = frozenset({"context", "server"})


@record
class NotedService:
    """A service as it was planned.

    ``object`` is what its objects are called. ``boot`` is in seconds; ``is_asked`` says
    whether a probe asks for its health, ``is_built`` that its image is built here.
    ``check`` is the kind of its health check, with the ``path`` and the port that it
    asks. ``definition`` is the digest of what it was made from, ``without`` are the
    excluded services that its pods were made without.
    """

    name: str
    object: str
    is_required: bool
    is_job: bool = False
    is_asked: bool = True
    is_built: bool = False
    boot: float
    replicas: int = 1
    port: int | None = None
    needs: tuple[NotedNeed, ...] = ()
    check: str = ""
    path: str = ""
    check_port: int | None = None
    definition: str = ""
    without: tuple[str, ...] = ()


@record
class NotedStop:
    """A service that the user has stopped, and how many pods it had."""

    service: str
    replicas: int = 1


@record
class NotedExclusion:
    """An optional service that was excluded because it failed, or what it requires.

    ``failure`` is its own one; ``instead`` is a line for each dependent service.
    """

    service: str
    reason: str
    failure: Failure | None = None
    instead: tuple[str, ...] = ()


@record
class Notes(Parts[NotedService, NotedExclusion]):
    """What was brought up: where, from what, and what was excluded.

    ``made_namespace`` says that `up` made the namespace. ``began`` is when, in seconds
    since 1970, ``limit`` the deadline that replaced every ``boot``. ``at`` is when this
    was noted, ISO 8601 in UTC. ``stopped`` are the services that the user has stopped,
    ``excluded`` the optional ones whose fallbacks are used.
    """

    project: str
    context: str
    server: str
    namespace: str
    made_namespace: bool = False
    file: str
    flags: str = ""
    began: float = 0.0
    limit: float | None = None
    services: tuple[NotedService, ...] = ()
    left_out: tuple[Mapping[str, Any], ...] = ()
    at: str = ""
    stopped: tuple[NotedStop, ...] = ()
    excluded: tuple[NotedExclusion, ...] = ()

    @property
    def where(self) -> Where:
        """The cluster and the namespace."""
        return Where(context=self.context, server=self.server, namespace=self.namespace)

    def find_object(self, label: str) -> NotedService | None:
        """The service whose objects carry a name; None where none does."""
        named = (each for each in self.services if label in {each.name, each.object})
        return next(named, None)

    def find_stop(self, name: str) -> NotedStop | None:
        """How the user has stopped a service; None where that did not happen."""
        return next((each for each in self.stopped if each.service == name), None)


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes of a stack's folder, with the time of now. Raises FileRefused."""
    data = {**as_dict(notes), "form": _FORM, "at": format_now()}
    write_state(make_state_folder(folder) / FILE, data)


def load_notes(folder: Path) -> Notes | None:
    """The notes of a stack's folder; None where there are none. Raises NotTrusted."""
    return load_state(folder, FILE, parse=_parse)


def read_notes(folder: Path) -> Notes | None:
    """The same; None where they are not to be trusted."""
    try:
        return load_notes(folder)
    except NotTrusted:
        return None


def _parse(data: dict[str, Any]) -> Notes:
    expect(data.pop("form", None) == _FORM, "form", f"{_FORM}, that of this version")
    for each in as_list(data.get("left_out", [])):
        read_record(ExcludedNote, each, "left_out")
    notes = read_record(Notes, make_harmless(data, keep=_COMPARED))
    expect(bool(NAMESPACE.fullmatch(notes.namespace)), "namespace", "a namespace")
    # It becomes a word of kubectl's command line.
    is_word = bool(notes.context) and not notes.context.startswith("-")
    expect(is_word, "context", "the name of a context")
    expect(notes.has_valid_names, "services", "services with valid names")
    expect(notes.excludes_own, "excluded", "services that were brought up")
    is_object = all(NAMESPACE.fullmatch(each.object) for each in notes.services)
    expect(is_object, "services", "services with the names of their objects")
    return notes


def remove_notes(folder: Path) -> None:
    """Forget what was up."""
    forget_cut_off(folder)
    (folder / STATE_FOLDER / FILE).unlink(missing_ok=True)
