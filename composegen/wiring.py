"""What a dependant is told about the services it needs: addresses, logins, networks.

Templates speak of a service by the words of ``PLACEHOLDERS``; they are filled for the
place where the dependant runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from composegen.composekeys import split_mount
from composegen.model import Login, Mount, Secret, SecretKind, Service, Stack
from composegen.needkeys import PLACEHOLDER, PLACEHOLDERS
from composegen.records import field, record
from composegen.values import Port

_UNRESERVED = re.compile(r"[^A-Za-z0-9._~-]")


class UnknownPlaceholder(Exception):
    """Nobody knows what a word stands for; ``mend`` says what to set."""

    def __init__(self, word: str, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.word = word
        self.reason = reason
        self.mend = mend


class Place(Protocol):
    """Where a dependant runs: how it reaches other services and finds secrets."""

    def find_address(self, service: Service) -> tuple[str, int | None]:
        """Host and port under which the dependant reaches a service."""
        ...

    def find_secret(self, name: str) -> str:
        """The path of a secret's file."""
        ...


class Containers:
    """Containers on shared networks: a service is reached by its name."""

    def find_address(self, service: Service) -> tuple[str, int | None]:
        """The service's name and the port it listens on."""
        return service.name, service.port

    def find_secret(self, name: str) -> str:
        """Where Compose mounts the secret."""
        return f"/run/secrets/{name}"


@record
class Filled:
    """A filled template, and the secrets that must be mounted for it.

    ``carries_password`` names the secret whose value stands in the text.
    """

    text: str
    mounts: tuple[str, ...] = ()
    carries_password: str = ""


@record
class Credentials:
    """A service's login: None where nobody knows, a secret's name where it is one."""

    user: str | None = None
    password: str | None = None
    password_secret: str = ""
    database: str | None = None
    wanted: Mapping[str, str] = field(default_factory=dict)


def name_url_secret(service: str) -> str:
    """The secret that holds a service's URL."""
    return f"{service}-url"


def find_credentials(service: Service) -> Credentials:
    """What a service's own variables say about its login."""
    files = {
        variable: use.name for use in service.secrets for variable in use.variables
    }
    login = _choose_login(service, files)
    wanted: dict[str, str] = {}
    user = password = None
    secret = ""
    if login is not None:
        user = _find_value(service, login.user)
        if user is None and not _is_in_file(service, files, login.user):
            user = login.user_default or None
        password = _find_value(service, login.password)
        if password is None:
            secret = next(
                (
                    files[f"{name}_FILE"]
                    for name in login.password
                    if f"{name}_FILE" in files
                ),
                "",
            )
            if not secret and not _is_in_file(service, files, login.password):
                password = login.password_default
        wanted["user"] = " or ".join(login.user)
        wanted["password"] = " or ".join(login.password)
    database = _find_value(service, service.access.database)
    if database is None and not _is_in_file(service, files, service.access.database):
        default = service.access.database_default
        database = (user if default == "{user}" else default) or None
    wanted["database"] = " or ".join(service.access.database)
    return Credentials(
        user=user,
        password=password,
        password_secret=secret,
        database=database,
        wanted=wanted,
    )


def _choose_login(service: Service, files: Mapping[str, str]) -> Login | None:
    for login in service.access.logins:
        if not login.when or (
            _is_set(service, files, login.when)
            and (not login.password or _is_set(service, files, login.password))
        ):
            return login
    return None


def _is_set(service: Service, files: Mapping[str, str], names: tuple[str, ...]) -> bool:
    """Whether one of the variables has a value, or a file that holds it."""
    return _find_value(service, names) is not None or _is_in_file(service, files, names)


def _find_value(service: Service, names: tuple[str, ...]) -> str | None:
    return next(
        (service.environment[name] for name in names if service.environment.get(name)),
        None,
    )


def _is_in_file(
    service: Service, files: Mapping[str, str], names: tuple[str, ...]
) -> bool:
    return any(
        f"{name}_FILE" in files or f"{name}_FILE" in service.environment
        for name in names
    )


def fill_template(
    template: str, stack: Stack, service: Service, place: Place
) -> Filled:
    """The template with every word about ``service`` replaced.

    Raises UnknownPlaceholder where nobody knows what a word stands for.
    """
    filler = _Filler(stack, service, place)

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
    before = text[:brace]
    return (len(before) - len(before.rstrip("$"))) % 2 == 1


class _Filler:
    """Fills the words of one template and notes what they take."""

    def __init__(self, stack: Stack, service: Service, place: Place) -> None:
        self.stack = stack
        self.service = service
        self.place = place
        self.mounts: list[str] = []
        self.carried = ""

    def fill(self, word: str) -> str:
        result: str = getattr(self, f"_fill_{word}")()
        return result

    def _fill_service(self) -> str:
        return self.service.name

    def _fill_host(self) -> str:
        return self.place.find_address(self.service)[0]

    def _fill_port(self) -> str:
        port = self.place.find_address(self.service)[1]
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
                f"the password of `{self.service.name}` is no secret",
                f"give it a secret:\nsecrets: {{{self.service.name}-password: "
                f"{(wanted.split(' or ')[0] or 'PASSWORD')}_FILE}}",
            )
        self.mounts.append(credentials.password_secret)
        return self.place.find_secret(credentials.password_secret)

    def _fill_url_file(self) -> str:
        make_url(self.stack, self.service, self.place)  # raises where it is not known
        name = name_url_secret(self.service.name)
        self.mounts.append(name)
        return self.place.find_secret(name)

    def _fill_url(self) -> str:
        filled = make_url(self.stack, self.service, self.place)
        self.carried = self.carried or filled.carries_password
        return filled.text

    def _fill_public_url(self) -> str:
        port = find_public_port(self.service)
        if port is None:
            raise UnknownPlaceholder(
                "public_url",
                f"`{self.service.name}` publishes no port",
                f"let `{self.service.name}` publish one:\npublish: true",
            )
        host = "127.0.0.1" if port.address in {"0.0.0.0", "::"} else port.host
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
                f"nobody knows the {word} of `{self.service.name}`",
                f"set {wanted} in its `environment`"
                if wanted
                else f"write the {word} itself: only a recipe knows where it stands",
            )
        return value


def find_public_port(service: Service) -> Port | None:
    """The published port a browser would call: the first one over TCP."""
    return next((port for port in service.publish if port.protocol == "tcp"), None)


def refer_to_secret(secret: Secret, service: Service) -> str:
    """The variable that stands for a secret's value, required to be set."""
    where = "in .env"
    if secret.kind is not SecretKind.ENV:
        where = f"to what stands in {secret.file}"
    return f"${{{secret.variable}:?set it {where}, the password of {service.name}}}"


def make_url(
    stack: Stack, service: Service, place: Place, *, password: str | None = None
) -> Filled:
    """A service's URL for a place; ``password`` stands in for a secret's value.

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
    filler = _Filler(stack, service, place)

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


# Networks


def list_networks(stack: Stack, service: Service) -> tuple[str, ...]:
    """The networks a service is on by what it is and needs, ``default`` first.

    Each data store has one of its own, named after it; it is on the default network
    only when it publishes a port.
    """
    networks = []
    if not service.is_store or service.publish:
        networks.append("default")
    if service.is_store:
        networks.append(service.name)
    networks += [
        need.service
        for need in service.needs
        if need.service in stack.services and stack.services[need.service].is_store
    ]
    return tuple(dict.fromkeys(networks))


def list_raw_mounts(service: Service) -> tuple[Mount, ...]:
    """The volumes of a service's raw settings, in either form."""
    raw = service.compose.get("volumes")
    mounts = []
    for item in raw if isinstance(raw, list) else ():
        if isinstance(item, dict):
            source = str(item.get("source") or "")
            mounts.append(
                Mount(source=source, target=str(item.get("target")), long=item)
            )
        else:
            mount = split_mount(str(item))
            if mount is not None:
                mounts.append(mount)
    return tuple(mounts)


def iterate_edges(stack: Stack) -> Iterator[tuple[Service, Service]]:
    """Every dependant with each service it needs, as far as that exists."""
    for service in stack.services.values():
        for need in service.needs:
            if need.service in stack.services:
                yield service, stack.services[need.service]
