"""What is behind a container that is not up, from what was seen of it.

Nothing is asked here. Every cause names the line to add to the stack file, where one
is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from composegen.patterns import make_pattern
from composegen.places.cause import UNKNOWN, Cause
from composegen.places.engine.cause import CauseName
from composegen.places.engine.check_causes import look_at_check
from composegen.places.engine.complaints import (
    PORT_TAKEN,
    explain_mount,
    explain_port,
    find_missing_mount,
)
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
from composegen.places.engine.refused_programs import (
    find_locked_program,
    find_missing_program,
)
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal

_KILLED = 137
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
    program = find_missing_program(error)
    if program is not None:
        return _explain_missing(program)
    locked = find_locked_program(error)
    if locked is not None:
        return _explain_locked(locked)
    return Cause(CauseName.START_REFUSED, error.strip().splitlines()[-1])


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


def _look_at_namespace(seen: Evidence) -> Cause | None:
    outlived = seen.container.outlives
    if outlived is None:
        return None
    return Cause(
        CauseName.OLD_NAMESPACE,
        f"it shares the {outlived.kind} of `{outlived.id}`, which was started again "
        "since and has a new one",
        f"composegen restart {seen.noted.name}",
    )


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
    if code == NOT_EXECUTABLE:
        return _explain_locked(find_locked_program(seen.text) or "")
    return _explain_missing(find_missing_program(seen.text) or "")


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
    program = find_missing_program(seen.text)
    if program is not None:
        return _explain_missing(program)
    help = f"composegen start {seen.noted.name}"
    if seen.death is not None and seen.death.was_stopped:
        said = "the engine was asked to stop it: docker stop or kill"
        return Cause(CauseName.STOPPED, said, help)
    if code == _KILLED:
        said = "it was killed (SIGKILL); the engine saw no lack of memory"
    else:
        ended_by = read_signal(code)
        said = f"it was killed by {ended_by.name}" if ended_by is not None else ""
    return Cause(CauseName.KILLED, said, help) if said else None


_LOOKS: tuple[Callable[[Evidence], Cause | None], ...] = (
    _look_at_namespace,
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
    look_at_check,
)
