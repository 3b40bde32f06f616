"""The limits that a container really gets: `resources`, with raw settings over them."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.model import Raw, Service
from composegen.records import record
from composegen.values import guess_default, parse_size

_RAW = {"cpus": "cpus", "memory": "mem_limit"}
"""A limit -> the raw setting that replaces it."""


@record
class Limit:
    """One limit or reservation: processors or bytes, of a variable by its default.

    ``text`` is how it was written, ``place`` where; both are empty for a default.
    """

    name: str
    amount: float | None
    text: str = ""
    place: tuple[str, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether the stack file does not set it."""
        return not self.place


def find_limits(service: Service) -> dict[str, Limit]:
    """The limits of a service: ``cpus`` and ``memory``."""
    resources = service.resources
    limits = {}
    for name, text in (("cpus", resources.cpus), ("memory", resources.memory)):
        place: tuple[str, ...] = ()
        shown: Raw = text or None
        if name in resources.written:
            place = ("services", service.name, "resources", name)
        if _RAW[name] in service.compose:
            shown = service.compose[_RAW[name]]
            place = ("services", service.name, "compose", _RAW[name])
        limits[name] = _make_limit(name, shown, place)
    return limits


def list_reservations(service: Service) -> Iterator[Limit]:
    """What raw settings reserve for a service."""
    place = ("services", service.name, "compose")
    if service.compose.get("mem_reservation") is not None:
        value = service.compose["mem_reservation"]
        yield _make_limit("memory", value, (*place, "mem_reservation"))
    found: Raw = dict(service.compose)
    inner = ("deploy", "resources", "reservations")
    for key in inner:
        found = found.get(key) if isinstance(found, dict) else None
    for name in _RAW:
        if isinstance(found, dict) and found.get(name) is not None:
            yield _make_limit(name, found[name], (*place, *inner, name))


def _make_limit(name: str, value: Raw, place: tuple[str, ...]) -> Limit:
    text = "" if value is None else str(value)
    amount = _read_amount(name, guess_default(text))
    return Limit(name=name, amount=amount, text=text, place=place)


def _read_amount(name: str, text: str) -> float | None:
    """The number of a text; None where there is none, which includes 0."""
    try:
        return (float(text) if name == "cpus" else parse_size(text)) or None
    except ValueError:
        return None
