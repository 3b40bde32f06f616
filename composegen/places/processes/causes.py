"""Why a start failed, in words: the exit, what the log says, who holds the port."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from composegen.oserrors import describe_os_error, keeps_all_from_starting
from composegen.paths import is_file
from composegen.patterns import make_pattern
from composegen.places.cause import UNKNOWN, Cause
from composegen.places.events import Failure
from composegen.places.processes.advice import (
    advise,
    find_free,
    write_longer_boot,
    write_port,
)
from composegen.places.processes.cause import CauseName
from composegen.places.processes.environment import (
    HOST,
    find_program,
    suggest_access,
)
from composegen.places.processes.store_causes import drop_usage, explain_store
from composegen.places.processes.units import Unit
from composegen.system.holders import describe_holder, describe_process
from composegen.system.identity import read_cpu_seconds
from composegen.system.listeners import find_listeners, is_free, list_ports
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal

_BUSY_SHARE = 0.5

_MODULE = make_pattern(r"No module named '?([\w.]+)'?")
_NODE_MODULE = make_pattern(r"Cannot find (?:module|package) '([^']+)'")
_IN_USE = make_pattern(
    r".*(?:EADDRINUSE|address (?:is )?already in use).*", re.IGNORECASE
)
_NAMED_PORT = make_pattern(
    r"(?:in use\W+|\d\.\d+['\"]?(?::|, )|[\]*]:|::|localhost:|tcp\d? :|\bport )"
    r"(\d{2,5})\b(?!\.\d)"
)
_DENIED = make_pattern(r"(?:PermissionError|EACCES|permission denied).*", re.IGNORECASE)
_ANSWERED = make_pattern(r"answered (\d{3})")
_SHELL = make_pattern(r"(?:sh|bash): (?:line )?\d*:? ?([^:]+): (?:command )?not found")


def explain_exit(
    unit: Unit, code: int, lines: Iterable[str], *, was_ready: bool = False
) -> Failure:
    """The failure of a service that ended, before it was ready or after."""
    listed = tuple(lines)
    cause = find_cause(unit, code, listed)
    when = " after it had been ready" if was_ready else " before it was ready"
    if unit.step.service.job:
        when = ""
    return _fail(
        unit,
        f"{unit.name} {describe_code(code)}{when}",
        cause,
        exit_code=code,
        lines=drop_usage(unit, listed),
    )


def _fail(unit: Unit, reason: str, cause: Cause, **values: Any) -> Failure:
    return Failure(
        service=unit.name,
        reason=reason,
        cause=cause.text,
        cause_name=cause.name,
        help=cause.help,
        **values,
    )


def describe_code(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with {code}"
    ended_by = read_signal(code)
    return f"was killed by {ended_by.name if ended_by else f'signal {-code}'}"


def find_cause(unit: Unit, code: int, lines: tuple[str, ...]) -> Cause:
    """What is behind an exit; UNKNOWN where nothing is known."""
    store = explain_store(unit, code, lines)
    if store is not None:
        return store
    text = "\n".join(lines)
    for pattern, explain in _KNOWN:
        match = pattern.search(text)
        if match is not None:
            return explain(unit, match)
    if code == NOT_FOUND:
        return _explain_missing(unit, "a program that it calls")
    if code == NOT_EXECUTABLE:
        return Cause(
            CauseName.PROGRAM_LOCKED,
            "its program cannot be executed",
            "make it executable: chmod +x",
        )
    if read_signal(code) is signal.SIGKILL:
        said = "it was killed, or this machine ran out of memory"
        return Cause(CauseName.KILLED, said)
    if code == 0 and not unit.step.service.job:
        return Cause(
            CauseName.ENDED_BY_ITSELF,
            "its command exited by itself, or went to the background",
            "keep it in the foreground, or if it is to end, "
            + advise(unit, "job: true"),
        )
    return UNKNOWN


def _explain_module(unit: Unit, match: re.Match[str]) -> Cause:
    launch = unit.launch
    name = match[1]
    said = f"the Python module `{name}` is not installed"
    if launch is None:
        return UNKNOWN  # it was not started here
    path = launch.env.get("PATH", "")
    program, _ = find_program(launch.command[0], launch.folder, path)
    where = program or launch.command[0]
    is_own = program is not None and ".venv" in program.parts
    make = f"cd {shlex.quote(str(launch.folder))} && python3 -m venv .venv && "
    pip = str(program.parent / "pip") if is_own and program else ".venv/bin/pip"
    return Cause(
        CauseName.PYTHON_MODULE_MISSING,
        f"{said} for {where}",
        f"install what it needs:\n{'' if is_own else make}"
        f"{pip} install {_find_requirements(launch.folder, name)}",
    )


def _find_requirements(folder: Path, module: str) -> str:
    """What pip is to install: what the folder says it needs, else the module's name."""
    if is_file(folder / "requirements.txt"):
        return f"-r {shlex.quote(str(folder / 'requirements.txt'))}"
    if is_file(folder / "pyproject.toml"):
        return f"-e {shlex.quote(str(folder))}"
    return module.partition(".")[0]


def _explain_node_module(unit: Unit, match: re.Match[str]) -> Cause:
    folder = unit.launch.folder if unit.launch is not None else Path()
    return Cause(
        CauseName.NODE_MODULE_MISSING,
        f"the module `{match[1]}` is not installed",
        f"install what it needs:\ncd {shlex.quote(str(folder))} && npm install",
    )


def _explain_port(unit: Unit, match: re.Match[str]) -> Cause:
    named = _NAMED_PORT.search(match[0])
    port = int(named[1]) if named is not None else unit.port
    by = describe_holder(port) if port is not None else ""
    if port is not None and not by and is_free(port):
        return Cause(
            CauseName.PORT_WAS_TAKEN,
            f"port {port} was taken when it started, and is free now",
            "start it again: composegen run",
        )
    taken = f"is taken{f' by {by}' if by else ''}"
    if port is None or port != unit.port:
        shown = "a port" if port is None else f"port {port}"
        return Cause(
            CauseName.OTHER_PORT_TAKEN,
            f"{shown}, which it listens on too, {taken}",
            "end that process, or let the program listen on another port",
        )
    return Cause(
        CauseName.PORT_TAKEN,
        f"port {port} {taken}",
        "end that process, or " + advise(unit, write_port(find_free(port))),
    )


def _explain_denied(unit: Unit, match: re.Match[str]) -> Cause:
    del unit
    said = f"it lacks a permission: {match[0].strip()}"
    return Cause(CauseName.PERMISSION_DENIED, said)


def _explain_shell(unit: Unit, match: re.Match[str]) -> Cause:
    return _explain_missing(unit, f"`{match[1].strip()}`")


def _explain_missing(unit: Unit, program: str) -> Cause:
    return Cause(
        CauseName.PROGRAM_NOT_FOUND,
        f"{program} is not installed",
        f"install it, or correct the `local: {{command: ..}}` of `{unit.name}`",
    )


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[Unit, re.Match[str]], Cause]], ...] = (
    (_IN_USE, _explain_port),
    (_MODULE, _explain_module),
    (_NODE_MODULE, _explain_node_module),
    (_SHELL, _explain_shell),
    (_DENIED, _explain_denied),
)


def explain_os_error(unit: Unit, error: OSError) -> Failure:
    """The failure of a command that could not even be started."""
    launch = unit.launch
    word = launch.command[0] if launch is not None else unit.name
    if keeps_all_from_starting(error):
        return _fail(unit, f"{unit.name} cannot be started", _explain_system(error))
    said = (error.strerror or str(error)).lower()
    log = launch.log if launch is not None else None
    if log is not None and error.filename in {str(log), str(log.parent)}:
        reason = f"{unit.name} cannot be started: {error.filename}: {said}"
        help = f"let {log.parent} be a folder that you may write to"
        denied = Cause(CauseName.LOG_DENIED, "its log cannot be written", help)
        return _fail(unit, reason, denied)
    if launch is not None and str(error.filename) == str(launch.folder):
        cause, help = describe_os_error(error, launch.folder / word)
        reason = f"{unit.name} cannot be started in {launch.folder}"
        return _fail(unit, reason, Cause(CauseName.FOLDER_MISSING, cause, help))
    return _fail(
        unit,
        f"{unit.name} cannot be started: {word}: {said}",
        _explain_command(unit, word),
    )


def _explain_system(error: OSError) -> Cause:
    return Cause(CauseName.SYSTEM_REFUSED, *describe_os_error(error))


def _explain_command(unit: Unit, word: str) -> Cause:
    """The command itself cannot be executed."""
    correct = "correct `local: {command: ..}`, or install it"
    launch = unit.launch
    if launch is None:
        return UNKNOWN
    path = launch.env.get("PATH", "")
    program, cause = find_program(word, launch.folder, path)
    if program is not None:
        return Cause(
            CauseName.SCRIPT_NOT_EXECUTABLE,
            f"{program} cannot be executed: is its first line right?",
            "let it begin with a line such as #!/bin/sh",
        )
    help = suggest_access(word, launch.folder, path)
    return Cause(CauseName.COMMAND_NOT_FOUND, cause, help or correct)


def explain_silence(
    unit: Unit,
    *,
    seconds: float,
    last: str,
    pids: Iterable[int],
    lines: Iterable[str],
) -> Failure:
    """The failure of a service that ran and did not become ready in time."""
    running = tuple(pids)
    try:
        cause = _find_silence(unit, running, seconds, last)
    except OSError as error:
        cause = _explain_system(error)
    return _fail(
        unit,
        f"{unit.name} was not ready after {seconds:g} s: {unit.probe}: {last}",
        cause,
        lines=tuple(lines),
    )


def _find_silence(
    unit: Unit, pids: tuple[int, ...], seconds: float, last: str
) -> Cause:
    probe = unit.probe
    share = read_cpu_seconds(pids) / seconds if seconds else 0.0
    busy = "it is computing" if share > _BUSY_SHARE else "it is idle"
    longer = "give it more time: " + advise(unit, write_longer_boot(unit))
    listeners = [] if probe.port is None else find_listeners(probe.port)
    hosts = {listener.host for listener in listeners}
    if not hosts:
        others = [] if probe.port is None else list_ports(pids)
        if others:
            return Cause(
                CauseName.OTHER_PORT,
                f"it listens on {', '.join(map(str, others))}, not on {probe.port}",
                "let it read PORT, or " + advise(unit, write_port(others[0])),
            )
        nothing = "" if probe.port is None else f"nothing listens on port {probe.port}"
        said = "; ".join(filter(None, (nothing, busy)))
        return Cause(CauseName.SLOW_BOOT, said, longer)
    if hosts <= {"::1"}:
        return Cause(
            CauseName.ON_IPV6,
            f"it listens only on [::1], not on {HOST}",
            f"let it listen on {HOST}",
        )
    holders = [pid for listener in listeners for pid in listener.pids]
    if holders and not set(holders) & set(pids):
        said = f"port {probe.port} is used by {describe_process(holders[0])}"
        other = advise(unit, write_port(find_free(probe.port or 0)))
        return Cause(CauseName.PORT_HELD, said, f"end that process, or {other}")
    status = _ANSWERED.match(last)
    if status is not None:
        return Cause(
            CauseName.BAD_STATUS,
            f"GET {probe.path} answers {status[1]}, and the check wants 200 to 399",
            f"let the program answer {probe.path} with 200 once it is ready, or name "
            f"another path in the `health` of `{unit.name}`",
        )
    return Cause(CauseName.SLOW_ANSWER, f"port {probe.port} listens; {busy}", longer)
