"""What is known about the services of a project beyond their keys.

The facts about an image, a recipe's probe, the port that a service listens on, and who
names whom in a variable: all that gates and protections are decided from.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from composegen.adopt.names import read_pairs
from composegen.adopt.seen import Seen
from composegen.adopt.texts import undouble, write_text
from composegen.images.facts import (
    Plain,
    choose_variant,
    find_facts,
    fits_image,
    list_recipe_files,
    list_targets,
    read_recipe,
)
from composegen.images.tools import list_programs
from composegen.patterns import make_pattern
from composegen.records import record
from composegen.stackfile.checks.implied import find_hosts
from composegen.stackfile.folder import Folder
from composegen.values import guess_default

_PORT_FLAG = make_pattern(r"(?:-p|-P|--port|--http-port)(?:=(\d{2,5}))?")
_PORT_SETTING = make_pattern(r"port\s*=\s*(\d{2,5})")
_PORT_VARIABLES = ("PGPORT", "MYSQL_TCP_PORT", "REDIS_PORT_NUMBER")


def look_at(seen: Seen, folder: Folder) -> None:
    """Find out which image runs, and what is known about it."""
    written = seen.sketch.keys.get("build")
    seen.image = write_text(seen.text.get("image"))
    runs = seen.image
    if written is not None:
        options = {"context": written} if isinstance(written, str) else written
        seen.build = folder.look_at_build(options)
        runs = seen.build.base_image
    seen.facts = find_facts(runs) if runs else None
    if seen.image and not guess_default(seen.image).strip(":/@"):
        # Its name is a variable: a check is chosen for what it is now.
        seen.image = undouble(write_text(seen.model.get("image")))


@record
class Recipe:
    """A shipped recipe, for the image of a service."""

    name: str
    entry: Plain

    @property
    def is_store(self) -> bool:
        """Whether it is a data store."""
        return self.entry.get("store") == "true"

    @property
    def port(self) -> str:
        """The port that the image listens on."""
        return str(self.entry.get("port", ""))

    @property
    def folders(self) -> tuple[str, ...]:
        """Where the data is."""
        return list_targets(self.entry)


def find_recipe(seen: Seen) -> Recipe | None:
    """The recipe for the image of a service that is not built."""
    facts = find_facts(seen.image) if seen.image else None
    if seen.build is not None or facts is None:
        return None
    if facts.name not in list_recipe_files():
        return None
    entry = read_recipe(facts.name)
    if not fits_image(entry["images"], seen.image):
        return None
    return Recipe(name=facts.name, entry=choose_variant(entry, seen.image))


def list_tools(seen: Seen) -> tuple[str, ...]:
    """The programs of the image that can run a probe."""
    known = [
        *(seen.facts.tools if seen.facts else ()),
        *(seen.build.tools if seen.build else ()),
    ]
    for key in ("entrypoint", "command"):
        known += list_programs(seen.sketch.keys.get(key))
    return tuple(dict.fromkeys(known))


# Ports


def list_words(seen: Seen) -> list[str]:
    """The words of a service's command, as Compose takes it apart."""
    command = seen.model.get("command") or []
    words = command if isinstance(command, list) else shlex.split(str(command))
    return [undouble(write_text(word)) for word in words]


def find_moved_port(seen: Seen) -> str:
    """The port that a command or a usual variable sets, or empty."""
    words = [part for word in list_words(seen) for part in word.split()]
    for index, word in enumerate(words):
        match = _PORT_FLAG.fullmatch(word)
        if match and match[1]:
            return match[1]
        following = words[index + 1] if index + 1 < len(words) else ""
        if match and re.fullmatch(r"\d{2,5}", following):
            return following
        setting = _PORT_SETTING.fullmatch(word)
        if setting:
            return setting[1]
    environment = seen.model.get("environment") or {}
    for name in _PORT_VARIABLES:
        if re.fullmatch(r"\d{2,5}", write_text(environment.get(name))):
            return write_text(environment[name])
    return ""


def find_port(seen: Seen, dependents: list[Seen]) -> tuple[str, str]:
    """The port that a service listens on by evidence of the files, and where it stands.

    What a dependent service calls comes first, then `expose`, then what is published.
    Both are empty where nothing shows one.
    """
    published = [
        write_text(port.get("target"))
        for port in seen.model.get("ports") or []
        if port.get("protocol", "tcp") == "tcp"
    ]
    exposed = [undouble(write_text(text)) for text in seen.model.get("expose") or []]
    exposed = [text.removesuffix("/tcp") for text in exposed]
    exposed = [text for text in exposed if text.isdigit()]
    for one in dependents:
        called = list(_list_called(one, seen))
        known = [port for port in called if port in {*published, *exposed}]
        for port in (*known, *called):
            return port, f"{one.name} calls port {port}"
    if exposed:
        return exposed[0], f"exposes port {exposed[0]}"
    if published:
        return published[0], f"publishes port {published[0]}"
    return "", ""


def list_ports(seen: Seen, dependents: list[Seen]) -> set[str]:
    """Every TCP port of a service that the files show."""
    published = {
        write_text(port.get("target"))
        for port in seen.model.get("ports") or []
        if port.get("protocol", "tcp") == "tcp"
    }
    exposed = {
        undouble(write_text(text)).removesuffix("/tcp")
        for text in seen.model.get("expose") or []
    }
    called = {port for one in dependents for port in _list_called(one, seen)}
    return published | exposed | called


def find_exposed(seen: Seen) -> str:
    """The port that a Dockerfile exposes: no proof, and a hint."""
    exposed = seen.build.exposed if seen.build is not None else ()
    for text in exposed:
        number, _, protocol = text.partition("/")
        if protocol != "udp" and number.isdigit():
            return number
    return ""


def _list_called(one: Seen, other: Seen) -> Iterator[str]:
    """The ports of another service that a service's variables and command name."""
    names = "|".join(re.escape(name) for name in list_names(other))
    pattern = re.compile(rf"(?<![\w.-])(?:{names}):(\d{{2,5}})(?![\d.])")
    for text in list_texts(one):
        for port in pattern.findall(text):
            if 20 < int(port) <= 65535:
                yield port


def list_names(seen: Seen) -> list[str]:
    """The names by which other services reach a service."""
    names = [seen.name, write_text(seen.model.get("container_name"))]
    for options in (seen.model.get("networks") or {}).values():
        names += (options or {}).get("aliases") or []
    return [name for name in dict.fromkeys(names) if name]


def list_texts(seen: Seen) -> Iterator[str]:
    """Every resolved text of a service in which an address may stand."""
    for _, text in read_pairs(seen.model.get("environment")):
        yield undouble(text or "")
    for key in ("command", "entrypoint"):
        value = seen.model.get(key) or []
        for word in value if isinstance(value, list) else [value]:
            yield undouble(write_text(word))
    test = (seen.model.get("healthcheck") or {}).get("test")
    yield " ".join(map(str, test)) if isinstance(test, list) else str(test or "")


# Who names whom


@record
class Address:
    """A variable of one service that names another one as a host."""

    source: str
    target: str
    variable: str


def list_addresses(services: Mapping[str, Seen]) -> Iterator[Address]:
    """Every pair of services of which one names the other, once."""
    known = {name: one.name for one in services.values() for name in list_names(one)}
    for seen in services.values():
        found = {seen.name}
        for variable, text in read_pairs(seen.model.get("environment")):
            for host, _ in find_hosts(variable, undouble(text or "")):
                target = known.get(host)
                if target is not None and target not in found:
                    found.add(target)
                    yield Address(source=seen.name, target=target, variable=variable)


def mentions(seen: Seen, other: Seen) -> bool:
    """Whether anything of a service holds a name of the other one, in any form."""
    names = "|".join(re.escape(name) for name in list_names(other))
    pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")
    if any(pattern.search(text) for text in list_texts(seen)):
        return True
    labels = " ".join(map(write_text, (seen.model.get("labels") or {}).values()))
    return bool(pattern.search(labels))


# Mounts


def has_bind_mount(seen: Seen, *, writable: bool = False) -> bool:
    """Whether a folder of the host is mounted; with ``writable`` one it may write."""
    return any(
        mount.get("type") == "bind" and not (writable and mount.get("read_only"))
        for mount in seen.model.get("volumes") or []
    )


def holds_data_in_volume(seen: Seen, recipe: Recipe) -> bool:
    """Whether the folder of a store's data is a named volume."""
    for mount in seen.model.get("volumes") or []:
        target = write_text(mount.get("target")).rstrip("/")
        if recipe.folders and target == recipe.folders[0]:
            return mount.get("type") == "volume" and bool(mount.get("source"))
    return False
