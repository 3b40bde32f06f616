"""The files of secrets: what is made, what is left as it is, what is still empty."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from composegen.errors import FileRefused
from composegen.model import SECRET_FOLDER, Secret, SecretKind, Service, Stack
from composegen.paths import exists, is_file, is_folder, is_link
from composegen.planning.addressing import Addressing, ContainerAddressing
from composegen.planning.credentials import (
    GENERATED_BYTES,
    find_credentials,
    name_url_secret,
)
from composegen.planning.placeholders import make_url
from composegen.records import record
from composegen.system.files import check_readable, read_small_text, write_atomically
from composegen.workspace.dotenv import fill_variables, read_dotenv

_FOLDER_MODE = 0o700
_FILE_MODE = 0o644


class Outcome(StrEnum):
    """What became of one secret's file."""

    WRITTEN = "written"
    KEPT = "kept"
    EMPTY = "empty"
    MISSING = "missing"


@record(kw_only=False)
class Made:
    """One secret, what became of its file, and what would fill it where it is empty."""

    secret: Secret
    outcome: Outcome
    help: str = ""


def list_secrets(stack: Stack) -> tuple[Secret, ...]:
    """Every secret that a service of the stack uses, those of URLs last."""
    used = {use.name for service in stack.services.values() for use in service.secrets}
    urls = {}
    for service in stack.services.values():
        for need in service.needs:
            text = "".join(need.env.values())
            if "{password_file}" in text:
                target = stack.services[need.service]
                used.add(find_credentials(target).password_secret)
            if "{url_file}" in text:
                name = name_url_secret(need.service)
                urls[name] = Secret(name=name, kind=SecretKind.URL, source=need.service)
    plain = [secret for name, secret in stack.secrets.items() if name in used]
    return (*plain, *urls.values())


def list_missing_files(secrets: Iterable[Secret], folder: Path) -> tuple[str, ...]:
    """The files of secrets that are not there yet and will be made."""
    return tuple(
        secret.file
        for secret in secrets
        if secret.kind is not SecretKind.FILE and not is_file(folder / secret.file)
    )


def read_passwords(stack: Stack, folder: Path) -> dict[str, str]:
    """The values of the password secrets of a stack's services, by their variables."""
    found = {}
    for service in stack.services.values():
        value = read_password(stack, service, folder)
        if value:
            secret = stack.secrets[find_credentials(service).password_secret]
            found[secret.variable] = value
    return found


def read_password(stack: Stack, service: Service, folder: Path) -> str | None:
    """The password that a service's secret holds, None where it has no such secret.

    Empty while the secret's file is not there.
    """
    name = find_credentials(service).password_secret
    if not name:
        return None
    return (read_small_text(folder / stack.secrets[name].file) or "").rstrip("\r\n")


def make_secret_files(
    stack: Stack,
    folder: Path,
    environment: Mapping[str, str],
    *,
    addressing: Addressing | None = None,
) -> tuple[Made, ...]:
    """Make what is missing below the stack's folder; say what became of each secret.

    Generated ones are made once; those of a variable are written whenever it is set
    and not empty in ``environment`` or the folder's ``.env``. Raises FileRefused where
    the folder of secrets leads elsewhere, or one of its files cannot be read.
    """
    wanted = list_secrets(stack)
    if any(secret.kind is not SecretKind.FILE for secret in wanted):
        make_secret_folder(folder)
    dotenv = read_dotenv(folder, environment)
    values = {**dotenv, **{key: text for key, text in environment.items() if text}}
    return tuple(
        _make_file(stack, secret, folder, values, addressing or ContainerAddressing())
        for secret in wanted
    )


def check_made(made: Iterable[Made]) -> None:
    """Raise FileRefused for the first missing file of a secret."""
    for each in made:
        if each.outcome is Outcome.MISSING:
            raise FileRefused(
                each.secret.file,
                "the file of the secret does not exist",
                help=each.help,
            )


def make_secret_folder(stack_folder: Path) -> None:
    """Make the folder of secrets, which git passes over. Raises FileRefused."""
    folder = stack_folder / SECRET_FOLDER
    if is_link(folder) or (exists(folder) and not is_folder(folder)):
        raise FileRefused(
            SECRET_FOLDER,
            "is not a folder of its own",
            help="remove it: composegen keeps secrets in this folder",
        )
    try:
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        # Made only where there is nothing, not even a link: then the file is ours.
        ignore = folder / ".gitignore"
        with contextlib.suppress(FileExistsError), ignore.open("x") as file:
            file.write("*\n")
    except OSError as error:
        raise FileRefused.by_system(SECRET_FOLDER, error) from None


def _make_file(
    stack: Stack,
    secret: Secret,
    folder: Path,
    values: Mapping[str, str],
    addressing: Addressing,
) -> Made:
    path = folder / secret.file
    if secret.kind is SecretKind.FILE:
        return _look_at_own_file(secret, path)
    if is_link(path) and is_file(path) and _has_nothing_to_write(secret, values):
        return Made(secret, Outcome.KEPT)
    old = None if is_link(path) else read_small_text(path)
    if old is None and _has_nothing_to_write(secret, values) and _is_there(path):
        check_readable(path, secret.file)
        raise FileRefused(
            secret.file,
            "is not a readable file of at most 1 MB",
            help="the file was not changed: a new secret would overwrite its contents",
        )
    if secret.kind is SecretKind.GENERATE:
        text = old or _generate()
    elif secret.kind is SecretKind.ENV:
        text = values.get(secret.source) or old or ""
    else:
        text = _make_url_text(
            stack, stack.services[secret.source], folder, values, addressing
        )
    if text != old:
        write_atomically(path, text, mode=_FILE_MODE)
    elif path.stat().st_mode & 0o777 != _FILE_MODE:
        _open_to_containers(path, secret.file)
    if not text:
        return Made(secret, Outcome.EMPTY, _find_fix(stack, secret))
    return Made(secret, Outcome.KEPT if text == old else Outcome.WRITTEN)


def _look_at_own_file(secret: Secret, path: Path) -> Made:
    """The outcome of a file written by hand: it is never made, nor changed."""
    check_readable(path, secret.file)
    if not is_file(path):
        return Made(secret, Outcome.MISSING, f"make {secret.file}")
    if path.stat().st_size == 0:
        return Made(secret, Outcome.EMPTY, f"fill {secret.file}")
    return Made(secret, Outcome.KEPT)


def _is_there(path: Path) -> bool:
    """Whether there is something at the path itself that is not a link."""
    return exists(path) and not is_link(path)


def _open_to_containers(path: Path, shown: str) -> None:
    """Let every user read the file, as those of containers must."""
    try:
        path.chmod(_FILE_MODE)
    except OSError as error:
        raise FileRefused.by_system(shown, error) from None


def _generate() -> str:
    """A new secret, safe in a URL."""
    import secrets

    return secrets.token_hex(GENERATED_BYTES)


def _find_fix(stack: Stack, secret: Secret) -> str:
    """What would fill an empty secret: a variable, or the file that it comes from."""
    if secret.kind is SecretKind.URL:
        login = find_credentials(stack.services[secret.source])
        secret = stack.secrets[login.password_secret]
    if secret.kind is SecretKind.FILE:
        return f"fill {secret.file}"
    return f"set {secret.variable}"


def _has_nothing_to_write(secret: Secret, values: Mapping[str, str]) -> bool:
    """Whether what is there stays as it is: no variable has a newer value for it."""
    if secret.kind is SecretKind.ENV:
        return not values.get(secret.source)
    return secret.kind is SecretKind.GENERATE


def _make_url_text(
    stack: Stack,
    service: Service,
    folder: Path,
    values: Mapping[str, str],
    addressing: Addressing,
) -> str:
    """The URL with its password; empty while the password is not there."""
    password = read_password(stack, service, folder)
    if password == "":
        return ""
    url = make_url(stack, service, addressing, password=password)
    return fill_variables(url.text, values)
