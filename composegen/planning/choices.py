"""Services that are one of several: which one takes part, and who reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.errors import UsageError
from composegen.model import Choice, Service, Stack
from composegen.planning.selection import Selection
from composegen.records import field, record, replace


@record
class Settled:
    """A stack in which each choice is the one service that was chosen.

    ``selection`` names services alone. ``unchosen`` says of each other service of a
    choice which one was chosen.
    """

    stack: Stack
    selection: Selection
    unchosen: Mapping[str, str] = field(default_factory=dict)


def settle_choices(stack: Stack, selection: Selection) -> Settled:
    """The stack of a selection, with one service of each choice.

    Raises UsageError where the selection names two of a choice, or none that is left.
    """
    if not stack.choices:
        return Settled(stack=stack, selection=selection)
    chosen = {
        name: _choose(choice, selection) for name, choice in stack.choices.items()
    }
    unchosen = {
        member: f"{name} is {chosen[name]}"
        for name, choice in stack.choices.items()
        for member in choice.members
        if member != chosen[name]
    }
    services = {
        name: _aim_needs(service, chosen)
        for name, service in stack.services.items()
        if name not in unchosen
    }
    names = Selection(
        added=_map_names(selection.added, chosen),
        removed=tuple(
            name
            for name in _map_names(selection.removed, chosen)
            if name not in unchosen
        ),
    )
    return Settled(
        stack=replace(stack, services=services, choices={}),
        selection=names,
        unchosen=unchosen,
    )


def _choose(choice: Choice, selection: Selection) -> str:
    """The service that a selection chooses, the first one unless it names another."""
    members, name = choice.members, choice.name
    named = [member for member in members if member in selection.added]
    if len(named) > 1:
        raise UsageError(
            f"--with {named[0]} and --with {named[1]}: `{name}` is only one of them",
            help=f"choose one of {', '.join(members)}",
        )
    if named and name in selection.removed:
        raise UsageError(
            f"--with {named[0]} and --without {name} contradict each other"
        )
    out = [member for member in members if member in selection.removed]
    if out and not named and name not in selection.removed:
        others = [member for member in members if member not in out]
        ways = [*(f"--with {each}" for each in others), f"--without {name}"]
        raise UsageError(
            f"--without {out[0]}: `{name}` has to be one of {', '.join(members)}",
            help="choose another one, or exclude the choice: " + " or ".join(ways),
        )
    return named[0] if named else members[0]


def _aim_needs(service: Service, chosen: Mapping[str, str]) -> Service:
    """The service with needs of what was chosen instead of its choice."""
    if not any(need.service in chosen for need in service.needs):
        return service
    needs = tuple(
        replace(need, service=chosen[need.service], choice=need.service)
        if need.service in chosen
        else need
        for need in service.needs
    )
    return replace(service, needs=needs)


def _map_names(names: Iterable[str], chosen: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chosen.get(name, name) for name in names))


def settle_running(stack: Stack, names: Iterable[str]) -> Stack:
    """The stack in which each choice is the service of it that runs."""
    running = {*names}
    added = (
        next((m for m in choice.members if m in running), choice.members[0])
        for choice in stack.choices.values()
    )
    return settle_choices(stack, Selection(added=tuple(added))).stack


def choose_named(
    stack: Stack, selection: Selection, names: Iterable[str]
) -> tuple[Selection, tuple[str, ...]]:
    """A selection that chooses the named services, and the names of services.

    A choice that is named is the service that was chosen. Raises UsageError.
    """
    listed = tuple(names)
    members = {m: choice for choice in stack.choices.values() for m in choice.members}
    added = [n for n in listed if n in members and n not in selection.added]
    wanted = replace(selection, added=(*selection.added, *added))
    chosen = {n: _choose(choice, wanted) for n, choice in stack.choices.items()}
    return wanted, _map_names(listed, chosen)
