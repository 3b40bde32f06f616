"""What `up` brought up, noted beside the stack file for whoever asks later.

The notes hold all that `status` and `why` must know of the plan, so that they answer
while the stack file is being edited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.endpoint import Endpoint
from composegen.files import read_small_text, write_atomically
from composegen.records import as_dict, field, record
from composegen.statefolder import STATE_FOLDER, make_state_folder

FILE = "up.json"
_MODE = 0o600
_FORM = 1


@record
class NotedNeed:
    """What a service needs, and whether it starts without it."""

    service: str
    is_optional: bool


@record
class NotedService:
    """A service as it was planned.

    ``boot`` is in seconds; ``is_asked`` tells whether the engine asks for its health,
    ``is_http`` whether that is a page to open; ``is_restarted`` whether the engine
    starts it again when it dies; ``password_file`` is the file of its password,
    relative to the stack file.
    """

    name: str
    is_required: bool
    is_job: bool = False
    is_asked: bool = True
    is_http: bool = False
    is_restarted: bool = True
    boot: float
    replicas: int = 1
    port: int | None = None
    needs: tuple[NotedNeed, ...] = ()
    password_file: str = ""


@record
class Notes:
    """What was brought up: by which name, from what, where, and what was left out.

    ``complaint`` is what Compose said when it could not do it; ``failed`` the services
    that were given up, ``late`` those among them that only were not ready in time.
    """

    project: str
    host: str
    context: str
    settings: Mapping[str, str] = field(default_factory=dict)
    file: str
    flags: str = ""
    complaint: str = ""
    failed: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    services: tuple[NotedService, ...] = ()
    left_out: tuple[Mapping[str, Any], ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The engine that it was brought up on."""
        return Endpoint(host=self.host, context=self.context, settings=self.settings)

    def find(self, name: str) -> NotedService | None:
        """One service; None where it took no part."""
        return next((each for each in self.services if each.name == name), None)

    def list_dependants(self, name: str) -> tuple[str, ...]:
        """The services that need one, in the order of the plan."""
        return tuple(
            each.name
            for each in self.services
            if any(need.service == name for need in each.needs)
        )


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes of a stack's folder. Raises FileRefused."""
    data = {
        **as_dict(notes),
        "form": _FORM,
        "settings": dict(notes.settings),
        "services": [
            {**as_dict(each), "needs": [as_dict(need) for need in each.needs]}
            for each in notes.services
        ],
    }
    path = make_state_folder(folder) / FILE
    write_atomically(path, json.dumps(data, indent=1) + "\n", mode=_MODE)


def read_notes(folder: Path) -> Notes | None:
    """The notes of a stack's folder; None where nothing is up, or nobody can tell."""
    text = read_small_text(folder / STATE_FOLDER / FILE)
    if text is None:
        return None
    try:
        data = json.loads(text)
        if data.pop("form") != _FORM:
            return None
        services = tuple(
            NotedService(
                **{**each, "needs": tuple(NotedNeed(**need) for need in each["needs"])}
            )
            for each in data.pop("services")
        )
        for key in ("left_out", "failed", "late"):
            data[key] = tuple(data[key])
        return Notes(**data, services=services)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def remove_notes(folder: Path) -> None:
    """Forget what was up."""
    (folder / STATE_FOLDER / FILE).unlink(missing_ok=True)
