"""What `up` brought up, noted next to the stack file for later commands.

The notes hold all that `status` and `why` must know of the plan, so that they answer
while the stack file is being edited.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from composegen.errors import OtherEngine
from composegen.patterns import make_pattern
from composegen.places.engine.deaths import Death
from composegen.places.engine.endpoint import (
    Endpoint,
    describe_endpoint,
    find_endpoint,
    suggest_choice,
)
from composegen.places.events import Failure
from composegen.places.noted import NotedNeed, Parts
from composegen.places.status import ExcludedNote, format_now
from composegen.records import as_dict, field, record
from composegen.workspace.booting import forget_cut_off
from composegen.workspace.state import (
    STATE_FOLDER,
    Lock,
    NotTrusted,
    make_state_folder,
    show_path,
)
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import (
    as_list,
    expect,
    make_harmless,
    read_record,
)

FILE = "up.json"
_LOCK = "notes.lock"
_POLL = 0.02
_FORM = 2
_FORMS = (1, _FORM)
"""The forms that are read: in the first nothing could be excluded."""
_COMPARED = frozenset({"host", "context", "settings"})
_NO_LONGER = ("failed", "late")
"""What the notes of version 0.2 also hold: it is no evidence of when and how."""
_PROJECT = make_pattern(r"[a-z0-9][a-z0-9_-]*", re.ASCII)


@record
class NotedService:
    """A service as it was planned.

    ``boot`` is in seconds; ``is_asked`` says whether the engine asks for its health,
    ``is_http`` whether that is a page to open; ``is_restarted`` whether the engine
    starts it again when it dies, ``on_failure`` that it does so after another code than
    0 alone; ``password_file`` is the file of its password,
    relative to the stack file. ``check`` is the kind of its health check, with the
    ``path``, the ``host`` and the port that it asks. ``publish`` is what is written of
    its published ports, ``says_port`` whether `port` is written too.
    ``definition`` is the digest of what it is to be made from, ``made`` of what the
    containers from before this `up` were made from; ``without`` are the excluded
    services that its containers were made without, ``helper`` is the name of the
    container that asks it from outside, empty where none does; ``shares`` that of the
    service whose network it shares. ``image`` is what it runs, and ``helper_image``
    what that container does, variables as they are written; ``is_built`` says that its
    image is not pulled.
    """

    name: str
    is_required: bool
    is_job: bool = False
    is_asked: bool = True
    is_http: bool = False
    is_restarted: bool = True
    on_failure: bool = False
    boot: float
    replicas: int = 1
    port: int | None = None
    needs: tuple[NotedNeed, ...] = ()
    password_file: str = ""
    check: str = ""
    path: str = ""
    host: str = ""
    check_port: int | None = None
    publish: tuple[str, ...] = ()
    says_port: bool = False
    definition: str = ""
    made: str = ""
    helper: str = ""
    shares: str = ""
    without: tuple[str, ...] = ()
    image: str = ""
    helper_image: str = ""
    is_built: bool = False


@record
class NotedStop:
    """A container that the user has stopped, until it is started again.

    ``started_at`` is when it had been started, in seconds since 1970.
    """

    container: str
    started_at: float = 0.0


class How(StrEnum):
    """In which way a service failed while it was brought up."""

    DIED = "died"
    STOPPED = "stopped"
    LATE = "late"
    UNSTARTED = "not-started"
    REFUSED = "refused"


@record
class NotedFailure:
    """A service that failed, as `up` judged it: how, and when on the engine's clock.

    ``id`` is its container, empty where there was none.
    """

    service: str
    how: How
    at: float
    reason: str
    id: str = ""
    exit_code: int | None = None


@record
class NotedExclusion:
    """An optional service that was excluded because it failed, or what it requires.

    ``at`` is when on the engine's clock; ``failure`` its own one, with the cause that
    was found before it was stopped, and ``check`` its health check with its outputs.
    ``instead`` is a line for each dependent service.
    """

    service: str
    reason: str
    at: float
    failure: Failure | None = None
    check: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


@record
class Notes(Parts[NotedService, NotedExclusion]):
    """What was brought up: by which name, from what, where, and what was excluded.

    ``began`` is when, in seconds since 1970 on the engine's clock, and 0 where this is
    not known; ``limit`` the deadline that replaced every ``boot``, in seconds from
    there. ``complaint`` is what Compose said when it could not do it, and
    ``complained_at`` when on the engine's clock; ``failures`` and ``deaths`` are what
    `up` saw: the engine soon forgets it. ``at`` is when this was
    noted, ISO 8601 in UTC. ``stopped`` are the containers that the user
    has stopped, ``excluded`` the optional services whose fallbacks are used;
    ``interrupted`` says that a signal has ended `up`.
    """

    project: str
    host: str
    context: str
    settings: Mapping[str, str] = field(default_factory=dict)
    file: str
    flags: str = ""
    began: float = 0.0
    limit: float | None = None
    complaint: str = ""
    complained_at: float = 0.0
    failures: tuple[NotedFailure, ...] = ()
    deaths: tuple[Death, ...] = ()
    services: tuple[NotedService, ...] = ()
    left_out: tuple[Mapping[str, Any], ...] = ()
    at: str = ""
    stopped: tuple[NotedStop, ...] = ()
    interrupted: bool = False
    excluded: tuple[NotedExclusion, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The engine that it was brought up on."""
        return Endpoint(host=self.host, context=self.context, settings=self.settings)

    def is_same_project(self, other: Notes) -> bool:
        """Whether other notes are about the same project on the same engine."""
        return (self.project, self.endpoint) == (other.project, other.endpoint)

    def find_failure(self, name: str) -> NotedFailure | None:
        """How a service failed; None where it did not."""
        return next((each for each in self.failures if each.service == name), None)


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes of a stack's folder, with the time of now. Raises FileRefused."""
    data = {**as_dict(notes), "form": _FORM, "at": format_now()}
    write_state(make_state_folder(folder) / FILE, data)


def change_notes(folder: Path, notes: Notes, change: Callable[[Notes], Notes]) -> Notes:
    """Change what is noted now; ``notes`` where there are none for this project.

    Two commands at once change one after the other. Raises FileRefused.
    """
    lock = Lock(make_state_folder(folder) / _LOCK)
    while not lock.take():
        time.sleep(_POLL)
    try:
        try:
            found = load_notes(folder)
        except NotTrusted:
            found = None
        is_same = found is not None and found.is_same_project(notes)
        changed = change(found if found is not None and is_same else notes)
        write_notes(folder, changed)
        return changed
    finally:
        lock.give_back()


def read_notes(folder: Path, environment: Mapping[str, str]) -> Notes | None:
    """The notes of a stack's folder; None where there are none to trust.

    Raises OtherEngine where they name another engine than the environment chooses:
    a file in a project folder must not decide which engine is talked to.
    """
    try:
        notes = load_notes(folder)
    except NotTrusted:
        return None
    if notes is not None:
        _check_engine(notes.endpoint, find_endpoint(environment), folder)
    return notes


def load_notes(folder: Path) -> Notes | None:
    """The notes of a stack's folder as they stand; None where there are none.

    Raises NotTrusted. Nothing may be connected to by them: ``read_notes`` compares.
    """
    return load_state(folder, FILE, parse=_parse)


def _parse(data: dict[str, Any]) -> Notes:
    is_known = data.pop("form", None) in _FORMS
    expect(is_known, "form", f"{_FORM}, the one of this version")
    for name in _NO_LONGER:
        data.pop(name, None)
    for each in as_list(data.get("left_out", [])):
        read_record(ExcludedNote, each, "left_out")
    notes = read_record(Notes, make_harmless(data, keep=_COMPARED))
    expect(bool(_PROJECT.fullmatch(notes.project)), "project", "the name of a project")
    expect(notes.has_valid_names, "services", "services with valid names")
    expect(notes.excludes_own, "excluded", "services that were brought up")
    return notes


def _check_engine(noted: Endpoint, chosen: Endpoint, folder: Path) -> None:
    if noted == chosen:
        return
    file = show_path(folder / STATE_FOLDER / FILE)
    forget = f"rm {shlex.quote(file)}"
    choice = suggest_choice(noted, chosen)
    raise OtherEngine(
        file,
        describe_endpoint(noted),
        describe_endpoint(chosen),
        help=f"if you did not bring it up there, remove the file: {forget}\n"
        f"if you did, choose that engine and repeat the command:\n{choice}"
        if choice
        else f"composegen does not write such a file; remove it: {forget}",
    )


def remove_notes(folder: Path) -> None:
    """Forget what was up."""
    forget_cut_off(folder)
    (folder / STATE_FOLDER / FILE).unlink(missing_ok=True)
