"""Secret files written by hand: the lines that make them, for the rendered file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

from composegen.model import SECRET_FOLDER, Secret, SecretKind, Stack
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.credentials import GENERATED_BYTES, find_credentials
from composegen.planning.placeholders import make_url


def write_by_hand(
    stack: Stack, secrets: Iterable[Secret], move: Callable[[str], str]
) -> tuple[str, ...]:
    """The lines for a shell that make the files of secrets without composegen.

    ``move`` gives each path as it is seen from where they are typed. Empty where every
    file is one of the user's own.
    """
    made = [secret for secret in secrets if secret.kind is not SecretKind.FILE]
    if not made:
        return ()
    return (
        f"mkdir -p -m 700 {shlex.quote(move(SECRET_FOLDER))}",
        *(
            f"{_write_maker(stack, secret)} > {shlex.quote(move(secret.file))}"
            for secret in made
        ),
    )


def _write_maker(stack: Stack, secret: Secret) -> str:
    """What prints a secret's value; a person puts the password into a URL."""
    if secret.kind is SecretKind.ENV:
        return f'printf %s "${secret.source}"'
    if secret.kind is SecretKind.GENERATE:
        return f"openssl rand -hex {GENERATED_BYTES} | tr -d '\\n'"
    service = stack.services[secret.source]
    has_secret = find_credentials(service).password_secret
    password = "PASSWORD" if has_secret else None
    url = make_url(stack, service, ContainerAddressing(), password=password)
    return f"printf %s {shlex.quote(url.text)}"
