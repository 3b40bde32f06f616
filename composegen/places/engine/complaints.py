"""What is behind a complaint of Compose or of the engine, from its words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from composegen.places.engine.advice import advise, move_published
from composegen.places.engine.cause import Cause, CauseName
from composegen.places.engine.containers import Container
from composegen.places.engine.notes import NotedService

PORT_TAKEN = re.compile(
    r"(?:\d+\.\d+\.\d+\.\d+|\[::\d?\]|\[?::\]?):(\d+)\b[^\n]*?"
    r"(?:port is already allocated|address already in use)"
)


def explain_port(
    noted: NotedService, port: int, holder: str, container: Container | None = None
) -> Cause:
    """A port of the host that another program uses."""
    by = f" by {holder}" if holder else ""
    return Cause(
        CauseName.PORT_TAKEN,
        f"port {port} of this machine is taken{by}",
        "stop the program that uses it, or "
        + advise(noted, _write_other_port(noted, port, container)),
    )


def _write_other_port(noted: NotedService, port: int, seen: Container | None) -> str:
    """The line that publishes on the next port instead."""
    moved = move_published(noted, port, port + 1)
    if moved is not None:
        return moved
    published = seen.published if seen is not None else ()
    own = next((each for each in published if each.port == port), None)
    target = own.target.partition("/")[0] if own is not None else noted.port or port
    host = own.host if own is not None else "127.0.0.1"
    place = "" if host == "127.0.0.1" else f"{host}:"
    return f'publish: "{place}{port + 1}:{target}"'


def iterate_complaints(text: str, service: str) -> Iterator[Cause]:
    """What is behind a complaint of Compose or of the engine about a service."""
    for name, pattern, cause, help in _COMPLAINTS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is not None:
            words = {f"_{n}": part or "" for n, part in enumerate(match.groups(), 1)}
            words["service"] = service
            yield Cause(name, cause.format(**words), help.format(**words))


_COMPLAINTS = (
    (
        CauseName.BUILD_FAILED,
        r"failed to solve: (.*)",
        "the image of `{service}` cannot be built: {_1}",
        "correct its Dockerfile; the failed step is shown above",
    ),
    (
        CauseName.BUILD_FOLDER_MISSING,
        (
            r"(?:unable to prepare context|resolve : lstat|path \"?(\S+?)\"? not found)"
            r"(.*)"
        ),
        "the build folder does not exist: {_1}{_2}",
        "correct `build`",
    ),
    (
        CauseName.IMAGE_NOT_FOUND,
        (r"pull access denied for |manifest for \S+ not found|manifest unknown"),
        (
            "the image of `{service}` cannot be pulled: there is none of that name, or "
            "it is private"
        ),
        "correct `image`, or: docker login",
    ),
    (
        CauseName.REGISTRY_UNREACHABLE,
        r"(?:lookup \S+|dial tcp).*(?:no such host|i/o timeout|refused|unreachable)",
        "the image of `{service}` cannot be pulled: its registry cannot be reached",
        "check the network, or build the image: build: DIR",
    ),
    (
        CauseName.IMAGE_NOT_HERE,
        r"no such image: (\S+)",
        "the image {_1} is not here",
        "build it: composegen up, without --no-build",
    ),
    (
        CauseName.VARIABLE_UNSET,
        r"required variable (\w+) is missing a value(?:: (.*))?",
        "{_1} is not set: {_2}",
        "set {_1} in .env or in the environment",
    ),
    (
        CauseName.ADDRESSES_EXHAUSTED,
        r"address pools have been fully subnetted|non-overlapping IPv4 address pool",
        "the engine has no addresses left for another network",
        "remove unused networks: docker network prune",
    ),
    (
        CauseName.DISK_FULL,
        r"no space left on device",
        "the engine's disk is full",
        "make room: docker system df, docker system prune",
    ),
    (
        CauseName.NAME_TAKEN,
        r"container name \"/?([^\"]+)\" is already in use",
        "another container is named {_1}",
        "remove it, docker rm {_1}, or take `container_name` out of `compose`",
    ),
    (
        CauseName.COMPOSE_TOO_OLD,
        r"additional propert(?:y|ies) '?required'?",
        "this Compose is too old for optional dependencies",
        "install Docker Compose 2.20 or later: composegen doctor",
    ),
    (
        CauseName.NETWORK_MISSING,
        (
            r"external network \"?([\w.-]+)\"?.*not found"
            r"|network (\S+) declared as external"
        ),
        "the network {_1}{_2} does not exist",
        "docker network create {_1}{_2}",
    ),
)
