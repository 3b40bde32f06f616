"""What a container that is not up does, in sentences that name when."""

from __future__ import annotations

import shlex

from composegen.places.engine.containers import Container, Probe, Status
from composegen.places.engine.evidence import Evidence
from composegen.text import count, strip_control
from composegen.values import format_duration

_LAST_PROBES = 2
_WIDEST_OUTPUT = 300


def describe_state(seen: Evidence) -> str:
    """What a container that is not up does, in a sentence."""
    name, container = seen.noted.name, seen.container
    match container.status:
        case Status.CREATED if not container.error:
            return f"{name} was not started"
        case Status.CREATED | Status.EXITED if container.error:
            again = " again" if container.status is Status.EXITED else ""
            return f"{name} could not be started{again}"
        case Status.RESTARTING if container.restarts > 1:
            return (
                f"{name} keeps exiting, last with exit code "
                f"{container.exit_code}, after {container.restarts} restarts"
            )
        case Status.RESTARTING:
            return f"{name} exited with {container.exit_code}; the engine restarts it"
        case Status.RUNNING:
            return f"{name} {_describe_running(seen)}"
        case Status.PAUSED:
            return f"{name} is paused"
        case _:
            stopped = seen.death is not None and seen.death.was_stopped
            by = " after it was stopped from outside composegen" if stopped else ""
            return f"{name} exited with {container.exit_code}{by}"


def _describe_running(seen: Evidence) -> str:
    outlived = seen.container.outlives
    if outlived is not None:
        return f"runs in the {outlived.kind} that {outlived.id} had before"
    if seen.container.restarts:
        return _describe_deaths(seen)
    if seen.container.health == "unhealthy":
        return "runs and is unhealthy"
    return f"was started {format_ago(seen.age)} and is not ready yet"


def _describe_deaths(seen: Evidence) -> str:
    restarts = seen.container.restarts
    times = count(restarts, "time")
    since = f"restarted {format_ago(seen.age)}"
    if seen.death is None:
        return f"exited {times} and was {since}; its exit code is no longer known"
    code = seen.container.exit_code
    return f"exited {times}, last with exit code {code}, and was {since}"


def format_ago(seconds: float) -> str:
    """How long ago something was, in whole units."""
    whole = int(seconds)
    if not whole:
        return "just now"
    for unit in (86400, 3600, 60):
        if whole >= unit * 2:
            whole -= whole % unit
            break
    return f"{format_duration(whole)} ago"


def describe_check(container: Container) -> tuple[str, ...]:
    """What a health check runs, then its last outputs; empty where it passes."""
    is_asked = container.health not in {"none", "healthy"} and container.test
    if not is_asked or not container.is_running or container.restarts:
        return ()
    kind, *words = container.test
    shown = words[0] if kind == "CMD-SHELL" else " ".join(map(_quote, words))
    answers = map(_describe_probe, container.probes[-_LAST_PROBES:])
    return (clean(shown), *dict.fromkeys(answers))


def _describe_probe(probe: Probe) -> str:
    """An answer in one line: the last of a traceback says what it was."""
    lines = [line for line in probe.output.splitlines() if line.strip()]
    said = clean(lines[-1]).strip()[:_WIDEST_OUTPUT] if lines else "it printed nothing"
    return f"exit {probe.exit_code}: {said}"


def _quote(word: str) -> str:
    """A word as a person would type it: in the quotes that need the fewest escapes."""
    if "'" in word and not set('"$`\\!') & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def clean(text: str) -> str:
    """A text of a container in one line, without what steers a terminal."""
    return strip_control(text.replace("\n", " "))
