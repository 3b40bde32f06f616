"""What a service may do in its container, and which fact or person says so.

These are decisions. A target words them: nothing here knows the keys of a format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.model import RELAXABLE, Facts, Service
from composegen.records import field, record


@record
class Reason:
    """Why a service differs: ``source`` is ``relax`` or the name of its facts."""

    source: str
    text: str = ""


@record
class Scratch:
    """A folder in memory that a service may write although its image is read-only.

    ``user`` and ``group`` are the ids that own it, empty where root does.
    """

    path: str
    user: str = ""
    group: str = ""
    may_execute: bool = False


@record
class Hardening:
    """What is decided for a service.

    ``protections`` are those of ``RELAXABLE`` that hold. ``volumes`` are folders that
    get an anonymous volume in addition to the service's own. ``reasons`` says why a
    protection does not hold, or where ``user``, ``cap_add`` or ``volumes`` come from.
    """

    protections: frozenset[str]
    user: str = ""
    cap_add: tuple[str, ...] = ()
    scratch: tuple[Scratch, ...] = ()
    volumes: tuple[str, ...] = ()
    reasons: Mapping[str, Reason] = field(default_factory=dict)

    @property
    def is_read_only(self) -> bool:
        """Whether the image's files cannot be written."""
        return "read_only" in self.protections


def harden_any(relax: Mapping[str, str]) -> Hardening:
    """What every service has by default, less what all of them relax."""
    reasons = dict(_find_exceptions(relax, None))
    scratch = () if "read_only" in reasons else (Scratch(path="/tmp"),)
    return Hardening(
        protections=frozenset(RELAXABLE) - reasons.keys(),
        scratch=scratch,
        reasons=reasons,
    )


def harden_service(service: Service) -> Hardening:
    """What one service has, decided from its keys and the facts about its image."""
    facts = service.facts
    reasons = dict(_find_exceptions(service.relax, facts, kept=service.kept))
    protections = frozenset(RELAXABLE) - reasons.keys()
    taken = {mount.target.rstrip("/") for mount in service.volumes}
    taken |= {text.partition(":")[0].rstrip("/") for text in service.tmpfs}
    user = service.user
    capabilities = service.cap_add
    volumes: tuple[str, ...] = ()
    if facts is not None:
        known = _cite(facts)
        if not _find_own_user(service) and facts.user:
            user, reasons["user"] = facts.user, known
        added = _list_capabilities(service, facts)
        if added:
            capabilities = tuple(sorted({*added, *service.cap_add}))
            reasons["cap_add"] = known
        if "read_only" not in service.relax:
            volumes = tuple(folder for folder in facts.volumes if folder not in taken)
        if volumes:
            reasons["volumes"] = known
    return Hardening(
        protections=protections,
        user=user,
        cap_add=capabilities,
        scratch=tuple(_list_scratch(service, taken))
        if "read_only" in protections
        else (),
        volumes=volumes,
        reasons=reasons,
    )


def _find_exceptions(
    relax: Mapping[str, str],
    facts: Facts | None,
    *,
    kept: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, Reason]]:
    """The protections that are off, and why; the stack file comes before facts."""
    for name in RELAXABLE:
        if name in relax:
            yield name, Reason(source="relax", text=relax[name])
        elif name in kept:
            continue
        elif facts is not None and not getattr(facts, name, True):
            yield name, _cite(facts)


def _cite(facts: Facts) -> Reason:
    return Reason(source=facts.name, text=facts.why)


def _list_capabilities(service: Service, facts: Facts) -> list[str]:
    """The capabilities that facts add to the service's own."""
    if "cap_drop" in service.relax or not _has_fact_user(service):
        return []
    return [name for name in facts.cap_add if name not in service.cap_add]


def _find_own_user(service: Service) -> str:
    """The user that the stack or the Dockerfile names, or empty."""
    return service.user or (service.build.user if service.build is not None else "")


def _has_fact_user(service: Service) -> bool:
    """Whether the process runs as the user that the facts describe."""
    facts = service.facts
    own = _find_own_user(service).partition(":")[0]
    if facts is None or not own:
        return True
    return ("0" if own == "root" else own) == (facts.ids[0] or "0")


def find_ids(service: Service) -> tuple[str, str] | None:
    """User and group of the process, empty for root; None where a name hides them."""
    facts, own = service.facts, _find_own_user(service)
    if facts is not None and _has_fact_user(service):
        return facts.ids
    if not own:
        return "", ""
    user, _, group = own.partition(":")
    if not user.isdigit() or (group and not group.isdigit()):
        return None
    return user, group or user


def _list_scratch(service: Service, taken: set[str]) -> Iterator[Scratch]:
    facts = service.facts
    if "/tmp" not in taken:
        yield Scratch(path="/tmp", may_execute=facts is not None and facts.exec_tmp)
    ids = find_ids(service)
    if facts is None or ids is None:
        return
    for folder in facts.writable:
        if folder not in taken:
            user, group = ids if ids[0] else ("", "")
            yield Scratch(path=folder, user=user, group=group)
