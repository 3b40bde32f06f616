"""Why a start failed, in words: the exit, what the log says, who holds the port."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from composegen.oserrors import describe_os_error, keeps_all_from_starting
from composegen.places.events import Failure
from composegen.places.processes.environment import (
    HOST,
    find_program,
    suggest_access,
)
from composegen.places.processes.readiness import Probe
from composegen.places.processes.units import Unit
from composegen.system.holders import describe_holder, describe_process
from composegen.system.identity import read_cpu_seconds
from composegen.system.listeners import find_listeners, is_free, list_ports
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal

_BUSY_SHARE = 0.5

_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NODE_MODULE = re.compile(r"Cannot find (?:module|package) '([^']+)'")
_IN_USE = re.compile(
    r".*(?:EADDRINUSE|address (?:is )?already in use).*", re.IGNORECASE
)
_NAMED_PORT = re.compile(
    r"(?:in use\W+|\d\.\d+['\"]?(?::|, )|[\]*]:|::|localhost:|tcp\d? :|\bport )"
    r"(\d{2,5})\b"
)
_DENIED = re.compile(r"(?:PermissionError|EACCES|permission denied).*", re.IGNORECASE)
_SHELL = re.compile(r"(?:sh|bash): (?:line )?\d*:? ?([^:]+): (?:command )?not found")


def explain_exit(
    unit: Unit, code: int, lines: Iterable[str], *, was_ready: bool = False
) -> Failure:
    """The failure of a service that ended, before it was ready or after."""
    listed = tuple(lines)
    cause, help = find_cause(unit, code, listed)
    when = " after it had been ready" if was_ready else " before it was ready"
    if unit.step.service.job:
        when = ""
    return Failure(
        service=unit.name,
        reason=f"{unit.name} {describe_code(code)}{when}",
        exit_code=code,
        cause=cause,
        help=help,
        lines=listed,
    )


def describe_code(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with {code}"
    ended_by = read_signal(code)
    return f"was killed by {ended_by.name if ended_by else f'signal {-code}'}"


def find_cause(unit: Unit, code: int, lines: tuple[str, ...]) -> tuple[str, str]:
    """What is behind an exit and what to do, both empty if that is unknown."""
    text = "\n".join(lines)
    for pattern, explain in _KNOWN:
        match = pattern.search(text)
        if match is not None:
            return explain(unit, match)
    if code == NOT_FOUND:
        return "a program that it calls is not installed", "install it"
    if code == NOT_EXECUTABLE:
        return "its program cannot be executed", "make it executable: chmod +x"
    if read_signal(code) is signal.SIGKILL:
        return "it was killed, or this machine ran out of memory", ""
    if code == 0 and not unit.step.service.job:
        return (
            "its command exited by itself, or went to the background",
            "keep it in the foreground, or make it a job: job: true",
        )
    return "", ""


def _explain_module(unit: Unit, match: re.Match[str]) -> tuple[str, str]:
    launch = unit.launch
    name = match[1]
    if launch is None:
        return f"the Python module `{name}` is missing", ""
    path = launch.env.get("PATH", "")
    program, _ = find_program(launch.command[0], launch.folder, path)
    where = program or launch.command[0]
    cause = f"the Python module `{name}` is not installed for {where}"
    if program is not None and ".venv" in program.parts:
        return cause, f"{program.parent}/pip install .. what it needs"
    return (
        cause,
        f"python3 -m venv .venv, and install what it needs, in {launch.folder}",
    )


def _explain_node_module(unit: Unit, match: re.Match[str]) -> tuple[str, str]:
    folder = unit.launch.folder if unit.launch is not None else Path()
    return f"the module `{match[1]}` is not installed", f"npm install, in {folder}"


def _explain_port(unit: Unit, match: re.Match[str]) -> tuple[str, str]:
    named = _NAMED_PORT.search(match[0])
    port = int(named[1]) if named is not None else unit.port
    if port is None:
        return "a port that it listens on is taken", ""
    holder = describe_holder(port)
    if not holder and is_free(port):
        return (
            f"port {port} was taken when it started, and is free now",
            "composegen run starts it again",
        )
    cause = f"port {port} is taken{f' by {holder}' if holder else ''}"
    if port != unit.port:
        return cause, "end that process, or let it listen on another port"
    return cause, "end that process, or give it another port: local: {port: ..}"


def _explain_denied(unit: Unit, match: re.Match[str]) -> tuple[str, str]:
    del unit
    return f"it lacks a permission: {match[0].strip()}", ""


def _explain_shell(unit: Unit, match: re.Match[str]) -> tuple[str, str]:
    del unit
    return f"`{match[1].strip()}` is not installed", "install it"


_KNOWN: tuple[
    tuple[re.Pattern[str], Callable[[Unit, re.Match[str]], tuple[str, str]]], ...
] = (
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
        cause, help = describe_os_error(error)
        return Failure(
            service=unit.name,
            reason=f"{unit.name} cannot be started",
            cause=cause,
            help=help,
        )
    said = (error.strerror or str(error)).lower()
    log = launch.log if launch is not None else None
    if log is not None and error.filename in {str(log), str(log.parent)}:
        return Failure(
            service=unit.name,
            reason=f"{unit.name} cannot be started: {error.filename}: {said}",
            cause="its log cannot be written",
            help=f"let {log.parent} be a folder that you may write to",
        )
    if launch is not None and str(error.filename) == str(launch.folder):
        cause, help = describe_os_error(error, launch.folder / word)
        return Failure(
            service=unit.name,
            reason=f"{unit.name} cannot be started in {launch.folder}",
            cause=cause,
            help=help,
        )
    cause = help = ""
    if launch is not None:
        path = launch.env.get("PATH", "")
        program, cause = find_program(word, launch.folder, path)
        help = suggest_access(word, launch.folder, path)
        if program is not None:
            cause = f"{program} cannot be executed: is its first line right?"
    return Failure(
        service=unit.name,
        reason=f"{unit.name} cannot be started: {word}: {said}",
        cause=cause,
        help=help or "correct `local: {command: ..}`, or install it",
    )


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
        cause, help = _find_silence(unit.probe, running, seconds)
    except OSError as error:
        cause, help = describe_os_error(error)
    return Failure(
        service=unit.name,
        reason=f"{unit.name} was not ready after {seconds:g} s: {unit.probe}: {last}",
        cause=cause,
        help=help,
        lines=tuple(lines),
    )


def _find_silence(
    probe: Probe, pids: tuple[int, ...], seconds: float
) -> tuple[str, str]:
    share = read_cpu_seconds(pids) / seconds if seconds else 0.0
    busy = "it is computing" if share > _BUSY_SHARE else "it is idle"
    longer = "give it more time: health: {boot: ..}"
    if probe.port is None:
        return busy, longer
    listeners = find_listeners(probe.port)
    hosts = {listener.host for listener in listeners}
    if not hosts:
        others = list_ports(pids)
        if others:
            shown = ", ".join(map(str, others))
            return f"it listens on {shown}, not on {probe.port}", "let it read PORT"
        return f"nothing listens on port {probe.port}; {busy}", longer
    if hosts <= {"::1"}:
        return f"it listens only on [::1], not on {HOST}", f"let it listen on {HOST}"
    holders = [pid for listener in listeners for pid in listener.pids]
    if holders and not set(holders) & set(pids):
        return f"port {probe.port} is used by {describe_process(holders[0])}", ""
    return f"port {probe.port} listens; {busy}", longer
