"""What adoption did: gates, what is better, different, raw or lost; plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from composegen.records import field, record

if TYPE_CHECKING:
    from composegen.adopt.written import Spot


@record
class Gate:
    """One edge: what it waited for, what it waits for now, and which check says so.

    ``by`` is where the check comes from, the surest first: file, recipe, family, tcp,
    outside; empty where none was found. ``why`` is a reason for people.
    ``is_new``: only an address in a variable said that there is an edge.
    """

    source: str
    target: str
    before: str
    after: str
    by: str = ""
    through: str = ""
    why: str = ""
    is_new: bool = False


@record
class Entry:
    """Something that differs or is lost: of a service, or of the project if None."""

    service: str | None
    key: str
    what: str
    undo: str = ""
    spot: Spot | None = None


@record(frozen=False)
class Notes:
    """What is collected while a stack file is made."""

    changed: dict[Entry, None] = field(default_factory=dict)
    lost: dict[Entry, None] = field(default_factory=dict)
    raw: dict[str, list[str]] = field(default_factory=dict)
    offered: list[Entry] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def change(self, entry: Entry) -> None:
        """Note a difference on purpose, once."""
        self.changed[entry] = None

    def lose(self, entry: Entry) -> None:
        """Note what the stack file does not say."""
        self.lost[entry] = None

    def keep_raw(self, key: str, service: str) -> None:
        """Note a key that is passed on as it is."""
        names = self.raw.setdefault(key, [])
        if service not in names:
            names.append(service)


@record
class Report:
    """The whole result. ``selections`` together render every service once."""

    text: str = field(repr=False)
    read: tuple[str, ...]
    written: str
    services: tuple[str, ...]
    profiles: tuple[str, ...]
    settings: Mapping[str, str]
    gates: tuple[Gate, ...]
    changed: tuple[Entry, ...]
    raw: Mapping[str, tuple[str, ...]]
    lost: tuple[Entry, ...]
    offered: tuple[Entry, ...]
    remarks: tuple[str, ...]
    hardened: tuple[str, ...]
    optional: tuple[str, ...]
    selections: tuple[tuple[str, ...], ...]
    proof: str
    unlisted: tuple[Entry, ...]

    def describe(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "read": list(self.read),
            "written": self.written,
            "services": list(self.services),
            "profiles": list(self.profiles),
            "settings": dict(self.settings),
            "gates": [_describe_gate(gate) for gate in self.gates],
            "changed": [_describe_entry(entry) for entry in self.changed],
            "raw": {key: list(names) for key, names in self.raw.items()},
            "lost": [_describe_entry(entry) for entry in self.lost],
            "offered": [_describe_entry(entry) for entry in self.offered],
            "notes": list(self.remarks),
            "hardened": list(self.hardened),
            "optional": list(self.optional),
            "selections": [list(flags) for flags in self.selections],
            "proof": self.proof,
            "unlisted": [_describe_entry(entry) for entry in self.unlisted],
        }


def _describe_gate(gate: Gate) -> dict[str, Any]:
    return {
        "from": gate.source,
        "to": gate.target,
        "before": gate.before,
        "after": gate.after,
        "by": gate.by or None,
        "through": gate.through or None,
        "why": gate.why,
        "new": gate.is_new,
    }


def _describe_entry(entry: Entry) -> dict[str, Any]:
    spot = entry.spot
    return {
        "service": entry.service,
        "key": entry.key,
        "what": entry.what,
        "undo": entry.undo,
        "file": spot.file if spot else None,
        "line": spot.line if spot else None,
    }
