"""What is behind a container that is not up, from what was seen of it.

Nothing is asked here. Every cause names the line to add to the stack file, where one
is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from composegen.model import PROBE_IMAGE
from composegen.patterns import make_pattern
from composegen.places.advice import quote_path
from composegen.places.cause import UNKNOWN, Cause
from composegen.places.engine.advice import (
    write_health,
    write_longer_boot,
    write_port,
)
from composegen.places.engine.asking import TOOLS
from composegen.places.engine.cause import CauseName
from composegen.places.engine.complaints import (
    PORT_TAKEN,
    explain_mount,
    explain_port,
    find_missing_mount,
)
from composegen.places.engine.containers import Container, Probe
from composegen.places.engine.evidence import Evidence
from composegen.places.engine.host_folders import look_at_host_folder
from composegen.places.engine.log_causes import (
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
from composegen.places.engine.reach import find_loopback
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal
from composegen.values import format_duration

_KILLED = 137
_MISSING_PROGRAM = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|tini \(\d+\)\] exec (\S+) failed: No such file"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?"
    r"([\w./-]+): (?:command )?not found",
    re.MULTILINE,
)
_LOCKED_PROGRAM = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": permission denied'
    r"|tini \(\d+\)\] exec (\S+) failed: Permission denied"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?(/[\w./-]+): Permission denied",
    re.MULTILINE | re.IGNORECASE,
)
_FORMAT = make_pattern(r"exec format error", re.IGNORECASE)
_MOUNTED_FOLDER = make_pattern(
    r'error mounting "([^"]+)" to rootfs at "([^"]+)".*not a directory'
    r"|mount `([^`]+)` to `([^`]+)`: Not a directory"  # crun
)
_INIT_REFUSED = make_pattern(r"catatonit:\d+\): failed to exec pid1: (.+)")
"""What Podman's init says, which exits with 1 then and does not name the program."""
_NO_FILE_CAPABILITY = make_pattern(
    r'^(?:.*\btini .*|.*: )?exec:? "?/?[^"\s]+"?(?: failed)?: operation not permitted'
    r"|catatonit:\d+\): failed to exec pid1: operation not permitted",
    re.IGNORECASE | re.MULTILINE,
)


def find_cause(seen: Evidence) -> Cause:
    """What is behind it; UNKNOWN where nothing is known."""
    return next((cause for look in _LOOKS if (cause := look(seen))), UNKNOWN)


# A start that failed


def _look_at_start(seen: Evidence) -> Cause | None:
    error = seen.container.error
    if not error:
        return None
    taken = PORT_TAKEN.search(error)
    if taken is not None and seen.is_port_free:
        return Cause(
            CauseName.PORT_WAS_TAKEN,
            f"port {taken[1]} of this machine was taken when it was started, and is "
            "free now",
            "continue: composegen up",
        )
    if taken is not None:
        return explain_port(seen.noted, int(taken[1]), seen.holder, seen.container)
    missing = find_missing_mount(error)
    if missing:
        return explain_mount(missing)
    folder = _MOUNTED_FOLDER.search(error)
    if folder is not None:
        source, target = filter(None, folder.groups())
        return Cause(
            CauseName.MOUNT_IS_FOLDER,
            f"{source} is a folder, and /{target.lstrip('/')} is a file in the image",
            f"remove the folder, which the engine makes where a file is missing: "
            f"rmdir {source}; then put the file there",
        )
    refused = _look_at_exec(seen, error)
    if refused is not None:
        return refused
    program = _MISSING_PROGRAM.search(error)
    if program is not None:
        return _explain_missing(_get_named(program))
    locked = _LOCKED_PROGRAM.search(error)
    if locked is not None:
        return _explain_locked(_get_named(locked))
    return Cause(CauseName.START_REFUSED, error.strip().splitlines()[-1])


def _get_named(match: re.Match[str]) -> str:
    found: str = next(filter(None, match.groups()))
    return found


def _explain_missing(program: str) -> Cause:
    shown = f"`{program}`" if program else "a program"
    return Cause(
        CauseName.PROGRAM_NOT_FOUND,
        f"{shown} is not in the image",
        "install it in the Dockerfile, or correct `command` or `entrypoint`",
    )


def _explain_locked(program: str) -> Cause:
    shown = f"`{program}`" if program else "its program"
    return Cause(
        CauseName.PROGRAM_LOCKED,
        f"{shown} may not be executed",
        f"let the Dockerfile give it: RUN chmod +x {program or 'PROGRAM'}",
    )


def _explain_format(seen: Evidence) -> Cause:
    return Cause(
        CauseName.NOT_A_PROGRAM,
        "its program is neither one for this processor nor a script whose first line "
        "names its interpreter",
        "let a script begin with a line such as #!/bin/sh; for a program of another "
        "processor, "
        + seen.advise("platform: linux/amd64   # or the platform of the image"),
    )


# How it ended


def _look_at_memory(seen: Evidence) -> Cause | None:
    if not (seen.was_out_of_memory or seen.container.was_out_of_memory):
        return None
    limit = format_size(seen.container.memory)
    more = format_size(seen.container.memory * 2) if seen.container.memory else "4G"
    return Cause(
        CauseName.OUT_OF_MEMORY,
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
        hosts = find_loopback(sockets, port)
        if hosts:
            return Cause(
                CauseName.NEED_ON_LOOPBACK,
                f"`{name}` listens only on {', '.join(hosts)}:{port}: its own check "
                "passes, but no other service can reach it",
                f"let `{name}` listen on 0.0.0.0:{port}",
            )
    return None


def _look_at_exec_in_log(seen: Evidence) -> Cause | None:
    """The kernel refused the program, which the log alone says."""
    return _look_at_exec(seen, seen.text) if seen.has_died else None


def _look_at_exec(seen: Evidence, text: str) -> Cause | None:
    if _FORMAT.search(text):
        return _explain_format(seen)
    if _NO_FILE_CAPABILITY.search(text):
        return Cause(
            CauseName.FILE_CAPABILITIES,
            "its program has file capabilities, but all capabilities are dropped",
            seen.advise("cap_add: [NET_BIND_SERVICE]   # or what the program needs"),
        )
    return None


def _look_at_program(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code not in {NOT_EXECUTABLE, NOT_FOUND}:
        return None
    pattern = _LOCKED_PROGRAM if code == NOT_EXECUTABLE else _MISSING_PROGRAM
    found = pattern.search(seen.text)
    explain = _explain_locked if code == NOT_EXECUTABLE else _explain_missing
    return explain(_get_named(found) if found is not None else "")


def _look_at_init(seen: Evidence) -> Cause | None:
    refused = _INIT_REFUSED.search(seen.text)
    if not seen.has_died or refused is None:
        return None
    program = next(iter(seen.container.command), "")
    if "No such file" in refused[1]:
        return _explain_missing(program)
    return _explain_locked(program) if "Permission" in refused[1] else None


def _look_at_exit(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code == 0:
        return None
    program = _MISSING_PROGRAM.search(seen.text)
    if program is not None:
        return _explain_missing(_get_named(program))
    if seen.death is not None and seen.death.was_stopped:
        said = "the engine was asked to stop it: docker stop or kill"
        return Cause(CauseName.STOPPED, said)
    if code == _KILLED:
        said = "it was killed (SIGKILL); the engine saw no lack of memory"
    else:
        ended_by = read_signal(code)
        said = f"it was killed by {ended_by.name}" if ended_by is not None else ""
    return Cause(CauseName.KILLED, said) if said else None


# A check that does not pass


def _look_at_check(seen: Evidence) -> Cause | None:
    container = seen.container
    if not container.is_running or container.health in {"none", "healthy"}:
        return None
    if seen.has_died:
        return None  # its silence is no cause: what it died of is
    if container.asker:
        return Cause(
            CauseName.HELPER_DOWN,
            f"`{seen.noted.helper}`, the container that checks it, {container.asker}",
            f"start it again: composegen start {seen.noted.name}",
        )
    said = container.probes[-1].output if container.probes else ""
    program = _MISSING_PROGRAM.search(said)
    if program is not None or _is_tool_missing(container):
        name = _get_named(program) if program is not None else "its tool"
        return _explain_tool(seen, name)
    if container.probes or not seen.is_slow:
        return _look_at_ports(seen)
    if seen.is_podman:
        return _explain_unasked(seen)
    return _look_at_ports(seen) or _explain_unasked(seen)


def _explain_unasked(seen: Evidence) -> Cause:
    """Its boot is over, and the engine has not run its check once."""
    if seen.is_podman:
        help = (
            "Podman runs health checks by timers of systemd: use it where systemd "
            f"runs, or let composegen run them: composegen restart {seen.noted.name}"
        )
    else:
        help = seen.advise(write_longer_boot(seen.noted))
    return Cause(CauseName.CHECK_NEVER_RUN, "its health check was never run", help)


def _explain_tool(seen: Evidence, missing: str) -> Cause:
    if seen.noted.helper:
        return Cause(
            CauseName.HELPER_WITHOUT_TOOL,
            f"the check calls `{missing}`, which is not in the image of "
            f"`{seen.noted.helper}`",
            f"name an image with `sh` and the `nc` of busybox at the top level of the "
            f"stack file:\nprobe_image: {PROBE_IMAGE}",
        )
    said = f"the check calls `{missing}`, which is not in the image"
    if seen.tools is None:
        found = ["wget"]
    else:
        found = [tool for tool in TOOLS if tool in seen.tools and tool != missing]
    if not found:
        return Cause(
            CauseName.NO_TOOL,
            said,
            f"install {missing} in the Dockerfile: the image has no other tool",
        )
    line = write_health(seen.noted, f"tool: {found[0]}")
    unsure = "   # or python3, node, curl, bash, php" if seen.tools is None else ""
    return Cause(CauseName.TOOL_MISSING, said, seen.advise(line + unsure))


def _is_tool_missing(container: Container) -> bool:
    return bool(container.probes) and container.probes[-1].exit_code == NOT_FOUND


def _look_at_ports(seen: Evidence) -> Cause | None:
    noted, sockets = seen.noted, seen.sockets
    port = noted.check_port or noted.port
    if port is None or sockets is None:
        return None
    hosts = find_loopback(sockets, port) if noted.helper else ()
    if hosts:
        return Cause(
            CauseName.NOT_REACHED_OUTSIDE,
            f"it listens only on {', '.join(hosts)}:{port}, where the check from "
            "outside cannot reach it",
            f"let it listen on 0.0.0.0:{port}",
        )
    if any(each.port == port for each in sockets):
        return _explain_answer(seen, port)
    others = list(dict.fromkeys(each.port for each in sockets))
    early = "" if seen.is_slow or seen.container.restarts else "if it stays so, "
    if others:
        led_to = {
            int(each.target.partition("/")[0]) for each in seen.container.published
        }
        best = next((other for other in others if other in led_to), others[0])
        return Cause(
            CauseName.OTHER_PORT,
            f"it listens on port {', '.join(map(str, others))}, not on {port}",
            early + seen.advise(*write_port(noted, best)),
        )
    return _explain_silence(seen, port)


def _explain_silence(seen: Evidence, port: int) -> Cause:
    """Nothing listens; only one that never died can be slow, when its boot is over."""
    boot = format_duration(seen.noted.boot)
    if seen.container.restarts:
        said = f"nothing listens on port {port} since it was restarted"
        return Cause(CauseName.SILENT_AGAIN, said)
    if not seen.is_slow:
        said = f"nothing listens on port {port} yet; its boot, {boot}, is not over"
        return Cause(CauseName.BOOT_NOT_OVER, said)
    return Cause(
        CauseName.SLOW_BOOT,
        f"nothing listens on port {port} yet: it takes longer than its boot, {boot}, "
        "or it hangs",
        seen.advise(write_longer_boot(seen.noted)),
    )


def _explain_answer(seen: Evidence, port: int) -> Cause | None:
    """It listens where it is asked, and the health check fails."""
    noted, probes = seen.noted, seen.container.probes
    if not probes and not seen.is_slow:
        return None  # it has not been asked yet
    status = seen.answers.get(noted.path, 0)
    was_silent = probes[-1:] == (Probe(exit_code=1, output=""),)
    better = [path for path, code in seen.answers.items() if 200 <= code < 400]
    if 400 <= status < 500 and better:
        return Cause(
            CauseName.PATH_NOT_FOUND,
            f"GET {noted.path} answers {status}, and {better[0]} answers "
            f"{seen.answers[better[0]]}",
            seen.advise(write_health(noted, f"http: {quote_path(better[0])}")),
        )
    if status >= 400 or (not status and noted.is_http and was_silent):
        shown = str(status) if status else f"port {port} with no status that is wanted"
        return Cause(
            CauseName.BAD_STATUS,
            f"GET {noted.path} answers {shown}, and the check wants 200 to 399",
            f"let the program answer {noted.path} with 200 once it is ready, or name "
            f"another path in the `health` of `{noted.name}`; its log may say more: "
            f"composegen logs {noted.name}",
        )
    if not probes:
        return None
    help = "look at what the check got"
    if not seen.container.restarts:
        longer = seen.advise(write_longer_boot(noted))
        help += f"; if it only needs more time, {longer}"
    return Cause(
        CauseName.CHECK_FAILS,
        f"it listens on port {port}, but its health check fails",
        help,
    )


_LOOKS: tuple[Callable[[Evidence], Cause | None], ...] = (
    _look_at_start,
    _look_at_memory,
    _look_at_exec_in_log,
    look_at_password,
    look_at_secret,
    look_at_host_folder,
    look_at_no_exec,
    look_at_read_only,
    look_at_denied_port,
    look_at_capability,
    look_at_host,
    _look_at_program,
    _look_at_init,
    look_at_folder,
    look_at_module,
    _look_at_needed,
    _look_at_exit,
    _look_at_check,
)
