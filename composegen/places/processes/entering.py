"""A command in the surroundings of a service that runs as a process.

The run answers with what it started the service with, over its socket alone: values
of secrets are written to no file and stand on no command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composegen.errors import CannotExecute, ExitCode, NothingRuns
from composegen.places.place import Call, Request, check_services
from composegen.places.processes.environment import (
    find_program,
    is_program_there,
    suggest_access,
)
from composegen.places.processes.plan import LocalPlan, Way
from composegen.places.processes.records import RunFolder
from composegen.places.processes.status import RunsSeen
from composegen.places.processes.talking import ask_run
from composegen.system import guardian
from composegen.system.docker import ask_docker, find_docker_command

if TYPE_CHECKING:
    from composegen.places.processes.supervisor import Supervisor

_MARKS = (guardian.MARK, guardian.SERVICE_MARK)
_LOOK = 'command -v "$1" >/dev/null || [ -e "$1" ] || echo missing'
_OF_THE_TERMINAL = ("TERM", "COLORTERM")


# In the run


def describe_launch(
    local: LocalPlan, supervisor: Supervisor, name: str
) -> dict[str, Any]:
    """What a service's process was started with; empty where it has none of ours.

    ``container`` is that of a store in Docker; ``port`` is where the service listens,
    as seen from its command.
    """
    service = supervisor.services.get(name)
    if service is None or service.process is None or not service.process.is_alive:
        return {}
    launch, unit = service.process.launch, service.unit
    is_inside = unit.way is Way.DOCKER
    return {
        "folder": str(launch.folder),
        "env": dict(launch.env),
        "port": local.written[name].port if is_inside else unit.port,
        "container": launch.cleanup[-1] if is_inside else None,
    }


# In the other terminal


def prepare_call(folder: Path, seen: RunsSeen, request: Request) -> Call:
    """How to run a command as a service of the folder's runs was started.

    It has the service's variables and folder, this user and this terminal. Raises
    UsageError, NothingRuns and CannotExecute.
    """
    check_services((request.service,), seen.names)
    found = _ask_runs(folder, request.service)
    if found is None:
        raise _explain_absence(seen, request.service)
    if request.index not in {None, 1}:
        raise NothingRuns(
            f"`{request.service}` runs as one process; there is no number "
            f"{request.index}",
            help="omit --index",
        )
    words = request.fill(found["port"])
    env = _make_env(found["env"], request)
    if found["container"] is not None:
        return _enter_container(found["container"], words, env, request)
    home = Path(found["folder"])
    program = _find(words[0], home, env)
    return Call(
        program=str(program),
        command=words,
        folder=home,
        env=env,
        hides_terminal=not request.in_terminal,
    )


def _ask_runs(folder: Path, service: str) -> dict[str, Any] | None:
    """What the run that started a service answers; None where none has.

    Raises NothingRuns where a run does not answer.
    """
    runs = RunFolder.find(folder)
    silent = []
    for run in runs.list_runs() if runs is not None else ():
        found = ask_run(run.socket, "launch", service=service)
        if found:
            return found
        if found is None:
            silent.append(str(run.supervisor.pid))
    if silent:
        raise NothingRuns(
            f"the run of pid {', '.join(silent)} does not say how it started "
            f"`{service}`",
            help="it hangs, or is of an older version: end it with composegen down",
        )
    return None


def _explain_absence(seen: RunsSeen, service: str) -> NothingRuns:
    """Why no run can say how a service was started."""
    if not seen.is_running:
        return NothingRuns(
            "nothing runs here", help="start it: composegen up, or composegen run"
        )
    status = seen.find(service)
    if status.pid is not None:
        return NothingRuns(
            f"`{service}` was not started by a run of this folder (pid {status.pid}): "
            "its environment is not known",
            help="end that process; composegen run then starts the service",
        )
    out = next((each for each in seen.excluded if each["service"] == service), None)
    state = f"excluded: {out['reason']}" if out is not None else status.state.value
    return NothingRuns(
        f"`{service}` does not run: it is {state}", help="composegen status shows all"
    )


def _make_env(started: Mapping[str, str], request: Request) -> dict[str, str]:
    """The variables of the service; the marks of its run are not the command's.

    Those that belong to a terminal are those of this one.
    """
    env = {name: text for name, text in started.items() if name not in _MARKS}
    own = [*_MARKS, *(_OF_THE_TERMINAL if request.in_terminal else ())]
    return {**env, **{name: os.environ[name] for name in own if name in os.environ}}


def _find(word: str, folder: Path, env: Mapping[str, str]) -> Path:
    """The program of a word, as a shell finds it. Raises CannotExecute."""
    path = env.get("PATH", os.defpath)
    program, why_not = find_program(word, folder, path)
    if program is not None:
        return program
    is_there = is_program_there(word, folder, path)
    raise CannotExecute(
        why_not,
        ExitCode.NOT_EXECUTABLE if is_there else ExitCode.NOT_FOUND,
        help=suggest_access(word, folder, path),
    )


def _enter_container(
    name: str, words: tuple[str, ...], env: dict[str, str], request: Request
) -> Call:
    """A store in Docker: the command runs in its container."""
    docker = find_docker_command(env.get("PATH"))
    if docker is None:
        raise CannotExecute("there is no `docker` command here", ExitCode.NOT_FOUND)
    # The engine would say on stdout that there is no such command, and end with 126.
    answer = ask_docker("exec", name, "sh", "-c", _LOOK, "sh", words[0])
    if (answer or "").strip() == "missing":
        raise CannotExecute(
            f"there is no `{words[0]}` in the container {name}", ExitCode.NOT_FOUND
        )
    flags = ["--interactive", *["--tty"] * request.in_terminal]
    return Call(
        program=docker,
        command=("docker", "exec", *flags, name, *words),
        folder=Path("/"),
        env=env,
    )
