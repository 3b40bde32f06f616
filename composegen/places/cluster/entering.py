"""A command in a container of a service: `kubectl exec` carries it out."""

from __future__ import annotations

from pathlib import Path

from composegen.errors import CannotExecute, ExitCode, NothingRuns
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import Pod
from composegen.places.cluster.snapshot import Snapshot
from composegen.places.place import Call, Request, check_services

_MISSING, _LOCKED = 61, 62
"""Exit codes of a look at a program; no container runtime uses them by itself."""
_LOOK = f"""\
case $0 in
*/*) test -e "$0" || exit {_MISSING}; test -f "$0" && test -x "$0" || exit {_LOCKED} ;;
*) command -v -- "$0" >/dev/null || exit {_MISSING} ;;
esac
"""


def prepare_call(
    kubectl: Kubectl, notes: Notes, snapshot: Snapshot, request: Request
) -> Call:
    """How to run a command in a pod of a service.

    Raises UsageError, NothingRuns, CannotExecute and ClusterUnreachable.
    """
    out = {each["service"]: each["reason"] for each in notes.left_out}
    out |= {each.service: each.reason for each in notes.excluded}
    check_services((request.service,), (*notes.names, *out))
    noted = notes.find(request.service)
    workload = snapshot.find_workload(noted.object) if noted is not None else None
    if noted is None or workload is None:
        why = (
            f": it is excluded: {out[request.service]}"
            if request.service in out
            else ""
        )
        raise NothingRuns(
            f"`{request.service}` does not run{why}", help="composegen status shows all"
        )
    running = sorted(
        (pod for pod in snapshot.list_pods(workload) if pod.is_running),
        key=lambda pod: (pod.created_at, pod.name),
    )
    pod = _choose(running, request)
    words = request.fill(noted.port)
    _check_program(kubectl, pod, noted, words[0])
    flags = ("--stdin", *["--tty"] * request.in_terminal)
    program, *command = kubectl.make_command(
        *("exec", *flags, pod.name, "--container", noted.object, "--"),
        *words,
    )
    return Call(
        program=program,
        command=("kubectl", *command),
        folder=Path("/"),
        env=kubectl.environment,
    )


def _choose(running: list[Pod], request: Request) -> Pod:
    """The pod that is meant, by its age. Raises NothingRuns."""
    number = request.index or 1
    if not running:
        raise NothingRuns(
            f"no pod of `{request.service}` runs", help="composegen status shows all"
        )
    if number > len(running):
        raise NothingRuns(
            f"`{request.service}` has no pod {number} that runs",
            help=f"--index is at most {len(running)}",
        )
    return running[number - 1]


def _check_program(kubectl: Kubectl, pod: Pod, noted: NotedService, word: str) -> None:
    """`kubectl exec` ends with 1 for a program that is not there. Raises CannotExecute.

    Where the image has no shell to ask, kubectl's own words are all there is.
    """
    said = kubectl.ask(
        *("exec", pod.name, "--container", noted.object, "--", "sh", "-c", _LOOK, word)
    )
    if said.code == _MISSING:
        raise CannotExecute(
            f"there is no `{word}` in the container of `{noted.name}`",
            ExitCode.NOT_FOUND,
        )
    if said.code == _LOCKED:
        raise CannotExecute(
            f"`{word}` in the container of `{noted.name}` is not executable",
            ExitCode.NOT_EXECUTABLE,
        )
