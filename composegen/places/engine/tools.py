"""What a plan needs of Docker's plugins and of the engine, by what it uses.

Compose 2 builds with a BuildKit of its own where there is no buildx; Compose 5 then
uses the engine's classic builder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from composegen.errors import ComposegenError
from composegen.model import Build
from composegen.places.engine.compose import VERSION
from composegen.places.engine.containers import Machine
from composegen.places.findings import (
    Finding,
    Where,
    say_broken,
    say_doubtful,
    say_fine,
)
from composegen.planning.plan import Plan
from composegen.records import record
from composegen.targets.compose.newer import (
    OLDEST_COMPOSE,
    START_INTERVAL,
    UsedKey,
    Version,
    format_version,
    list_used_keys,
)
from composegen.targets.compose.render import make_document
from composegen.text import list_some

_ANY_STACK = START_INTERVAL.compose
"""The least Compose where no plan says what is used: a health check uses this."""
_IGNORES_START_INTERVAL: Version = (2, 20, 3)
OLDEST_BUILDX: Version = (0, 17)
_WANTS_NEW_BUILDX: Version = (2, 40, 2)
"""The first Compose that refuses an older buildx; those before build with any."""
_WITHOUT_BUILDKIT: Version = (5,)
"""The first Compose without a BuildKit of its own."""
_ONLY_BUILDKIT = {
    "additional_contexts": "`additional_contexts`",
    "dockerfile_inline": "`dockerfile_inline`",
    "privileged": "`privileged`",
    "secrets": "`secrets`",
    "ssh": "`ssh`",
}
"""The options of a build that the classic builder does not have."""

AskVersion = Callable[..., str | None]


@record
class _BuildNeed:
    """What of a service only BuildKit can build."""

    service: str
    what: tuple[str, ...]


def look_at_tools(
    plan: Plan | None, ask: AskVersion, *, has_builder: bool = False
) -> Iterator[Finding]:
    """Whether Compose and buildx can do what a plan wants, or what any stack does.

    ``has_builder`` says that the engine builds by itself, without buildx.
    """
    builds = plan is None or any(step.service.build for step in plan.steps)
    try:
        compose = ask(*VERSION)
        yield from _look_at_compose(plan, compose)
        if has_builder:
            yield from _look_at_builder(plan)
        elif builds:
            buildx = ask("buildx", "version")
            yield from _look_at_buildx(plan, buildx, read_version(compose or "5"))
    except ComposegenError as error:
        yield say_broken(Where.ENGINE, error.message, error.help)


def uses_start_interval(plan: Plan | None) -> bool:
    """Whether a plan has a health check with `start_interval`, as most stacks have."""
    if plan is None:
        return True
    used = list_used_keys(make_document(plan))
    return any(each.key == START_INTERVAL for each in used)


def look_at_api(plan: Plan, machine: Machine) -> Iterator[Finding]:
    """The keys for which Compose wants a newer engine; it goes by the API."""
    api = read_version(machine.api)
    for used in list_used_keys(make_document(plan)):
        need = used.key.engine
        if need is None or used.key == START_INTERVAL or api >= need.api:
            continue
        yield say_broken(
            Where.ENGINE,
            f"the engine, API {machine.api}, is too old for {used}",
            f"install Docker Engine {format_version(need.version)} or later, "
            f"API {format_version(need.api)}",
        )


def _look_at_compose(plan: Plan | None, version: str | None) -> Iterator[Finding]:
    used = list_used_keys(make_document(plan)) if plan is not None else ()
    floor = OLDEST_COMPOSE if plan is not None else _ANY_STACK
    least = max((floor, *(each.key.compose for each in used)))
    shown = format_version(least)
    if version is None:
        yield say_broken(
            Where.ENGINE,
            "there is no Compose in the docker command",
            f"install the docker plugin Compose, {shown} or later",
        )
        return
    found = read_version(version)
    if found < floor:
        yield say_broken(
            Where.ENGINE,
            f"Compose {version} is too old",
            f"install Compose {shown} or later",
        )
        return
    newer = [each for each in used if each.key.compose > found]
    for each in newer:
        yield _say_too_old(version, found, each, shown)
    if not newer:
        needs = f"; this stack needs {shown} or later" if plan is not None else ""
        yield say_fine(Where.ENGINE, f"Compose {version}{needs}")


def _say_too_old(version: str, found: Version, used: UsedKey, least: str) -> Finding:
    help = f"install Compose {least} or later"
    if used.key == START_INTERVAL and found >= _IGNORES_START_INTERVAL:
        return say_doubtful(
            Where.ENGINE,
            f"Compose {version} ignores {used}: each gate waits for `interval`",
            help,
        )
    return say_broken(Where.ENGINE, f"Compose {version} is too old for {used}", help)


# Builds


def _look_at_builder(plan: Plan | None) -> Iterator[Finding]:
    """What the engine's own builder lacks; it knows all that a Dockerfile may say."""
    for step in plan.steps if plan is not None else ():
        build = step.service.build
        what = _list_options(build) if build is not None else ()
        if what:
            yield say_broken(
                Where.ENGINE,
                f"`{step.name}` cannot be built by Podman's builder: Compose wants "
                f"BuildKit for {list_some(what)}",
                "leave it out, or let BuildKit build: export DOCKER_BUILDKIT=1",
            )


def _look_at_buildx(
    plan: Plan | None, version: str | None, compose: Version
) -> Iterator[Finding]:
    least = format_version(OLDEST_BUILDX)
    if version is None:
        yield from _say_no_buildx(plan, compose, least)
    elif read_version(version) >= OLDEST_BUILDX:
        yield say_fine(Where.ENGINE, f"buildx {version}")
    elif compose >= _WANTS_NEW_BUILDX:
        yield say_broken(
            Where.ENGINE,
            f"buildx {version} is too old: this Compose refuses it",
            f"install buildx {least} or later",
        )
    else:
        yield say_fine(Where.ENGINE, f"buildx {version}, which this Compose accepts")


def _say_no_buildx(
    plan: Plan | None, compose: Version, least: str
) -> Iterator[Finding]:
    message = "there is no buildx in the docker command"
    help = f"install the docker plugin buildx, {least} or later"
    if compose < _WITHOUT_BUILDKIT:
        yield say_doubtful(
            Where.ENGINE, f"{message}: Compose builds with its own BuildKit", help
        )
        return
    needs = _list_build_needs(plan) if plan is not None else []
    for need in needs:
        what = list_some(need.what)
        yield say_broken(
            Where.ENGINE,
            f"{message}, and the build of `{need.service}` needs it: {what}",
            help,
        )
    if not needs:
        yield say_doubtful(
            Where.ENGINE,
            f"{message}: the classic builder builds, which lacks RUN --mount, "
            "COPY --chmod and here-documents",
            help,
        )


def _list_build_needs(plan: Plan) -> list[_BuildNeed]:
    needs = []
    for step in plan.steps:
        build = step.service.build
        what = _list_of_build(build) if build is not None else ()
        if what:
            needs.append(_BuildNeed(service=step.name, what=what))
    return needs


def _list_of_build(build: Build) -> tuple[str, ...]:
    return (*build.buildkit, *_list_options(build))


def _list_options(build: Build) -> tuple[str, ...]:
    """What of the options of a build only BuildKit has."""
    options = (
        shown for name, shown in _ONLY_BUILDKIT.items() if build.options.get(name)
    )
    platforms = build.options.get("platforms")
    is_multiple = isinstance(platforms, list) and len(platforms) > 1
    several = ("several `platforms`",) if is_multiple else ()
    return (*options, *several)


def read_version(text: str) -> Version:
    """The numbers that a version begins with; (0,) for none."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found is not None else (0,)
