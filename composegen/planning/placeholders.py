"""Fills the templates of dependent services, and makes the URLs of services.

Templates refer to a service by the words of ``PLACEHOLDERS``; they are filled for the
addressing of where the dependent service runs.
"""

from __future__ import annotations

import re

from composegen.model import Secret, SecretKind, Service, Stack
from composegen.patterns import make_pattern
from composegen.planning.addressing import Addressing
from composegen.planning.credentials import (
    find_credentials,
    name_password,
    name_url_secret,
)
from composegen.ports import Port
from composegen.records import record

PLACEHOLDERS = (
    "url",
    "host",
    "port",
    "user",
    "password",
    "database",
    "service",
    "public_url",
    "password_file",
    "url_file",
)


PLACEHOLDER = make_pattern(r"\{([a-z_]+)\}")


_UNRESERVED = make_pattern(r"[^A-Za-z0-9._~-]")


class UnknownPlaceholder(Exception):
    """A word has no value for this service; ``help`` says what to set.

    ``problem`` is the name of the problem that it is.
    """

    def __init__(
        self, word: str, reason: str, help: str, *, problem: str = "placeholder-unknown"
    ) -> None:
        super().__init__(reason)
        self.problem = problem
        self.word = word
        self.reason = reason
        self.help = help


@record
class Filled:
    """A filled template, and the secrets that must be mounted for it.

    ``carries_password`` names the secret whose value the text contains.
    """

    text: str
    mounts: tuple[str, ...] = ()
    carries_password: str = ""


class Templates:
    """The templates of a stack, each filled once for a service and an addressing."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._addressing: Addressing | None = None
        self._filled: dict[tuple[str, str], Filled] = {}

    def fill(self, template: str, service: Service, addressing: Addressing) -> Filled:
        """The template with every word about ``service`` replaced.

        Raises UnknownPlaceholder where a word has no value.
        """
        if addressing != self._addressing:  # one may hold what has no hash
            self._addressing, self._filled = addressing, {}
        key = (template, service.name)
        filled = self._filled.get(key)
        if filled is None:
            filled = _fill_template(template, self.stack, service, addressing)
            self._filled[key] = filled
        return filled


def _fill_template(
    template: str, stack: Stack, service: Service, addressing: Addressing
) -> Filled:
    filler = _Filler(stack, service, addressing)

    def fill(match: re.Match[str]) -> str:
        if match[1] not in PLACEHOLDERS or _is_variable(template, match.start()):
            return match[0]
        return filler.fill(match[1])

    text = PLACEHOLDER.sub(fill, template)
    return Filled(
        text=text,
        mounts=tuple(dict.fromkeys(filler.mounts)),
        carries_password=filler.carried,
    )


def _is_variable(text: str, brace: int) -> bool:
    """Whether the brace belongs to a ``${``, not to a dollar that is doubled."""
    if brace == 0 or text[brace - 1] != "$":
        return False
    before = text[:brace]
    return (len(before) - len(before.rstrip("$"))) % 2 == 1


class _Filler:
    """Fills the words of one template and notes what they take."""

    def __init__(self, stack: Stack, service: Service, addressing: Addressing) -> None:
        self.stack = stack
        self.service = service
        self.addressing = addressing
        self.mounts: list[str] = []
        self.carried = ""

    def fill(self, word: str) -> str:
        result: str = getattr(self, f"_fill_{word}")()
        return result

    def _fill_service(self) -> str:
        return self.service.host_name

    def _fill_host(self) -> str:
        return self.addressing.find_address(self.service)[0]

    def _fill_port(self) -> str:
        port = self.addressing.find_address(self.service)[1]
        if port is None:
            raise UnknownPlaceholder(
                "port",
                f"`{self.service.name}` has no port",
                f"give `{self.service.name}` a port:\nport: 8080",
            )
        return str(port)

    def _fill_user(self) -> str:
        return self._know("user", find_credentials(self.service).user)

    def _fill_database(self) -> str:
        return self._know("database", find_credentials(self.service).database)

    def _fill_password(self) -> str:
        credentials = find_credentials(self.service)
        if credentials.password_secret:
            return self._carry(credentials.password_secret)
        return self._know("password", credentials.password)

    def _fill_password_file(self) -> str:
        credentials = find_credentials(self.service)
        if not credentials.password_secret:
            wanted = credentials.wanted.get("password", "")
            raise UnknownPlaceholder(
                "password_file",
                f"the password of `{self.service.name}` is not a secret",
                f"give it a secret:\nsecrets: {{{name_password(self.service.name)}: "
                f"{(wanted.split(' or ')[0] or 'PASSWORD')}_FILE}}",
            )
        self.mounts.append(credentials.password_secret)
        return self.addressing.find_secret(credentials.password_secret)

    def _fill_url_file(self) -> str:
        make_url(
            self.stack, self.service, self.addressing
        )  # raises where it is not known
        name = name_url_secret(self.service.name)
        self.mounts.append(name)
        return self.addressing.find_secret(name)

    def _fill_url(self) -> str:
        filled = make_url(self.stack, self.service, self.addressing)
        self.carried = self.carried or filled.carries_password
        return filled.text

    def _fill_public_url(self) -> str:
        port = find_public_port(self.service)
        if port is not None and port.is_random:
            raise UnknownPlaceholder(
                "public_url",
                f"the engine chooses the port of `{self.service.name}`",
                f"publish a port that is known:\npublish: {port.target}",
                problem="random-port",
            )
        if port is None:
            raise UnknownPlaceholder(
                "public_url",
                f"`{self.service.name}` publishes no port",
                f"let `{self.service.name}` publish one:\npublish: true",
            )
        is_open = port.default_address in {"", "0.0.0.0", "::"}
        host = "127.0.0.1" if is_open else port.host
        published = port.published
        if "$" not in published:
            published = published.partition("-")[0]
        return f"http://{host}:{published}"

    def _carry(self, secret: str) -> str:
        self.carried = secret
        return refer_to_secret(self.stack.secrets[secret], self.service)

    def _know(self, word: str, value: str | None) -> str:
        if value is None:
            wanted = find_credentials(self.service).wanted.get(word, "")
            raise UnknownPlaceholder(
                word,
                f"the {word} of `{self.service.name}` is not known",
                f"set {wanted} in its `environment`"
                if wanted
                else f"write the {word} itself: only a recipe knows its setting",
            )
        return value


def find_public_port(service: Service) -> Port | None:
    """The published port a browser would call: the first one over TCP that is known."""
    ports = [port for port in service.publish if port.protocol == "tcp"]
    return next((p for p in ports if not p.is_random), ports[0] if ports else None)


def refer_to_secret(secret: Secret, service: Service) -> str:
    """The variable for a secret's value, required to be set."""
    where = "in .env"
    if secret.kind is not SecretKind.ENV:
        where = f"to what stands in {secret.file}"
    return f"${{{secret.variable}:?set it {where}, the password of {service.name}}}"


def make_url(
    stack: Stack,
    service: Service,
    addressing: Addressing,
    *,
    password: str | None = None,
) -> Filled:
    """A service's URL for an addressing; ``password`` replaces a secret's value.

    Literal parts are percent-encoded; variables stay as they are. Raises
    UnknownPlaceholder.
    """
    access = service.access
    credentials = find_credentials(service)
    has_login = (
        credentials.password is not None
        or credentials.password_secret != ""
        or not access.bare_url
    )
    template = (access.url if has_login else access.bare_url) or "http://{host}:{port}"
    filler = _Filler(stack, service, addressing)

    def fill(match: re.Match[str]) -> str:
        word = match[1]
        if word == "password" and password is not None:
            return _UNRESERVED.sub(_percent, password)
        text = filler.fill(word)
        return encode_url(text) if word in {"user", "password", "database"} else text

    text = PLACEHOLDER.sub(fill, template)
    return Filled(text=text, carries_password=filler.carried)


def encode_url(text: str) -> str:
    """Percent-encode a literal; a text with a variable stays as it is."""
    plain = text.replace("$$", "")
    if "$" in plain:
        return text
    return _UNRESERVED.sub(_percent, text.replace("$$", "$"))


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
