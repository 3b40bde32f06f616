"""The newest boots of a stack, one a line in ``.composegen/boots.jsonl``."""

from __future__ import annotations

import json
from pathlib import Path

from composegen.errors import FileRefused
from composegen.records import as_dict, record
from composegen.system.files import write_atomically
from composegen.values import SERVICE_NAME
from composegen.workspace.state import (
    STATE_FOLDER,
    NotTrusted,
    hold_lock,
    make_state_folder,
    read_state,
)
from composegen.workspace.stateform import (
    BadForm,
    expect,
    make_harmless,
    read_json,
    read_record,
)

BOOTS = "boots.jsonl"
KEPT = 10
"""How many boots are kept."""

_LOCK = "boots.lock"
_MODE = 0o600


@record
class BootedService:
    """When a service was started and ready, in seconds since the boot began.

    None: that never was. ``after`` are the services whose gates it waited for.
    """

    service: str
    started: float | None = None
    ready: float | None = None
    after: tuple[str, ...] = ()


@record
class BootNote:
    """One boot: when it began, ISO 8601 in UTC, where, and with which selection.

    ``total`` is how many seconds it took; None where the stack did not come up, and
    then ``interrupted`` is after how many seconds a signal ended it, if one did.
    """

    at: str
    place: str
    flags: str
    total: float | None
    services: tuple[BootedService, ...]
    interrupted: float | None = None


def load_boots(folder: Path) -> tuple[BootNote, ...]:
    """The boots that were noted, the oldest first. Raises NotTrusted."""
    text = read_state(folder, BOOTS)
    if text is None:
        return ()
    try:
        return tuple(_read_note(line) for line in text.splitlines() if line)[-KEPT:]
    except BadForm as error:
        raise NotTrusted(folder / STATE_FOLDER / BOOTS, str(error)) from None


def read_boots(folder: Path) -> tuple[BootNote, ...]:
    """The boots that were noted; none where the file is nothing to trust."""
    try:
        return load_boots(folder)
    except NotTrusted:
        return ()


def _read_note(line: str) -> BootNote:
    note = read_record(BootNote, make_harmless(read_json(line)))
    for each in note.services:
        is_name = SERVICE_NAME.fullmatch(each.service) is not None
        expect(is_name, "services.service", "the name of a service")
    return note


def append_boot(folder: Path, note: BootNote) -> None:
    """Add a boot; the oldest go. Raises FileRefused.

    A file that is nothing to trust is left as it is.
    """
    path = make_state_folder(folder) / BOOTS
    with hold_lock(folder, _LOCK) as is_ours:
        if not is_ours:
            return  # another boot ends in this moment
        try:
            noted = [*load_boots(folder), note][-KEPT:]
        except NotTrusted as refused:
            raise FileRefused(
                str(refused.path), refused.reason, help=refused.help
            ) from None
        lines = "".join(f"{json.dumps(_describe(each))}\n" for each in noted)
        write_atomically(path, lines, mode=_MODE)


def _describe(note: BootNote) -> dict[str, object]:
    services = [{**as_dict(each), "after": list(each.after)} for each in note.services]
    described = {**as_dict(note), "services": services}
    if note.interrupted is None:
        del described["interrupted"]  # older versions read what they know
    return described
