"""What is behind a container that is not up, from what was seen of it.

Nothing is asked here. Every cause names the line to add to the stack file, where one
is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from composegen.places.engine.complaints import PORT_TAKEN, explain_port
from composegen.places.engine.containers import Container, Probe
from composegen.places.engine.evidence import Cause, Evidence
from composegen.places.engine.log_causes import (
    DENIED,
    look_at_capability,
    look_at_denied_port,
    look_at_folder,
    look_at_host,
    look_at_module,
    look_at_no_exec,
    look_at_password,
    look_at_read_only,
    look_at_secret,
)
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal
from composegen.values import format_duration

_KILLED = 137
_MISSING_PROGRAM = re.compile(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|tini \(\d+\)\] exec (\S+) failed: No such file"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?"
    r"([\w./-]+): (?:command )?not found",
    re.MULTILINE,
)
_LOCKED_PROGRAM = re.compile(
    r'exec: \\?"([^"\\]+)\\?": permission denied'
    r"|tini \(\d+\)\] exec (\S+) failed: Permission denied"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?(/[\w./-]+): Permission denied",
    re.MULTILINE | re.IGNORECASE,
)
_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
_MISSING_MOUNT = re.compile(
    r"bind source path does not exist: (\S+)|invalid mount config.*: (/\S+)"
)
_NO_FILE_CAPABILITY = re.compile(
    r'exec "?[^"\s]*"?.*operation not permitted', re.IGNORECASE
)
TOOLS = ("wget", "curl", "python3", "python", "node", "php", "bash")
"""What a check can call, the cheapest first."""


def find_cause(seen: Evidence) -> Cause:
    """What is behind it; both texts are empty if the cause is unknown."""
    return next((cause for look in _LOOKS if (cause := look(seen))), ("", ""))


# A start that failed


def _look_at_start(seen: Evidence) -> Cause | None:
    error = seen.container.error
    if not error:
        return None
    taken = PORT_TAKEN.search(error)
    if taken is not None:
        return explain_port(seen.noted, int(taken[1]), seen.holder, seen.container)
    missing = _MISSING_MOUNT.search(error)
    if missing is not None:
        path = missing[1] or missing[2]
        help = "composegen secrets" if ".secrets/" in path else f"make {path}"
        return f"{path}, which it mounts, does not exist", help
    if _FORMAT.search(error):
        return _explain_format(seen)
    if _NO_FILE_CAPABILITY.search(error):
        return (
            "its program has file capabilities, but all capabilities are dropped",
            seen.advise("cap_add: [NET_BIND_SERVICE]   # or what the program needs"),
        )
    program = _MISSING_PROGRAM.search(error)
    if program is not None:
        name = _get_named(program)
        return f"`{name}` is not in the image", "correct its `command` or `entrypoint`"
    locked = _LOCKED_PROGRAM.search(error)
    if locked is not None:
        return _explain_locked(_get_named(locked))
    if DENIED.search(error):
        return "its program may not be executed", "chmod +x it in the Dockerfile"
    return error.strip().splitlines()[-1], ""


def _get_named(match: re.Match[str]) -> str:
    found: str = next(filter(None, match.groups()))
    return found


def _explain_locked(program: str) -> Cause:
    return (
        f"`{program}` may not be executed",
        f"let the Dockerfile make it so: RUN chmod +x {program}",
    )


def _explain_format(seen: Evidence) -> Cause:
    return (
        "its program was built for another processor architecture",
        seen.advise("platform: linux/amd64   # or the platform of the image"),
    )


# How it ended


def _look_at_memory(seen: Evidence) -> Cause | None:
    if not (seen.was_out_of_memory or seen.container.was_out_of_memory):
        return None
    limit = format_size(seen.container.memory)
    more = format_size(seen.container.memory * 2) if seen.container.memory else "4G"
    return (
        f"it ran out of memory: the limit is {limit or 'that of the machine'}",
        seen.advise(f"resources: {{memory: {more}}}"),
    )


def format_size(size: int) -> str:
    """A size in bytes as a stack file says it; empty for none."""
    for unit, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}b" if size else ""


def _look_at_needed(seen: Evidence) -> Cause | None:
    for name, (port, sockets) in seen.needed.items():
        listening = [each for each in sockets if each.port == port]
        if listening and all(each.is_loopback for each in listening):
            hosts = ", ".join(dict.fromkeys(each.host for each in listening))
            return (
                (
                    f"`{name}` listens only on {hosts}:{port}: its own check passes, "
                    "but no other service can reach it"
                ),
                f"let `{name}` listen on 0.0.0.0:{port}",
            )
    return None


def _look_at_program(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code not in {NOT_EXECUTABLE, NOT_FOUND}:
        return None
    locked = _LOCKED_PROGRAM.search(seen.text)
    if code == NOT_EXECUTABLE and locked is not None:
        return _explain_locked(_get_named(locked))
    if code == NOT_EXECUTABLE:
        return "its program cannot be executed", "chmod +x it in the Dockerfile"
    program = _MISSING_PROGRAM.search(seen.text)
    shown = "a program" if program is None else f"`{_get_named(program)}`"
    return (
        f"{shown} is not in the image",
        "install it in the Dockerfile, or correct `command`",
    )


def _look_at_exit(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code == 0:
        return None
    program = _MISSING_PROGRAM.search(seen.text)
    if program is not None:
        name = _get_named(program)
        return f"`{name}` is not in the image", "install it in the Dockerfile"
    if seen.death is not None and seen.death.was_stopped:
        return "the engine was asked to stop it: docker stop or kill", ""
    if code == _KILLED:
        return "it was killed (SIGKILL); the engine saw no lack of memory", ""
    ended_by = read_signal(code)
    return (f"it was killed by {ended_by.name}", "") if ended_by is not None else None


# A check that does not pass


def _look_at_check(seen: Evidence) -> Cause | None:
    container = seen.container
    if not container.is_running or container.health in {"none", "healthy"}:
        return None
    if seen.has_died:
        return None  # its silence is no cause: what it died of is
    said = container.probes[-1].output if container.probes else ""
    program = _MISSING_PROGRAM.search(said)
    if program is not None or _is_tool_missing(container):
        name = _get_named(program) if program is not None else "its tool"
        return (
            f"the check calls `{name}`, which is not in the image",
            _suggest_tool(seen, name),
        )
    return _look_at_ports(seen)


def _suggest_tool(seen: Evidence, missing: str) -> str:
    if seen.tools is None:
        return seen.advise("health: {tool: wget}   # or python3, node, curl, bash, php")
    found = [tool for tool in TOOLS if tool in seen.tools and tool != missing]
    if not found:
        return f"install {missing} in the Dockerfile: the image has no other tool"
    return seen.advise(f"health: {{tool: {found[0]}}}")


def _is_tool_missing(container: Container) -> bool:
    return bool(container.probes) and container.probes[-1].exit_code == NOT_FOUND


def _look_at_ports(seen: Evidence) -> Cause | None:
    noted, sockets = seen.noted, seen.sockets
    if noted.port is None or sockets is None:
        return None
    if any(each.port == noted.port for each in sockets):
        return _look_at_answer(seen, noted.port)
    others = list(dict.fromkeys(each.port for each in sockets))
    early = "" if seen.is_slow or seen.container.restarts else "if it stays so, "
    if others:
        shown = ", ".join(map(str, others))
        return (
            f"it listens on port {shown}, not on {noted.port}",
            early + seen.advise(f"port: {others[0]}"),
        )
    nothing = f"nothing listens on port {noted.port} yet"
    boot = format_duration(noted.boot)
    if seen.container.restarts:
        return f"nothing listens on port {noted.port} since it was restarted", ""
    if not seen.is_slow:
        return f"{nothing}; its boot, {boot}, is not over", ""
    return f"{nothing}: it takes longer than its boot, {boot}, or it hangs", _longer(
        seen
    )


def _look_at_answer(seen: Evidence, port: int) -> Cause | None:
    """It listens on its port, and its check does not pass."""
    probes = seen.container.probes
    if not probes and not seen.is_slow:
        return None  # it has not been asked yet
    if seen.noted.is_http and probes[-1:] == (Probe(exit_code=1, output=""),):
        return (
            (
                f"it listens on port {port}, but its answer to the check has "
                "no status from 200 to 399"
            ),
            "correct the path in its `health`, or what it answers there",
        )
    help = "look at what the check got"
    if not seen.container.restarts:
        help += f"; if it only needs more time, {_longer(seen)}"
    return f"it listens on port {port}, but its health check fails", help


def _longer(seen: Evidence) -> str:
    boot = format_duration(seen.noted.boot * 2)
    return seen.advise(f"health: {{boot: {boot}}}")


_LOOKS: tuple[Callable[[Evidence], Cause | None], ...] = (
    _look_at_start,
    _look_at_memory,
    look_at_password,
    look_at_secret,
    look_at_no_exec,
    look_at_read_only,
    look_at_denied_port,
    look_at_capability,
    look_at_host,
    _look_at_program,
    look_at_folder,
    look_at_module,
    _look_at_needed,
    _look_at_exit,
    _look_at_check,
)
