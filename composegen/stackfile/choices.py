"""Services that are one of several: read, judged, and tried one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from composegen.errors import Problem, UsageError
from composegen.model import Choice, Service, Stack
from composegen.planning.choices import Settled, settle_choices
from composegen.planning.selection import Selection
from composegen.records import replace
from composegen.stackfile.file import File
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.merge import check_removals
from composegen.stackfile.problems import Problems
from composegen.text import list_some, shorten, suggest

_BESIDE = frozenset({"one_of", "enabled", "group"})
_FEWEST = 2
_UNUSED = frozenset(
    {"unused-secret", "unused-volume", "unused-network", "job-unwaited"}
)
"""Problems of what no service uses: one that could be chosen may use it."""


def make_choices(file: File, drafts: Mapping[str, Draft]) -> dict[str, Choice]:
    """The choices of a stack, each with the services that exist; faults are noted."""
    choices: dict[str, Choice] = {}
    taken: dict[str, str] = {}
    for name, draft in drafts.items():
        if not isinstance(draft.get("one_of"), list):
            continue
        check_removals(file.reader, name, {}, draft)
        for key in draft:
            if key not in _BESIDE:
                _add(
                    file,
                    f"`{name}` is one of other services: it has no `{key}` of its own",
                    (name, key),
                    f"write it in {list_some(draft['one_of'])}",
                )
        members = [
            member
            for member in draft["one_of"]
            if _is_member(file, drafts, name, member, taken)
        ]
        if len(draft["one_of"]) < _FEWEST:
            _add(
                file,
                f"`{name}` is a choice with {len(draft['one_of'])} service",
                (name, "one_of"),
                "name two services, or give that one the name of the choice",
            )
        taken |= dict.fromkeys(members, name)
        choices[name] = Choice(name=name, members=tuple(members))
    _check_needs(file, drafts, taken)
    return choices


def _is_member(
    file: File,
    drafts: Mapping[str, Draft],
    name: str,
    member: str,
    taken: Mapping[str, str],
) -> bool:
    """Whether a service can be one of a choice; why not is noted."""
    path = (name, "one_of", member)
    if member not in drafts:
        file.problems.add(
            "unknown-service",
            f"`{name}` is one of `{shorten(member)}`, which is not in this stack",
            file.places["services", *path],
            suggest(member, drafts, f"there are {list_some(drafts)}"),
        )
        return False
    if isinstance(drafts[member].get("one_of"), list):
        _add(file, f"`{member}` is a choice itself", path, "name its services here")
        return False
    if member in taken:
        other = taken[member]
        help = f"remove it from `{other}` or from `{name}`"
        _add(file, f"`{member}` is one of `{other}` already", path, help)
        return False
    for key in ("enabled", "group"):
        if key in drafts[member]:
            _add(
                file,
                f"`{member}` is one of `{name}`, which says whether it takes part",
                (member, key),
                f"write `{key}` in `{name}`",
            )
    return True


def _check_needs(
    file: File, drafts: Mapping[str, Draft], taken: Mapping[str, str]
) -> None:
    """A service of a choice is needed by the name of the choice alone."""
    for name, draft in drafts.items():
        needs = draft.get("needs")
        for needed in needs if isinstance(needs, dict) else ():
            if needed in taken:
                choice = taken[needed]
                _add(
                    file,
                    f"`{name}` needs `{needed}`, which is one of `{choice}`: another "
                    "one may be chosen",
                    (name, "needs", needed),
                    f"let it need `{choice}`",
                )


def _add(file: File, message: str, path: tuple[str, ...], help: str) -> None:
    file.problems.add("bad-choice", message, file.places["services", *path], help)


def join_choices(
    services: Mapping[str, Service],
    choices: Mapping[str, Choice],
    drafts: Mapping[str, Draft],
) -> dict[str, Service]:
    """The services, those of a choice with what it says about taking part."""
    joined = {**services}
    for name, choice in choices.items():
        written = drafts[name].get("group")
        groups = tuple(written) if isinstance(written, list) else ()
        enabled = drafts[name].get("enabled")
        for member in choice.members:
            joined[member] = replace(
                joined[member],
                choice=name,
                groups=groups,
                enabled=enabled if isinstance(enabled, bool) else not groups,
                is_root=enabled is True,
            )
    return joined


def place_needs(file: File, stack: Stack) -> None:
    """Give needs of a choice a place under the name of each of its services."""
    if not stack.choices:
        return
    nodes = file.reader.nodes
    for path, node in [*nodes.items()]:
        if path[:1] == ("services",) and path[2:3] == ("needs",) and len(path) > 3:
            choice = stack.choices.get(path[3])
            for member in choice.members if choice is not None else ():
                nodes.setdefault((*path[:3], member, *path[4:]), node)


# One after the other


def list_variants(
    stack: Stack, selection: Selection | None
) -> Iterator[tuple[Settled, bool]]:
    """The stack with each service of its choices, and whether the selection made it.

    The one that was selected comes first, then each of the others in its place.
    """
    wanted = selection or Selection()
    try:
        first = settle_choices(stack, wanted)
    except UsageError:
        wanted = Selection()  # what is wrong with it is said where it is used
        first = settle_choices(stack, wanted)
    yield first, True
    for member in first.unchosen:
        choice = stack.choices[stack.services[member].choice]
        others = Selection(
            added=tuple(n for n in wanted.added if n not in choice.members),
            removed=tuple(
                n for n in wanted.removed if n not in {*choice.members, choice.name}
            ),
        )
        added = replace(others, added=(*others.added, member))
        yield settle_choices(stack, added), False


def join_problems(problems: Problems, found: list[tuple[Problem, ...]]) -> None:
    """Note what is wrong with any of several stacks.

    What no service uses is noted only where that is so in all of them.
    """
    counts = Counter((p.name, p.location, p.message) for each in found for p in each)
    for each in found:
        for problem in each:
            key = (problem.name, problem.location, problem.message)
            if problem.name in _UNUSED and counts[key] < len(found):
                continue
            problems.add(
                problem.name,
                problem.message,
                problem.location,
                problem.help,
                level=problem.level,
            )
