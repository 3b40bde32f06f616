"""Profiles as groups: who is excluded by default, and what can be selected."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from composegen.adopt.edges import Edges
from composegen.adopt.seen import Seen
from composegen.adopt.texts import undouble, write_text
from composegen.graph import find_closure


def adopt_profiles(services: Mapping[str, Seen], edges: Edges) -> list[str]:
    """Write `group` and `enabled`; returns the services that are excluded by default.

    A service that an included one requires is included: Compose starts nothing without
    it either.
    """
    active = set(services and next(iter(services.values())).read.project.profiles)
    included = set()
    for name, seen in services.items():
        profiles = [profile for profile in list_profiles(seen) if profile]
        if profiles:
            seen.set(
                "group", profiles[0] if len(profiles) == 1 else profiles, "profiles"
            )
        is_off = seen.sketch.keys.get("enabled") == "false"
        # Compose takes an empty name for the profile of those who choose none.
        is_usual = not profiles or ("" in list_profiles(seen) and not active)
        is_chosen = is_usual or "*" in active or active & set(profiles)
        if is_chosen and not is_off:
            included.add(name)
    _include_required(services, edges, included)
    for name in included:
        seen = services[name]
        if seen.sketch.keys.get("group"):
            seen.set("enabled", "true")
    return [name for name in services if name not in included]


def keep_needed(
    services: Mapping[str, Seen], edges: Edges, excluded: Collection[str]
) -> None:
    """Include what only excluded services need: Compose starts it by default."""
    for name, seen in services.items():
        needing = {edge.source for edge in edges.list_to(name)}
        if name not in excluded and needing and needing.issubset(excluded):
            seen.set("enabled", "true")


def list_profiles(seen: Seen) -> list[str]:
    """The profiles of a service, as Compose resolves them."""
    return [undouble(write_text(each)) for each in seen.model.get("profiles") or []]


def _include_required(
    services: Mapping[str, Seen], edges: Edges, included: set[str]
) -> None:
    waiting = list(included)
    while waiting:
        for edge in edges.list_from(waiting.pop()):
            if edge.is_required and edge.target not in included:
                included.add(edge.target)
                waiting.append(edge.target)
                services[edge.target].sketch.keys.pop("enabled", None)
                services[edge.target].change(
                    "profiles", f"{edge.source} requires it: included by default"
                )


def list_selections(
    services: Mapping[str, Seen], edges: Edges, excluded: list[str]
) -> list[tuple[str, ...]]:
    """Flags that together include every service, each time without a clash of ports."""
    selections: list[tuple[tuple[str, ...], set[str]]] = [
        ((), {name for name in services if name not in excluded})
    ]
    for flag, members in _list_choices(services, edges, excluded):
        for index, (flags, names) in enumerate(selections):
            if not _clash(services, names, members):
                selections[index] = ((*flags, "--with", flag), names | members)
                break
        else:
            base = {name for name in services if name not in excluded}
            selections.append((("--with", flag), base | members))
    found = [flags for flags, names in selections if names]
    return found or [()]


def _list_choices(
    services: Mapping[str, Seen], edges: Edges, excluded: list[str]
) -> list[tuple[str, set[str]]]:
    """Each flag that includes something, with all that it includes."""
    required: dict[str, list[str]] = {name: [] for name in services}
    for edge in edges.all:
        if edge.is_required:
            required[edge.source].append(edge.target)
    choices: dict[str, set[str]] = {}
    for name in excluded:
        profiles = list_profiles(services[name])
        for flag in [f"@{profile}" for profile in profiles] or [name]:
            choices.setdefault(flag, set()).update(find_closure(required, [name]))
    covered: set[str] = set()
    kept = []
    for flag, members in choices.items():
        if not members <= covered:
            kept.append((flag, members))
            covered |= members
    return kept


def _clash(services: Mapping[str, Seen], one: set[str], other: set[str]) -> bool:
    """Whether two sets of services publish a port twice, or name a container twice."""
    taken = {claim for name in one - other for claim in _list_claims(services[name])}
    return any(
        claim in taken for name in other - one for claim in _list_claims(services[name])
    )


def _list_claims(seen: Seen) -> list[str]:
    return [
        write_text(seen.model.get("container_name")) or seen.name,
        *(
            f"{port['published']}/{port.get('protocol', 'tcp')}"
            for port in seen.model.get("ports") or []
            if port.get("published")
        ),
    ]
