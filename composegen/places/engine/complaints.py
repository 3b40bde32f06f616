"""What is behind a complaint of Compose or of the engine, from its words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from composegen.patterns import make_pattern
from composegen.places.cause import UNKNOWN, Cause
from composegen.places.engine.advice import advise, move_published
from composegen.places.engine.cause import CauseName
from composegen.places.engine.compose_lines import find_complaint
from composegen.places.engine.containers import Container
from composegen.places.engine.culprit import speaks_of_helper
from composegen.places.engine.evidence import Looking
from composegen.places.engine.notes import NotedService
from composegen.places.engine.refused_keys import explain_refused_key
from composegen.places.events import Failure
from composegen.records import replace

PORT_TAKEN = make_pattern(
    r"(?:\d+\.\d+\.\d+\.\d+|\[::\d?\]|\[?::\]?):(\d+)\b[^\n]*?"
    r"(?:port is already allocated|address already in use)"
)

_MISSING_MOUNT = make_pattern(
    r"bind source path does not exist: (\S+)|invalid mount config.*: (/\S+)"
    r'|error mounting "([^"]+)" to rootfs.*no such file'
)


def find_missing_mount(text: str) -> str:
    """The path of the host that is mounted and is not there; empty for none."""
    found = _MISSING_MOUNT.search(text)
    return next(filter(None, found.groups()), "") if found is not None else ""


def explain_mount(path: str, service: str = "") -> Cause:
    """A path of the host that is mounted and is not there."""
    who = f"`{service}`" if service else "it"
    said = f"{path}, which {who} mounts, does not exist"
    if ".secrets/" in path:
        help = "make it again:\ncomposegen secrets && composegen up"
        return Cause(CauseName.SECRET_MISSING, said, help)
    help = f"make {path} again, then: composegen up"
    return Cause(CauseName.MOUNT_MISSING, said, help)


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


def find_holder(engine: Looking, port: int) -> str:
    """Who has a port of this machine: a container, or a process that may be seen."""
    container = engine.find_publisher(port)
    if container:
        return f"the container {container}"
    from composegen.system.holders import describe_holder

    return describe_holder(port)


def explain_complaint(
    engine: Looking, noted: NotedService | None, complaint: str
) -> Failure:
    """The failure that a complaint of Compose stands for, of a service or of none.

    Where the cause is known it says all that Compose's own words say.
    """
    name = "" if noted is None else noted.name
    said = find_complaint(complaint.splitlines())
    is_helper = noted is not None and speaks_of_helper(noted, complaint)
    about = noted.helper if noted is not None and is_helper else name
    cause = next(iterate_complaints(complaint, about), UNKNOWN)
    if is_helper and "correct `image`" in cause.help:
        help = cause.help.replace("`image`", "`probe_image` at the top level")
        cause = replace(cause, help=help)
    elif noted is not None and noted.is_built:
        cause = _speak_of_build(cause, name)
    taken = PORT_TAKEN.search(complaint)
    if taken is not None and noted is not None:
        port = int(taken[1])
        cause = explain_port(noted, port, find_holder(engine, port))
    if not cause.text and said.startswith("docker compose "):
        reason = said  # our own words for how it was ended
    elif not cause.text:
        reason = f"Compose: {said or 'it printed nothing'}"
    elif name:
        reason = f"{name} was not started"
    else:
        reason = "docker compose could not start the stack"
    return Failure(
        service=name,
        reason=reason,
        cause=cause.text,
        help=cause.help,
        cause_name=cause.name,
    )


def _speak_of_build(cause: Cause, name: str) -> Cause:
    """What a registry refuses is not the image of a service that is built."""
    if cause.text.endswith(_UNREACHABLE):
        return replace(
            cause,
            text=f"`{name}` cannot be built: a registry that its build needs cannot be "
            "reached",
            help="check the network; what was wanted is shown above",
        )
    return cause


def iterate_complaints(text: str, service: str) -> Iterator[Cause]:
    """What is behind a complaint of Compose or of the engine.

    It is about a service, or about none in particular where ``service`` is empty.
    """
    missing = find_missing_mount(text)
    if missing:
        yield explain_mount(missing, service)
    refused = explain_refused_key(text)
    if refused is not None:
        yield refused
    for name, pattern, cause, help in _COMPLAINTS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is not None:
            words = {f"_{n}": part or "" for n, part in enumerate(match.groups(), 1)}
            words["image"] = f"the image of `{service}`" if service else "an image"
            yield Cause(name, cause.format(**words), help.format(**words))


_UNREACHABLE = "its registry cannot be reached"
_COMPLAINTS = (
    (
        CauseName.ENGINE_LOST,
        r"error during connect|cannot connect to the docker daemon",
        "Compose lost the connection to the Docker engine",
        "continue when the engine answers: composegen up",
    ),
    (
        CauseName.DOCKERFILE_MISSING,
        r"failed to read dockerfile: open (.+): no such file or directory",
        "the folder to build from has no {_1}",
        "write it, or name another file: build: {{context: DIR, dockerfile: PATH}}",
    ),
    (
        CauseName.BUILD_FAILED,
        (
            r"failed to solve: (.*)"  # BuildKit
            r"|(The command .* returned a non-zero code: \d+)"  # the classic builder
            r'|building at STEP "(.*)"(: .*)'  # Podman's
        ),
        "{image} cannot be built: {_1}{_2}{_3}{_4}",
        "correct its Dockerfile; the failed step is shown above",
    ),
    (
        CauseName.NO_BUILDX,
        (
            r"(the classic builder doesn't support .+?); building with"
            r"|the (--[\w-]+) option requires BuildKit"
        ),
        "{image} cannot be built without buildx: {_1}{_2}",
        "install the docker plugin buildx, 0.17 or later: composegen doctor",
    ),
    (
        CauseName.NO_INIT,
        r"lookup init binary: exec: \"([\w-]+)\"",
        "Podman has no {_1}, which is the first process of a container with `init`",
        (
            "install {_1} where Podman runs, or start without it:\n"
            "relax: {{init: {_1} is missing}}"
        ),
    ),
    (
        CauseName.BUILD_FOLDER_MISSING,
        (
            r"(?:unable to prepare context: path \"|resolve ?: lstat |"
            r"failed to get build context [^:]+: stat )"
            r"(.+?)\"?(?: not found|: no such file or directory)"
        ),
        "a folder to build from does not exist: {_1}",
        "correct `build`, or create the folder",
    ),
    (
        CauseName.FILE_MISSING,
        r"(?:env|label) file (.+?) not found",
        "a file that it reads does not exist: {_1}",
        "create it, or correct its path in the stack file",
    ),
    (
        CauseName.IMAGE_NOT_FOUND,
        (
            r"pull access denied for |manifest for \S+ not found|manifest unknown"
            r"|access to the resource is denied"  # Podman
        ),
        ("{image} cannot be pulled: there is none of that name, or it is private"),
        "correct `image`, or: docker login",
    ),
    (
        CauseName.REGISTRY_UNREACHABLE,
        (
            r"(?:lookup \S+|dial tcp).*(?:no such host|i/o timeout|refused|unreachable)"
            r"|error response from daemon: connection refused"  # Podman
        ),
        f"{{image}} cannot be pulled: {_UNREACHABLE}",
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
        "what takes the room: docker system df; the cache alone: docker builder prune",
    ),
    (
        CauseName.NAME_TAKEN,
        r"container name \"/?([^\"]+)\" is already in use",
        "another container is named {_1}",
        "take `container_name` out of `compose`; whose it is: docker inspect {_1}",
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
