"""What a stack is: frozen values without any I/O.

Texts that Compose reads keep Compose's escapes: ``$$`` is a dollar, ``${NAME}`` a
variable that is resolved where the stack runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from composegen.ask import Drill
from composegen.errors import Location
from composegen.health import Health
from composegen.needs import Need
from composegen.ports import Port
from composegen.records import field, record
from composegen.values import (
    VOLUME_NAME,
    find_default,
    has_variables,
    split_at_colons,
)

Raw: TypeAlias = "str | int | float | bool | list[Raw] | dict[str, Raw] | None"
"""A value that is passed on as it is: what JSON can hold."""

PROBE_IMAGE = "busybox:1.37"
"""What asks a service from outside, where the stack names no other image."""

DEFAULT_OUTPUT = "compose.yaml"
"""The file that a stack is rendered to, next to it, where it names no other."""

OTHER_OUTPUT = "compose.gated.yaml"
"""What it is named where a Compose file that is not its own has the usual name."""

COMPOSE_FILES = (
    *(DEFAULT_OUTPUT, "compose.yml"),
    *("docker-compose.yml", "docker-compose.yaml"),
)
"""What Compose looks for where it is given no file, in its order."""
OVERRIDE_FILES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)
"""What Compose merges into the Compose file that it finds by itself, the first one."""

SECRET_FOLDER = ".secrets"  # noqa: S105 - the name of a folder
"""Where the files of secrets are made, in the stack's folder."""


@record
class Build:
    """How an image is built: ``options`` in Compose's words, paths as written.

    ``base_image`` is what its last or targeted stage begins with, ``user`` its USER,
    ``has_healthcheck`` and ``exposed`` what else was seen; empty where the Dockerfile
    could not be read. ``shown_base`` is the base image where it may be shown and asked
    for: its Dockerfile lies within the stack's folder. ``tools`` are programs that it
    installs or calls itself. ``lacks_target`` says that it has no stage of the
    target's name, ``lacks_file`` that there is no Dockerfile. ``buildkit`` is what only
    BuildKit can build of it.
    """

    options: Mapping[str, Raw]
    base_image: str = ""
    shown_base: str = ""
    user: str = ""
    has_healthcheck: bool = False
    exposed: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    lacks_target: bool = False
    lacks_file: bool = False
    buildkit: tuple[str, ...] = ()

    @property
    def context(self) -> str:
        """The folder or URL that it is built from."""
        return str(self.options.get("context", "."))


@record
class Mount:
    """A volume: ``source`` is a path, a volume's name, or empty for an anonymous one.

    ``options`` follow the target in the short form; ``long`` is the long form.
    """

    source: str = ""
    target: str
    options: str = ""
    long: Mapping[str, Raw] | None = None

    @property
    def is_bind(self) -> bool:
        """Whether it mounts a path of the host, or what a variable may make one."""
        if self.long is not None:
            return self.long.get("type") == "bind"
        is_drive = self.source[1:3] in {":\\", ":/"}
        is_variable = self.source.startswith("$") and self.source[1:2] != "$"
        return is_drive or is_variable or self.source.startswith((".", "/", "~"))

    @property
    def volume_name(self) -> str:
        """The name of the named volume, that of a variable by default, or empty."""
        if self.long is not None and self.long.get("type", "volume") != "volume":
            return ""
        if not has_variables(self.source):
            return "" if self.is_bind else self.source
        name = find_default(self.source)
        return name if VOLUME_NAME.fullmatch(name) else ""

    @property
    def may_be_any_volume(self) -> bool:
        """Whether a variable may make its source any of the declared volumes."""
        is_other = self.long is not None and self.long.get("type") != "volume"
        return not is_other and has_variables(self.source)

    @property
    def is_writable(self) -> bool:
        """Whether the container may write it."""
        if self.long is not None:
            return self.long.get("read_only") is not True
        return "ro" not in self.options.split(",")


@record
class SecretUse:
    """A secret mounted in a service; ``variables`` get the path of its file."""

    name: str
    variables: tuple[str, ...] = ()


class SecretKind(StrEnum):
    """Where a secret's value comes from."""

    ENV = "env"
    FILE = "file"
    GENERATE = "generate"
    URL = "url"


@record
class Secret:
    """A secret: ``source`` is its variable, its file, or the service of a URL."""

    name: str
    kind: SecretKind
    source: str = ""

    @property
    def file(self) -> str:
        """The file that holds it, relative to the stack file."""
        if self.kind is SecretKind.FILE:
            return self.source
        return f"{SECRET_FOLDER}/{self.name}"

    @property
    def variable(self) -> str:
        """The variable that carries its value where a value is asked for."""
        if self.kind is SecretKind.ENV:
            return self.source
        return self.name.upper().replace("-", "_")


RELAXABLE = ("read_only", "cap_drop", "no_new_privileges", "init")

NOT_TRIED = "imported, not tried hardened"
"""Why `adopt` relaxes a service that it knows too little about."""


@record
class Resources:
    """The fuse: ``cpus`` and ``memory`` in Compose's form, ``pids`` a count.

    Each may be a text with variables. Empty and 0 mean no limit; ``written`` names
    those that the stack file sets.
    """

    cpus: str = "2"
    memory: str = "2G"
    pids: int | str = 512
    written: frozenset[str] = frozenset()


@record
class Local:
    """How to run a service as a process; ``dir`` is relative to the stack file."""

    command: tuple[str, ...] | str
    dir: str = "."
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@record
class Login:
    """Which variables of an image name its user and password.

    It counts when one of ``when`` is set; none means always. ``user`` and
    ``password`` list variables, the first that is set wins.
    """

    when: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    user_default: str = ""
    password: tuple[str, ...] = ()
    password_default: str | None = None


@record
class Access:
    """How a recipe's service is reached: the templates of its URL and its logins.

    ``url`` may use host, port, user, password and database; ``bare_url`` serves
    where no login applies.
    """

    url: str = ""
    bare_url: str = ""
    logins: tuple[Login, ...] = ()
    database: tuple[str, ...] = ()
    database_default: str = ""


@record
class Facts:
    """What is known about an image, already chosen for its tag.

    ``name`` says which entry it was. ``user`` is written where the image would start
    as root and step down; ``runs_as`` is what it becomes by itself. ``writable`` are
    folders that need a tmpfs, ``volumes`` those that need a volume. ``health`` is the
    check to propose for an image without a recipe, and its port. ``is_tested`` is false
    where the facts come from a Dockerfile or documentation alone. ``assumed_tag`` says
    that a variable hid the tag.
    """

    name: str
    why: str = ""
    user: str = ""
    runs_as: str = ""
    writable: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    init: bool = True
    read_only: bool = True
    no_new_privileges: bool = True
    exec_tmp: bool = False
    hostname: bool = False
    health: Mapping[str, str] = field(default_factory=dict)
    is_tested: bool = True
    assumed_tag: bool = False

    @property
    def ids(self) -> tuple[str, str]:
        """User and group id of the process, empty where they are root's."""
        user, _, group = (self.user or self.runs_as).partition(":")
        return user, group or user


@record
class Service:
    """One service, its recipe and its own keys already made one.

    ``passed`` holds the keys that Compose reads as they are; ``compose`` the raw
    settings that are merged last. None in ``environment`` passes the variable of that
    name on, if it is set. ``relax`` maps protections that are off to a reason; those of
    ``kept`` hold whatever the facts say. ``networks`` are those that it is on with
    their options, None where composegen chooses them; ``aliases`` are further names on
    each; ``network_mode`` is empty, or that of a service that is on none; ``sharing``
    are those that share its network. ``texts`` holds what was written of ``port`` and
    ``replicas`` where a variable says them: they are its default then. ``choice`` is
    the choice that it is one of: others reach it by that name. ``tools`` are programs
    that its image is known to have.
    """

    name: str
    recipe: str = ""
    is_store: bool = False
    image: str = ""
    build: Build | None = None
    port: int | None = None
    publish: tuple[Port, ...] = ()
    health: Health | None = None
    needs: tuple[Need, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    env_file: tuple[Raw, ...] = ()
    env_file_names: frozenset[str] = frozenset()
    volumes: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, Raw] | None = None
    aliases: tuple[str, ...] = ()
    network_mode: str = ""
    sharing: tuple[str, ...] = ()
    secrets: tuple[SecretUse, ...] = ()
    user: str = ""
    cap_add: tuple[str, ...] = ()
    passed: Mapping[str, Raw] = field(default_factory=dict)
    job: bool = False
    restart: str = ""
    enabled: bool = True
    is_root: bool = False
    groups: tuple[str, ...] = ()
    choice: str = ""
    replicas: int = 1
    resources: Resources = Resources()
    relax: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    local: Local | None = None
    drill: Drill = Drill()
    compose: Mapping[str, Raw] = field(default_factory=dict)
    access: Access = Access()
    facts: Facts | None = None
    tools: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def written_port(self) -> int | str | None:
        """The port as it is rendered: a text where a variable says it."""
        return self.texts.get("port", self.port)

    @property
    def host_name(self) -> str:
        """The name by which other services reach it."""
        return self.choice or self.name

    @property
    def uses_host_network(self) -> bool:
        """Whether it shares the network of the host."""
        return self.network_mode == "host"

    @property
    def is_isolated(self) -> bool:
        """Whether it has no network at all."""
        return self.network_mode == "none"

    @property
    def network_owner(self) -> str:
        """The service whose network it shares; empty for none."""
        owner = self.network_mode.removeprefix("service:")
        return owner if owner != self.network_mode else ""

    @property
    def has_own_network(self) -> bool:
        """Whether it is a data store with an internal network of its own."""
        return self.is_store and self.networks is None and not self.network_mode


@record
class Choice:
    """A service that is one of several others; the first one by default."""

    name: str
    members: tuple[str, ...]


@record
class Stack:
    """A stack file as it was read and checked.

    ``places`` says where a path such as ``("services", "web", "needs", "db")``
    stands in the file; the longest known prefix of a path is its place. ``resources``
    are the limits of a service that sets none, ``output`` is the name of the file that
    it is rendered to.
    """

    file: str
    name: str = ""
    services: Mapping[str, Service]
    volumes: Mapping[str, Raw] = field(default_factory=dict)
    networks: Mapping[str, Raw] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    compose: Mapping[str, Raw] = field(default_factory=dict)
    resources: Resources = Resources()
    probe_image: str = PROBE_IMAGE
    output: str = DEFAULT_OUTPUT
    choices: Mapping[str, Choice] = field(default_factory=dict)
    extensions: Mapping[str, Raw] = field(default_factory=dict)
    places: Mapping[tuple[str, ...], Location] = field(
        default_factory=dict, compare=False, repr=False
    )


def begins_with_drive(path: str) -> bool:
    r"""Whether a path is one of Windows, such as ``C:\data``."""
    return path[1:3] in {":\\", ":/"} and path[0].isascii() and path[0].isalpha()


def split_mount(text: str) -> Mount | None:
    """Compose's short form of a volume, ``[SOURCE:]TARGET[:OPTIONS]``."""
    parts = split_at_colons(text, 2 if begins_with_drive(text) else 0)
    if len(parts) == 1:
        return Mount(target=parts[0])
    if len(parts) > 3 or not parts[0]:
        return None
    return Mount(source=parts[0], target=parts[1], options="".join(parts[2:]))
