"""Which services take part: roots, what they need, and what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.errors import SelectionError, UsageError
from composegen.graph import find_closure, reverse_graph
from composegen.model import Service, Stack
from composegen.records import record
from composegen.text import find_near


@record
class Selection:
    """What was asked for: services to add and to leave out."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def flags(self) -> str:
        """The selection as it is typed."""
        return " ".join(
            [
                *(f"--with {name}" for name in self.added),
                *(f"--without {name}" for name in self.removed),
            ]
        )


@record(kw_only=False)
class Missing:
    """A service that is out although somebody requires it.

    ``chain`` leads from a root to the service; ``flags`` are selections that work.
    """

    chain: tuple[str, ...]
    service: str
    flags: tuple[str, ...]
    was_removed: bool


@record(kw_only=False)
class Selected:
    """The services that take part, and the reason for each that does not."""

    included: frozenset[str]
    left_out: Mapping[str, str]


def select_services(stack: Stack, selection: Selection) -> Selected:
    """Apply a selection.

    Raises UsageError for a name that does not exist, SelectionError where a required
    service is out or nothing is left.
    """
    check_names(stack, selection)
    missing = find_missing(stack, selection)
    if missing is not None:
        raise SelectionError(describe_missing(missing), help=suggest_flags(missing))
    included = _include(stack, selection)
    if not included:
        raise _make_nothing_left(stack, selection)
    out = _find_out(stack, selection)
    dependants = reverse_graph(_graph(stack.services.values()))
    reasons = {
        name: _find_reason(selection, name, out, dependants[name])
        for name in stack.services
        if name not in included
    }
    return Selected(included, reasons)


def check_names(stack: Stack, selection: Selection) -> None:
    """Raise UsageError for a name that does not exist or stands on both sides."""
    for flag, names in (("--with", selection.added), ("--without", selection.removed)):
        for name in names:
            if name not in stack.services:
                near = find_near(name, stack.services)
                raise UsageError(
                    f"{flag} {name}: there is no service `{name}`",
                    help=f"did you mean `{near}`?"
                    if near
                    else f"there are {', '.join(stack.services)}",
                )
    both = set(selection.added) & set(selection.removed)
    if both:
        name = min(both)
        raise UsageError(f"--with {name} and --without {name} contradict each other")


def _graph(services: Iterable[Service]) -> dict[str, tuple[str, ...]]:
    return {
        service.name: tuple(need.service for need in service.needs)
        for service in services
    }


def _required_graph(stack: Stack) -> dict[str, tuple[str, ...]]:
    return {
        service.name: tuple(
            need.service for need in service.needs if not need.is_optional
        )
        for service in stack.services.values()
    }


def _find_out(stack: Stack, selection: Selection) -> set[str]:
    """The services that are disabled or removed and not brought back."""
    removed = set(selection.removed)
    brought = find_closure(
        {
            name: tuple(needed for needed in needs if needed not in removed)
            for name, needs in _required_graph(stack).items()
        },
        selection.added,
    )
    disabled = {
        service.name
        for service in stack.services.values()
        if not service.enabled and service.name not in brought
    }
    return disabled | removed


def _include(stack: Stack, selection: Selection) -> frozenset[str]:
    """The closure of the roots over all needs, without what is out."""
    out = _find_out(stack, selection)
    graph = _graph(stack.services.values())
    dependants = reverse_graph(graph)
    inside = {
        name: tuple(needed for needed in needs if needed not in out)
        for name, needs in graph.items()
        if name not in out
    }
    roots = [name for name in inside if not set(dependants[name]) - {name}]
    roots += [name for name in selection.added if name in inside]
    if selection.removed:
        whole = _include(stack, Selection(added=selection.added))
        roots += [
            name for name in inside if name in whole and stack.services[name].publish
        ]
    return find_closure(inside, roots)


def find_missing(stack: Stack, selection: Selection) -> Missing | None:
    """The first required service that is out, or None."""
    out = _find_out(stack, selection)
    included = _include(stack, selection)
    for service in stack.services.values():
        if service.name not in included:
            continue
        for need in service.needs:
            if need.service in out and not need.is_optional:
                return Missing(
                    _find_chain(stack, included, service.name, need.service),
                    need.service,
                    _find_flags(stack, selection, need.service),
                    need.service in selection.removed,
                )
    return None


def _find_chain(
    stack: Stack, included: frozenset[str], dependant: str, missing: str
) -> tuple[str, ...]:
    """A way from a root to the dependant, and on to the missing service."""
    graph = _graph(stack.services[name] for name in stack.services if name in included)
    dependants = reverse_graph(graph)
    chain = [dependant]
    while True:
        above = [name for name in dependants[chain[0]] if name not in chain]
        if not above:
            return (*chain, missing)
        chain.insert(0, above[0])


def _find_flags(stack: Stack, selection: Selection, name: str) -> tuple[str, ...]:
    """Selections that would work, each as it is typed."""
    without = Selection(
        added=selection.added,
        removed=tuple(removed for removed in selection.removed if removed != name),
    )
    candidates = []
    if name in selection.removed:
        candidates.append(without)
    if not stack.services[name].enabled:
        candidates.append(
            Selection(added=(*without.added, name), removed=without.removed)
        )
    dependants = reverse_graph(_required_graph(stack))
    above = find_closure(dependants, [name])
    listed = tuple(
        other
        for other in stack.services
        if other in above
        and (other != name or name in selection.removed)
        and other not in selection.added
    )
    both = tuple(dict.fromkeys([*selection.removed, *listed]))
    candidates.append(Selection(added=selection.added, removed=both))
    return tuple(
        candidate.flags
        for candidate in candidates
        if is_complete(stack, candidate) and _include(stack, candidate)
    )


def is_complete(stack: Stack, selection: Selection) -> bool:
    """Whether every required service is there, without the search for flags."""
    out = _find_out(stack, selection)
    included = _include(stack, selection)
    return not any(
        need.service in out and not need.is_optional
        for name in included
        for need in stack.services[name].needs
    )


def is_anything_left(stack: Stack) -> bool:
    """Whether a service takes part without any flag."""
    return bool(_include(stack, Selection()))


def describe_missing(missing: Missing) -> str:
    """One sentence: who needs the service, and that it is out."""
    chain = " -> ".join(missing.chain)
    why = "left out with --without" if missing.was_removed else "disabled"
    dependant = missing.chain[-2]
    return f"`{dependant}` cannot run without `{missing.service}`, {why}: {chain}"


def suggest_flags(missing: Missing) -> str:
    """What to type instead, or what to change in the stack file."""
    shown = [flags or "no flags at all" for flags in missing.flags]
    if shown:
        return "this would work: " + "\nor: ".join(shown)
    return f"give the need of `{missing.chain[-2]}` an `otherwise`"


def _make_nothing_left(stack: Stack, selection: Selection) -> SelectionError:
    for name in stack.services:
        candidate = Selection(
            added=(*selection.added, name),
            removed=tuple(other for other in selection.removed if other != name),
        )
        shorter = Selection(added=selection.added, removed=candidate.removed)
        for tried in (shorter, candidate):
            if is_complete(stack, tried) and _include(stack, tried):
                return SelectionError(
                    "this selection leaves no service at all",
                    help=f"this would work: {tried.flags or 'no flags at all'}",
                )
    return SelectionError("this selection leaves no service at all")


def _find_reason(
    selection: Selection, name: str, out: set[str], dependants: tuple[str, ...]
) -> str:
    if name in selection.removed:
        return f"--without {name}"
    if name in out:
        return "enabled: false"
    return f"only {', '.join(dict.fromkeys(dependants))} needed it"
