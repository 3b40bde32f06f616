"""A command in a container of a service: `docker compose exec` carries it out."""

from __future__ import annotations

from composegen.errors import CannotExecute, ExitCode, NothingRuns
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Container, Status
from composegen.places.engine.notes import Notes
from composegen.places.engine.programs import Program, find_program
from composegen.places.place import Call, Request, check_services
from composegen.text import list_some


def prepare_call(
    engine: Engine, project: Project, notes: Notes, request: Request
) -> Call:
    """How to run a command in a container of a project.

    Raises UsageError, NothingRuns and CannotExecute.
    """
    known = notes.names
    out = {each["service"]: each["reason"] for each in notes.left_out}
    check_services((request.service,), (*known, *out))
    if request.service in out:
        raise NothingRuns(
            f"`{request.service}` does not run: it is excluded: {out[request.service]}",
            help="composegen status shows all",
        )
    containers = [
        each
        for each in engine.list_containers(notes.project)
        if each.service == request.service
    ]
    exclusion = notes.find_exclusion(request.service)
    container = _choose(
        containers, request, "" if exclusion is None else exclusion.reason
    )
    noted = notes.find(request.service)
    words = request.fill(noted.port if noted is not None else None)
    _check_program(engine, container, words[0], request.service)
    docker, *command = project.make_command(
        "exec",
        *["--no-TTY"] * (not request.in_terminal),
        *("--index", str(container.number)),
        request.service,
        *words,
    )
    return Call(
        program=docker,
        command=("docker", *command),
        folder=project.place,
        env=project.make_environment(),
    )


def _choose(containers: list[Container], request: Request, excluded: str) -> Container:
    """The container that is meant; it runs. Raises NothingRuns.

    ``excluded`` is why `up` has excluded the service, empty where it has not.
    """
    name = request.service
    running = [each for each in containers if each.status is Status.RUNNING]
    if request.index is not None and running:
        numbers = [each.number for each in running]
        if request.index not in numbers:
            raise NothingRuns(
                f"`{name}` has no container {request.index} that runs",
                help=f"--index is one of {list_some(map(str, numbers))}",
            )
        return running[numbers.index(request.index)]
    if running:
        return running[0]
    state = _describe(containers[0]) if containers else "it is stopped"
    if excluded:
        state = f"it is excluded: {excluded}"
    raise NothingRuns(
        f"`{name}` does not run: {state}", help="composegen status shows all"
    )


def _describe(container: Container) -> str:
    if container.status is Status.EXITED:
        return f"it has exited with {container.exit_code}"
    if container.was_never_started:
        return "it has not been started yet"
    return f"it is {container.status.value}"


def _check_program(
    engine: Engine, container: Container, word: str, service: str
) -> None:
    """The engine's own words for this would be data on stdout. Raises CannotExecute."""
    found = find_program(engine, container, word)
    if found is Program.MISSING:
        raise CannotExecute(
            f"there is no `{word}` in the container of `{service}`", ExitCode.NOT_FOUND
        )
    if found is Program.CLOSED:
        raise CannotExecute(
            f"`{word}` in the container of `{service}` is not executable",
            ExitCode.NOT_EXECUTABLE,
        )
