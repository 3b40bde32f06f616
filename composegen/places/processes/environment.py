"""What a process is given: its variables, secrets as files, its search path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.errors import CannotRun, MissingVariable
from composegen.model import Secret, SecretKind, Service, Stack
from composegen.oserrors import (
    describe_closed,
    describe_unexecutable,
    find_closed,
    may,
)
from composegen.paths import exists, is_file, is_folder
from composegen.planning.placeholders import make_url
from composegen.planning.plan import Plan, Step, reduce_stack
from composegen.records import record, replace
from composegen.system.files import read_small_text, write_atomically
from composegen.workspace.dotenv import fill_variables
from composegen.workspace.envfiles import read_env_files
from composegen.workspace.secrets import (
    check_made,
    make_secret_files,
    read_password,
    read_passwords,
)
from composegen.workspace.state import STATE_FOLDER, make_state_folder
from composegen.workspace.workspace import Workspace

HOST = "127.0.0.1"
_SECRET_MODE = 0o644
_ANY_MAY_EXECUTE = 0o111


@record(kw_only=False)
class LocalAddressing:
    """Processes of this machine: a service is reached on loopback, by its own port."""

    folder: Path
    secrets: Mapping[str, Secret]

    def find_address(self, service: Service) -> tuple[str, int | None]:
        """The loopback address and the port it listens on here."""
        return HOST, service.port

    def find_secret(self, name: str) -> str:
        """The secret's file; that of a URL is this place's own."""
        secret = self.secrets.get(name)
        if secret is None or secret.kind is SecretKind.URL:
            return str(self.folder / STATE_FOLDER / "secrets" / name)
        return str(self.folder / secret.file)


@record
class Surroundings:
    """Where a stack runs: its folder, what processes inherit, what fills variables."""

    folder: Path
    inherited: Mapping[str, str]
    values: Mapping[str, str]

    def fill(self, text: str, service: str) -> str:
        """A text with its variables filled. Raises CannotRun for a required one."""
        try:
            return fill_variables(text, self.values)
        except MissingVariable as missing:
            raise CannotRun(
                f"`{service}`: {missing.message}", help=missing.help
            ) from None


def read_surroundings(workspace: Workspace) -> Surroundings:
    """The surroundings of a stack's folder; ``.env`` fills variables and no more.

    Raises FileRefused.
    """
    return Surroundings(
        folder=workspace.folder,
        inherited=dict(workspace.environment),
        values=workspace.values,
    )


# Secrets


def prepare_secrets(plan: Plan, around: Surroundings) -> Surroundings:
    """Make the files of the plan's secrets; the values that passwords fill are added.

    The files of URLs speak of this place and are its own. Raises FileRefused.
    """
    stack = _strip_url_files(reduce_stack(plan))
    check_made(make_secret_files(stack, around.folder, around.inherited))
    passwords = read_passwords(stack, around.folder)
    filled = replace(around, values={**around.values, **passwords})
    for secret in plan.secrets.values():
        if secret.kind is SecretKind.URL:
            _write_url(plan.stack, secret, filled)
    return filled


def _strip_url_files(stack: Stack) -> Stack:
    """The stack without the secrets that hold a URL."""
    services = {}
    for name, service in stack.services.items():
        needs = tuple(
            replace(
                need,
                env={
                    name: text
                    for name, text in need.env.items()
                    if "{url_file}" not in text
                },
            )
            for need in service.needs
        )
        services[name] = replace(service, needs=needs)
    return replace(stack, services=services)


def _write_url(stack: Stack, secret: Secret, around: Surroundings) -> None:
    service = stack.services[secret.source]
    password = read_password(stack, service, around.folder)
    addressing = LocalAddressing(around.folder, stack.secrets)
    url = make_url(stack, service, addressing, password=password).text
    folder = make_state_folder(around.folder, "secrets")
    text = around.fill(url, service.name)
    if read_small_text(folder / secret.name) != text:
        write_atomically(folder / secret.name, text, mode=_SECRET_MODE)


# Variables


def make_env(
    step: Step, around: Surroundings, *, colours: bool = False
) -> dict[str, str]:
    """The whole environment of a service's process.

    Inherited ones first, then its env files, what the plan says, what ``local`` says,
    its port. What an excluded need would have set is in none of them.
    """
    service = step.service
    env = dict(around.inherited)
    env.setdefault("PYTHONUNBUFFERED", "1")
    if colours:
        env.setdefault("FORCE_COLOR", "1")
    env |= read_files_of(service, around)
    set_variables(env, step.environment, service, around)
    for name in step.unset:
        env.pop(name, None)
    if service.local is not None:
        for name, text in service.local.env.items():
            env[name] = around.fill(text, service.name)
    if service.port is not None:
        env["PORT"] = str(service.port)
    env["PATH"] = find_path(service, around)
    return env


def set_variables(
    env: dict[str, str],
    variables: Mapping[str, str | None],
    service: Service,
    around: Surroundings,
) -> None:
    """Add variables; one that is passed on is absent where nothing sets it.

    As in Compose, what an env file says of it does not count.
    """
    for name, text in variables.items():
        filled = around.fill(name, service.name)
        value = (
            around.values.get(filled)
            if text is None
            else around.fill(text, service.name)
        )
        env.pop(filled, None)
        if value is not None:
            env[filled] = value


def read_files_of(service: Service, around: Surroundings) -> dict[str, str]:
    """What a service's env files set. Raises CannotRun and FileRefused."""
    return read_env_files(
        service,
        around.folder,
        around.values,
        lambda text: around.fill(text, service.name),
    )


def find_folder(service: Service, around: Surroundings) -> Path:
    """Where a service's process runs."""
    place = service.local.dir if service.local is not None else "."
    return (around.folder / place).resolve()


def find_path(service: Service, around: Surroundings) -> str:
    """The search path: ``.venv/bin`` of its folder, then of the stack's, then ours."""
    folders = (find_folder(service, around), around.folder)
    own = [
        str(folder / ".venv" / "bin")
        for folder in dict.fromkeys(folders)
        if is_folder(folder / ".venv" / "bin")
    ]
    inherited = around.inherited.get("PATH", os.defpath)
    return os.pathsep.join([*own, inherited])


def find_program(word: str, folder: Path, path: str) -> tuple[Path | None, str]:
    """The program that a command's first word names, or None and why not."""
    candidates = _list_candidates(word, folder, path)
    for candidate in candidates:
        if is_file(candidate) and may(candidate, os.X_OK):
            return candidate, ""
    there = next((candidate for candidate in candidates if exists(candidate)), None)
    if there is None:
        missing = f"there is no {word}" if "/" in word else f"`{word}` is not installed"
        closed = _find_first_closed(candidates)
        if closed is not None:
            missing += f", as far as can be seen: {describe_closed(closed)[0]}"
        return None, missing
    if is_folder(there):
        return None, f"{word} is a folder"
    mode = there.stat().st_mode
    if mode & _ANY_MAY_EXECUTE:
        return None, describe_unexecutable(there)[0]
    return None, f"{word} is not executable ({stat.filemode(mode)})"


def is_program_there(word: str, folder: Path, path: str) -> bool:
    """Whether something has the name of a program, executable or not."""
    return any(exists(candidate) for candidate in _list_candidates(word, folder, path))


def suggest_access(word: str, folder: Path, path: str) -> str:
    """What would open the way to a program that ``find_program`` does not find.

    Empty where nothing on the way is closed.
    """
    candidates = _list_candidates(word, folder, path)
    there = next((candidate for candidate in candidates if is_file(candidate)), None)
    if there is not None:
        is_closed = there.stat().st_mode & _ANY_MAY_EXECUTE and not may(there, os.X_OK)
        return describe_unexecutable(there)[1] if is_closed else ""
    closed = _find_first_closed(candidates)
    return describe_closed(closed)[1] if closed is not None else ""


def _list_candidates(word: str, folder: Path, path: str) -> list[Path]:
    if "/" in word:
        return [folder / word]
    return [folder / part / word for part in path.split(os.pathsep) if part]


def _find_first_closed(candidates: Iterable[Path]) -> Path | None:
    found = (find_closed(candidate) for candidate in candidates)
    return next((folder for folder in found if folder is not None), None)
