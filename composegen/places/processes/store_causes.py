"""Why a store in Docker did not start, from what the docker command printed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from composegen.patterns import make_pattern
from composegen.places.cause import Cause
from composegen.places.processes.advice import advise, find_free, write_port
from composegen.places.processes.cause import CauseName
from composegen.places.processes.plan import Way
from composegen.places.processes.units import Unit
from composegen.system.holders import describe_holder

_FAILED = frozenset({125, 126, 127})
_USAGE = make_pattern(r"^(?:Run|See) 'docker run --help'.*|^Usage: +docker run.*|^\s*$")
_SAID = make_pattern(r"^docker: (?:Error response from daemon: )?(.+)", re.MULTILINE)
_TAKEN = make_pattern(r"port is already allocated|address already in use")
_CAUSES = (
    (
        CauseName.STORE_PROGRAM_NOT_FOUND,
        (
            r'exec: "([^"]+)": (?:executable file not found|stat |no such file)'
            r"|tini \(\d+\)\] exec (\S+) failed: No such file"
        ),
        "`{found}` is not in its image",
        "correct its `command` or `entrypoint`",
    ),
    (
        CauseName.STORE_USER_UNKNOWN,
        r"unable to find (?:user|group) ([\w-]+)",
        "its image has no user or group `{found}`",
        "correct `user`, or write its number",
    ),
    (
        CauseName.STORE_MOUNT_MISSING,
        r"bind source path does not exist: (\S+)|error mounting \"([^\"]+)\"",
        "{found} cannot be mounted",
        "make {found}, or correct `volumes`",
    ),
    (
        CauseName.STORE_ENGINE_SILENT,
        r"Cannot connect to the Docker daemon|failed to connect to the docker API",
        "the Docker engine does not answer",
        "start it, or run the store yourself and use it with --reuse",
    ),
)


def explain_store(unit: Unit, code: int, lines: Iterable[str]) -> Cause | None:
    """Why `docker run` failed; None where it did not, or the service is no store."""
    if unit.way is not Way.DOCKER or code not in _FAILED:
        return None
    text = "\n".join(lines)
    said = _SAID.search(text)
    if _TAKEN.search(text) and unit.port is not None:
        holder = describe_holder(unit.port)
        return Cause(
            CauseName.STORE_PORT_TAKEN,
            f"port {unit.port} is taken{f' by {holder}' if holder else ''}",
            "end that process, or " + advise(unit, write_port(find_free(unit.port))),
        )
    for name, pattern, cause, help in _CAUSES:
        match = re.search(pattern, text)
        if match is not None:
            found = next((each for each in match.groups() if each), "")
            words = {"found": found, "image": unit.step.service.image}
            return Cause(name, cause.format(**words), help.format(**words))
    if said is None:
        return None
    return Cause(CauseName.STORE_REFUSED, f"docker says: {said[1].strip()}")


_UNREACHABLE = make_pattern(
    r"(?:lookup \S+|dial tcp).*(?:no such host|timeout|refused|unreachable)"
)
_UNKNOWN_IMAGE = make_pattern(
    r"pull access denied|manifest (?:for \S+ not )?(?:found|unk)"
)


def suggest_pull(image: str, lines: Iterable[str]) -> str:
    """What to do where an image could not be pulled; empty where that is not known."""
    text = "\n".join(lines)
    if _UNREACHABLE.search(text):
        return (
            "its registry cannot be reached: pull the image where the network allows "
            f"it: docker pull {image}\nor run the store yourself: --reuse"
        )
    if _UNKNOWN_IMAGE.search(text):
        return "it does not exist, or is private: correct `image`, or: docker login"
    return ""


def drop_usage(unit: Unit, lines: Iterable[str]) -> tuple[str, ...]:
    """The lines of a store without those in which docker shows how it is used."""
    if unit.way is not Way.DOCKER:
        return tuple(lines)
    return tuple(line for line in lines if not _USAGE.search(line))
