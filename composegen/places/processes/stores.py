"""A data store in Docker next to services that are processes, published on loopback."""

from __future__ import annotations

import csv
import io
import os
import secrets
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from composegen.errors import CannotRun
from composegen.model import Mount, Raw, Service
from composegen.places.processes.environment import (
    HOST,
    Surroundings,
    read_files_of,
    set_variables,
)
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.plan import Plan, Step
from composegen.system.docker import ask_docker, find_docker_command
from composegen.system.guardian import run_quietly
from composegen.system.launch import Launch, is_container_of
from composegen.system.logfiles import find_log
from composegen.workspace.project import find_project

FOLDER_LABEL = "composegen.folder"
"""The label of a volume that names the folder of the stack whose run has made it."""
_GRACE = 15.0
_INSIDE = ContainerAddressing()
_PATH = (
    "PATH HOME XDG_RUNTIME_DIR SSH_AUTH_SOCK DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG "
    "DOCKER_CERT_PATH DOCKER_TLS_VERIFY DOCKER_API_VERSION"
).split()
_OPTIONS = {"user": "user", "working_dir": "workdir", "shm_size": "shm-size"}


def has_engine(path: str | None = None) -> bool:
    """Whether the docker command is there and an engine answers it."""
    return (
        ask_docker("version", "--format", "{{.Server.Version}}", path=path) is not None
    )


def is_image_there(image: str) -> bool:
    """Whether the engine has the image already."""
    return ask_docker("image", "inspect", "--format", "{{.Id}}", image) is not None


def pull_image(image: str, show: Callable[[str], None]) -> bool:
    """Pull an image, and show messages as they come; whether that worked."""
    program = find_docker_command()
    if program is None:
        return False
    with subprocess.Popen(
        [program, "pull", "--quiet", image],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pulling:
        assert pulling.stdout is not None
        for line in pulling.stdout:
            show(line)
    return pulling.returncode == 0


def remove_container(name: str) -> None:
    """Remove a store's container that a dead run left; no other is touched."""
    program = find_docker_command()
    if program is not None and is_container_of(name):
        run_quietly([program, "rm", "--force", "--volumes", name])


def make_store_launch(
    plan: Plan, step: Step, around: Surroundings, *, inside: int | None
) -> Launch:
    """The container of a store: attached, so that it ends with its command.

    ``inside`` is the port that it listens on in there. No value of a variable stands
    on the command line. Raises CannotRun.
    """
    service = step.service
    name = f"composegen-{service.name}-{secrets.token_hex(4)}"
    env = _make_container_env(service, around)
    command = ["docker", "run", "--rm", "--init", "--name", name]
    if service.port is not None:
        command += ["--publish", f"{HOST}:{service.port}:{inside}"]
    for variable in env:
        command += ["--env", variable]
    for use in step.secrets:
        path = (around.folder / plan.stack.secrets[use.name].file).resolve()
        command += ["--volume", f"{path}:{_INSIDE.find_secret(use.name)}:ro"]
    project = find_project(plan.stack.name, around.folder, around.values)
    for mount in service.volumes:
        command += _list_mount_words(service, mount, around, project)
    for text in service.tmpfs:
        command += ["--tmpfs", around.fill(text, service.name)]
    command += _list_option_words(service, around)
    program, *arguments = _split_words(service, "entrypoint", around) or [""]
    if program:
        command += ["--entrypoint", program]
    command += [
        around.fill(service.image, service.name),
        *arguments,
        *_split_words(service, "command", around),
    ]
    return Launch(
        service=service.name,
        command=tuple(command),
        folder=around.folder,
        env={**_make_client_env(around), **env},
        log=find_log(around.folder, service.name),
        grace=_GRACE,
        cleanup=("docker", "rm", "--force", name),
    )


def _make_container_env(service: Service, around: Surroundings) -> dict[str, str]:
    env = read_files_of(service, around)
    set_variables(env, service.environment, service, around)
    for use in service.secrets:
        for variable in use.variables:
            env[variable] = _INSIDE.find_secret(use.name)
    return env


def _make_client_env(around: Surroundings) -> dict[str, str]:
    env: Mapping[str, str] = around.inherited
    return {name: env[name] for name in _PATH if name in env} or {"PATH": os.defpath}


def _list_mount_words(
    service: Service, mount: Mount, around: Surroundings, project: str
) -> list[str]:
    """How a mount is written for `docker run`. Raises CannotRun."""
    source = around.fill(mount.source, service.name)
    kind = "bind" if Mount(source=source, target="/").is_bind else "volume"
    options = mount.options
    if mount.long is not None:
        kind = str(mount.long.get("type", "volume"))
        options = "ro" if mount.long.get("read_only") else ""
    target = around.fill(mount.target, service.name)
    if kind == "tmpfs":
        return ["--tmpfs", target]
    if kind not in {"bind", "volume"}:
        raise CannotRun(
            f"`{service.name}` runs in Docker here and has a mount of type {kind}",
            help="run the store yourself: --reuse",
        )
    if kind == "bind":
        source = str((around.folder / Path(source).expanduser()).resolve())
    elif source:
        source = name_volume(project, source)
        if not options:
            return ["--mount", _word_volume(source, target, around)]
    return ["--volume", ":".join(part for part in (source, target, options) if part)]


def name_volume(project: str, source: str) -> str:
    """What the engine calls a volume of a store that a run has in Docker."""
    return f"{project}-run_{source}"


def _word_volume(name: str, target: str, around: Surroundings) -> str:
    """A volume that gets the label of this folder if it is made now."""
    text = io.StringIO()
    label = f"volume-label={FOLDER_LABEL}={around.folder.resolve()}"
    words = ("type=volume", f"source={name}", f"target={target}", label)
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()


def _list_option_words(service: Service, around: Surroundings) -> list[str]:
    """Who it runs as, where, and with how much memory to share, where that is said."""
    said = {"user": service.user, **service.passed}
    return [
        f"--{option}={around.fill(str(said[key]), service.name)}"
        for key, option in _OPTIONS.items()
        if said.get(key)
    ]


def _split_words(service: Service, key: str, around: Surroundings) -> list[str]:
    """The words of a command, those of a text as Compose splits it: by its quotes."""
    said: Raw = service.passed.get(key)
    if isinstance(said, list):
        return [around.fill(str(word), service.name) for word in said]
    try:
        return shlex.split(around.fill(str(said or ""), service.name))
    except ValueError as error:
        raise CannotRun(
            f"`{service.name}`: its {key} cannot be split into words",
            help=f"{str(error).lower()}: write it as a list",
        ) from None
