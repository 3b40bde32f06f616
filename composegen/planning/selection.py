"""Which services take part: roots, what they need, and what is excluded and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from composegen.errors import SelectionError, UsageError
from composegen.graph import find_closure, reverse_graph
from composegen.model import Stack
from composegen.planning.needs import Needs
from composegen.records import record
from composegen.text import suggest

GROUP_MARK = "@"
"""What begins the name of a group where services are selected."""


@record
class Selection:
    """The flags of a command: services, and groups of them, to include and exclude."""

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


def add_named(selection: Selection, names: Iterable[str]) -> Selection:
    """A selection that has the named services, too."""
    wanted = tuple(names)
    return Selection(
        added=tuple(dict.fromkeys([*selection.added, *wanted])),
        removed=tuple(name for name in selection.removed if name not in wanted),
    )


def list_groups(stack: Stack) -> dict[str, tuple[str, ...]]:
    """The services of each group, in the order of the stack."""
    groups: dict[str, tuple[str, ...]] = {}
    for service in stack.services.values():
        for group in service.groups:
            groups[group] = (*groups.get(group, ()), service.name)
    return groups


def expand_groups(stack: Stack, selection: Selection) -> Selection:
    """The selection with the services of its groups instead of them.

    A service that is named itself comes before its groups, and one that is in several
    groups is included as soon as one of them is.
    """
    groups = list_groups(stack)

    def expand(names: tuple[str, ...], without: tuple[str, ...]) -> tuple[str, ...]:
        found = dict.fromkeys(n for n in names if not n.startswith(GROUP_MARK))
        for name in names:
            for member in groups.get(name.removeprefix(GROUP_MARK), ()):
                if name.startswith(GROUP_MARK) and member not in without:
                    found[member] = None
        return tuple(found)

    added = expand(selection.added, selection.removed)
    return Selection(added=added, removed=expand(selection.removed, added))


@record(kw_only=False)
class Missing:
    """A service that is excluded although another one requires it.

    ``chain`` leads from a root to the service; ``flags`` are selections that work.
    """

    chain: tuple[str, ...]
    service: str
    flags: tuple[str, ...]
    was_removed: bool


@record(kw_only=False)
class Selected:
    """The services that take part, and the reason for each that does not.

    ``added`` are those that are included because the selection names them.
    """

    included: frozenset[str]
    excluded: Mapping[str, str]
    added: tuple[str, ...]


def select_services(needs: Needs, selection: Selection) -> Selected:
    """Apply a selection to a stack.

    Raises UsageError for a name that does not exist, SelectionError where a required
    service is excluded or nothing is left.
    """
    check_names(needs.stack, selection)
    typed, selection = selection, expand_groups(needs.stack, selection)
    cut = _cut(needs, selection)
    missing = _find_missing(needs, selection, cut)
    if missing:
        raise SelectionError(
            "; ".join(map(describe_missing, missing)), help=suggest_flags(missing)
        )
    if not cut.included:
        raise _make_nothing_left(needs, selection)
    reasons = {
        name: _find_reason(needs, typed, name, cut.out)
        for name in needs.stack.services
        if name not in cut.included
    }
    return Selected(cut.included, reasons, selection.added)


def check_names(stack: Stack, selection: Selection) -> None:
    """Raise UsageError for a name that does not exist or is on both sides."""
    for flag, names in (("--with", selection.added), ("--without", selection.removed)):
        for name in names:
            _check_name(stack, flag, name)
    both = set(selection.added) & set(selection.removed)
    if both:
        name = min(both)
        raise UsageError(f"--with {name} and --without {name} contradict each other")


def _check_name(stack: Stack, flag: str, name: str) -> None:
    groups = [f"{GROUP_MARK}{group}" for group in list_groups(stack)]
    is_group = name.startswith(GROUP_MARK)
    known = groups if is_group else [*stack.services, *stack.choices]
    if name in known:
        return
    what = "group" if is_group else "service"
    there = f"there are {', '.join(known)}" if known else "no service has a `group`"
    raise UsageError(
        f"{flag} {name}: there is no {what} `{name.removeprefix(GROUP_MARK)}`",
        help=suggest(name, known, there),
    )


@record(kw_only=False)
class _Cut:
    """A selection applied: what is disabled or removed, and what takes part.

    ``roots`` take part although no other service needs them.
    """

    out: frozenset[str]
    included: frozenset[str]
    roots: frozenset[str]


def _cut(needs: Needs, selection: Selection) -> _Cut:
    """The closure of the roots over all needs, without what is excluded."""
    out = _find_out(needs, selection)
    services = needs.stack.services
    roots = [
        name
        for name, service in services.items()
        if name not in out
        and (service.is_root or not set(needs.dependents[name]) - {name})
    ]
    roots += [name for name in selection.added if name not in out]
    if selection.removed:
        whole = _cut(needs, Selection(added=selection.added)).included
        roots += [
            name
            for name, service in services.items()
            if name not in out and name in whole and service.publish
        ]
    return _Cut(out, needs.close(roots, without=out), frozenset(roots))


def _find_out(needs: Needs, selection: Selection) -> frozenset[str]:
    """The services that are disabled or removed and not brought back."""
    brought = needs.close_required(selection.added, without=set(selection.removed))
    disabled = {
        service.name
        for service in needs.stack.services.values()
        if not service.enabled and service.name not in brought
    }
    return frozenset(disabled.union(selection.removed))


def find_missing(needs: Needs, selection: Selection) -> tuple[Missing, ...]:
    """Every required service that is excluded, once for each that requires it."""
    selection = expand_groups(needs.stack, selection)
    return _find_missing(needs, selection, _cut(needs, selection))


def _find_missing(needs: Needs, selection: Selection, cut: _Cut) -> tuple[Missing, ...]:
    gaps = list(_iterate_gaps(needs, cut))
    names = tuple(dict.fromkeys(missing for _, missing in gaps))
    flags = _find_flags(needs, selection, names) if gaps else ()
    return tuple(
        Missing(
            (*_find_chain(needs, cut.included, dependent), missing),
            missing,
            flags,
            missing in selection.removed,
        )
        for dependent, missing in gaps
    )


def _iterate_gaps(needs: Needs, cut: _Cut) -> Iterator[tuple[str, str]]:
    """Each service that takes part without one that it requires, and that one."""
    return (
        (name, needed)
        for name, required in needs.required.items()
        if name in cut.included
        for needed in required
        if needed in cut.out
    )


def _find_chain(
    needs: Needs, included: frozenset[str], dependent: str
) -> tuple[str, ...]:
    """A way from a root to a service."""
    chain = [dependent]
    unpassed = set(included) - {dependent}
    while above := [n for n in needs.dependents[chain[-1]] if n in unpassed]:
        chain.append(above[0])
        unpassed.remove(above[0])
    return tuple(reversed(chain))


def _find_flags(
    needs: Needs, selection: Selection, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Selections that have or do not need the services, each as it is typed."""
    services = needs.stack.services
    kept = tuple(name for name in selection.removed if name not in names)
    candidates = [Selection(added=selection.added, removed=kept)]
    disabled = tuple(name for name in names if not services[name].enabled)
    if disabled:
        candidates.append(Selection(added=(*selection.added, *disabled), removed=kept))
    if len(disabled) == 1:
        groups = [f"{GROUP_MARK}{group}" for group in services[disabled[0]].groups]
        candidates += [
            Selection(added=(*selection.added, each), removed=kept) for each in groups
        ]
    candidates = [each for each in candidates if _works(needs, each)]
    shorter = _exclude_dependents(needs, selection, names)
    if shorter is not None:
        candidates.append(shorter)
    return tuple(_name_choices(needs, each).flags for each in candidates)


def _exclude_dependents(
    needs: Needs, selection: Selection, names: tuple[str, ...]
) -> Selection | None:
    """The selection without what requires the services, by as few names as possible.

    None where nothing that is asked for, or that no other service needs, would be left.
    """
    services = needs.stack.services
    above = find_closure(reverse_graph(needs.required), names)
    listed = [
        name
        for name in services
        if name in above and name not in {*names, *selection.added, *selection.removed}
    ]

    def leave_out(others: Iterable[str]) -> Selection:
        return Selection(added=selection.added, removed=(*selection.removed, *others))

    if not _works(needs, leave_out(listed)):
        return None
    for name in tuple(listed):
        fewer = [other for other in listed if other != name]
        if _works(needs, leave_out(fewer)):
            listed = fewer
    before = _cut(needs, Selection(added=selection.added)).roots
    after = _cut(needs, leave_out(listed)).included
    return leave_out(listed) if before & after else None


def _name_choices(needs: Needs, selection: Selection) -> Selection:
    """The selection as it is typed: a choice is excluded by its own name."""
    services = needs.stack.services
    return Selection(
        added=selection.added,
        removed=tuple(
            services[name].host_name if name in services else name
            for name in selection.removed
        ),
    )


def _works(needs: Needs, selection: Selection) -> bool:
    """Whether something takes part, with all it requires."""
    cut = _cut(needs, expand_groups(needs.stack, selection))
    return bool(cut.included) and not any(_iterate_gaps(needs, cut))


def list_included(needs: Needs, selection: Selection) -> frozenset[str]:
    """The services that take part, whether or not all that they require does."""
    return _cut(needs, expand_groups(needs.stack, selection)).included


def describe_missing(missing: Missing) -> str:
    """One sentence: which service needs the missing one, and that it is excluded."""
    chain = " -> ".join(missing.chain)
    why = "excluded with --without" if missing.was_removed else "disabled"
    dependent = missing.chain[-2]
    return f"`{dependent}` cannot run without `{missing.service}`, {why}: {chain}"


def suggest_flags(missing: Sequence[Missing]) -> str:
    """What to type instead, or what to change in the stack file."""
    shown = [flags or "no flags" for flags in missing[0].flags]
    if shown:
        return "this would work: " + "\nor: ".join(shown)
    return suggest_otherwise(missing)


def suggest_otherwise(missing: Sequence[Missing]) -> str:
    """Which needs would have to be optional."""
    dependents = [f"`{name}`" for name in dict.fromkeys(m.chain[-2] for m in missing)]
    if len(dependents) == 1:
        return f"give the need of {dependents[0]} an `otherwise`"
    *first, last = dependents
    return f"give each need of {', '.join(first)} and {last} an `otherwise`"


def _make_nothing_left(needs: Needs, selection: Selection) -> SelectionError:
    message = "this selection leaves no service"
    for name in needs.stack.services:
        kept = tuple(other for other in selection.removed if other != name)
        shorter = Selection(added=selection.added, removed=kept)
        longer = Selection(added=(*selection.added, name), removed=kept)
        for tried in (shorter, longer):
            if _works(needs, tried):
                shown = tried.flags or "no flags"
                return SelectionError(message, help=f"this would work: {shown}")
    return SelectionError(message)


def _find_reason(
    needs: Needs, selection: Selection, name: str, out: frozenset[str]
) -> str:
    service = needs.stack.services[name]
    marked = [f"{GROUP_MARK}{group}" for group in service.groups]
    removed = next((n for n in (name, *marked) if n in selection.removed), None)
    if removed and name in out:
        return f"--without {service.host_name if removed == name else removed}"
    if name in out and service.groups and not service.enabled:
        return f"group: {', '.join(service.groups)}"
    if name in out:
        return "enabled: false"
    return f"only {', '.join(dict.fromkeys(needs.dependents[name]))} needed it"
