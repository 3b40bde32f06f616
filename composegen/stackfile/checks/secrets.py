"""Secrets: used, not in the open, not in an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from composegen.model import (
    SecretKind,
    Service,
)
from composegen.paths import is_file, is_folder
from composegen.patterns import make_pattern
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.credentials import name_url_secret
from composegen.stackfile.checks.checked import Checked, list_values
from composegen.values import parse_variables

_SECRET_WORDS = make_pattern(
    r"(?:^|[_.-])(?:PASS|PASSWD|PASSWORD|PASSPHRASE|PW|SECRET|TOKEN|APIKEY|API_KEY|"
    r"ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?|AUTH_KEY|SECRET_KEY)(?:$|[_.-])|"
    r"(?:PASSWORD|PASSWD|APIKEY|TOKEN|SECRET)$",
    re.IGNORECASE,
)
_SECRET_PARTS = ("pass", "pw", "secret", "token", "key", "credent")
"""Each of the words holds one of these: most variables are not matched with them."""


_SECRET_SHAPES = make_pattern(
    r"^(?:sk-[A-Za-z0-9_-]{16,}|gsk_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_SHAPES_BEGIN = ("sk-", "gsk_", "gh", "github_pat_", "glpat-", "xox", "AKIA")
"""How a shape begins that is no key in PEM: most values are not matched with any."""


_URL_PASSWORD = make_pattern(r"://[^/\s:@]*:([^/\s@]+)@")


_NO_SECRETS = frozenset({"true", "false", "yes", "no", "0", "1", "none", "null", "*"})


def check_literals(checked: Checked) -> None:
    """No secret is written in the stack file."""
    for service in checked.stack.services.values():
        recipe = checked.recipes.get(service.name)
        brought = recipe.draft.get("environment", {}) if recipe else {}
        for variable, path, text in _iterate_literals(service):
            if brought.get(variable) != text and looks_secret(variable, text):
                checked.add(
                    "secret-literal",
                    f"`{variable}` of `{service.name}` looks like a secret",
                    path,
                    "keep it out of the file: a secret, or "
                    f"{variable}: ${{{re.sub('[^A-Za-z0-9_]', '_', variable)}}}",
                )


def _iterate_literals(service: Service) -> Iterator[tuple[str, tuple[str, ...], str]]:
    yield from list_values(service)
    base = ("services", service.name)
    for need in service.needs:
        if need.otherwise is not None:
            path = (*base, "needs", need.service, "otherwise", "env")
            for variable, text in need.otherwise.env.items():
                yield variable, (*path, variable), text
    arguments = service.build.options.get("args") if service.build else None
    for name, value in (arguments if isinstance(arguments, dict) else {}).items():
        if isinstance(value, str):
            yield name, (*base, "build", "args", name), value


def looks_secret(variable: str, text: str) -> bool:
    """Whether a variable's literal value looks like a secret."""
    if not text:
        return False
    if _has_secret_shape(text):
        return True
    url = _URL_PASSWORD.search(text) if "://" in text else None
    if url and "$" not in url[1] and not re.fullmatch(r"\{\w+\}", url[1]):
        return True
    if not _names_secret(variable) or parse_variables(text):
        return False
    if "{" in text or text.lower() in _NO_SECRETS:
        return False
    return not text.startswith(f"{ContainerAddressing.secret_folder}/")


def _has_secret_shape(text: str) -> bool:
    may_have = text.startswith(_SHAPES_BEGIN) or "-----BEGIN" in text
    return may_have and _SECRET_SHAPES.search(text) is not None


@lru_cache(maxsize=4096)
def _names_secret(variable: str) -> bool:
    """Whether a variable is called after a secret; many services have the same ones."""
    name = variable.casefold()
    if name.endswith(("_file", "_path", "_dir")):
        return False
    if not any(part in name for part in _SECRET_PARTS):
        return False
    return _SECRET_WORDS.search(variable) is not None


def check_secrets(checked: Checked) -> None:
    """Secrets are used, have a name of their own, and stay out of images."""
    used = {
        use.name
        for service in checked.stack.services.values()
        for use in service.secrets
    }
    for name in checked.given_secrets - used:
        checked.add(
            "unused-secret",
            f"no service uses the secret `{name}`",
            ("secrets", name),
            f"use it (secrets: [{name}]), or remove it",
        )
    for service, need, target in checked.needs():
        if any("{url_file}" in text for text in need.env.values()):
            name = name_url_secret(target.name)
            if name in checked.given_secrets or name in used:
                checked.add(
                    "secret-name-taken",
                    f"`{name}` is the secret that holds the URL of `{target.name}`",
                    ("services", service.name, "needs", target.name),
                    f"give the secret `{name}` another name",
                )
    _check_contexts(checked, used)


def _check_contexts(checked: Checked, used: set[str]) -> None:
    has_secrets = is_folder(checked.folder.path / ".secrets") or any(
        checked.stack.secrets[name].kind is not SecretKind.FILE for name in used
    )
    for service in checked.stack.services.values():
        if service.build is None:
            continue
        sent = [
            name
            for name, file, is_there in (
                (".secrets", ".secrets/any", has_secrets),
                (".env", ".env", is_file(checked.folder.path / ".env")),
            )
            if is_there and checked.folder.is_sent_to_build(file, service.build)
        ]
        sent = list(
            dict.fromkeys([*sent, *checked.folder.list_own_secrets(service.build)])
        )
        if sent:
            checked.add(
                "secret-in-context",
                f"`{service.name}` is built from a folder that holds "
                f"{' and '.join(sent)}: `COPY . .` would bake it into the image",
                ("services", service.name, "build"),
                f"add to its .dockerignore:\n{chr(10).join(sent)}",
            )
