"""Images: named, versioned, known; what is relaxed has a reason."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.health import HealthKind
from composegen.images.facts import (
    find_facts,
    fits_image,
    list_recipe_files,
    read_recipe,
)
from composegen.images.reference import parse_image
from composegen.model import NOT_TRIED, RELAXABLE, Service
from composegen.stackfile.checks.checked import Checked
from composegen.text import shorten

_SERVERS = frozenset(
    "docker-entrypoint.sh mariadbd memcached minio mongod mosquitto mysqld nats-server "
    "nginx postgres rabbitmq-server redis-server server valkey-server "
    "zkServer.sh".split()
)


def check_images(checked: Checked) -> None:
    """An image is named, has a version, and is one that facts were made for."""
    for service in checked.stack.services.values():
        if service.name in checked.unreadable_recipes:
            continue
        if not service.image and service.build is None:
            if not checked.is_broken(service.name, "image", "build", "use", "*"):
                checked.add(
                    "no-image",
                    f"`{service.name}` has neither `image` nor `build` nor `use`",
                    ("services", service.name),
                    "name what to run:\nimage: nginx:1.29-alpine     # or build: .",
                )
            continue
        _check_kept(checked, service)
        if service.build is None:
            _check_tag(checked, service)
        _check_facts(checked, service)


def _check_kept(checked: Checked, service: Service) -> None:
    """Raw settings do not remove the only thing that says what to run."""
    there = {"image": bool(service.image), "build": service.build is not None}
    removed = [
        key for key in there if service.compose.get(key, "") is None and there[key]
    ]
    if removed and all(key in removed for key, is_there in there.items() if is_there):
        checked.add(
            "no-image",
            f"without `{removed[0]}`, `{service.name}` has nothing to run",
            ("services", service.name, "compose", removed[0]),
            "remove the line",
        )


def _check_tag(checked: Checked, service: Service) -> None:
    reference = parse_image(service.image)
    is_hidden = reference.is_variable and not reference.tag
    if reference.has_fixed_tag or is_hidden:
        return
    checked.add(
        "latest-image",
        f"`{service.image}` has no fixed version: the image can change at any time",
        ("services", service.name, "image"),
        f"name a version, as in {_find_example(service)}",
    )


def _find_example(service: Service) -> str:
    """An image with a version: that of the recipe for it, where there is one."""
    name = service.facts.name if service.facts is not None else ""
    if name not in list_recipe_files():
        return "postgres:18-alpine"
    return str(read_recipe(name)["image"])


def _check_facts(checked: Checked, service: Service) -> None:
    recipe = checked.recipes.get(service.name)
    runs = service.build.base_image if service.build else service.image
    is_known = bool(runs and parse_image(runs).path)  # a variable may hide it
    if recipe is not None and is_known and not fits_image(recipe.images, runs):
        checked.add(
            "foreign-image",
            f"the recipe `{recipe.name}` was made for {', '.join(recipe.images)}, "
            f"not for the image of `{service.name}`",
            ("services", service.name, "build" if service.build else "image"),
            _suggest_recipe(checked, runs),
        )
    if service.facts is None and service.build is None:
        if set(service.relax) != set(RELAXABLE):
            checked.add(
                "unknown-image",
                f"there are no facts about `{shorten(service.image)}`: it starts "
                "without capabilities and with a read-only file system",
                ("services", service.name, "image"),
                "if it does not start, relax it first and tighten it later:\n"
                "relax: trying it out",
            )
    elif recipe is None and service.facts and _looks_like_store(checked, service):
        checked.add(
            "recipe-for-image",
            f"there is a recipe for the image of `{service.name}`",
            ("services", service.name, "build" if service.build else "image"),
            "it brings the probe, the volume, the URL and a network of its own:\n"
            f"use: {service.facts.name}",
        )
    elif service.facts is not None and service.facts.assumed_tag and not service.build:
        checked.add(
            "assumed-tag",
            f"the tag of `{service.name}` is a variable: composegen uses the facts of "
            "its default or of the newest image",
            ("services", service.name, "image"),
            "if its values are tags of different images, write the tag itself",
        )


def _looks_like_store(checked: Checked, service: Service) -> bool:
    """Whether this is a data store that has a recipe, with no command of its own."""
    facts = service.facts
    if facts is None or service.job or service.passed.get("command"):
        return False
    if facts.name not in list_recipe_files():
        return False
    if service.name in checked.unreadable_recipes:
        return False
    return bool(read_recipe(facts.name).get("store") == "true")


def find_recipe(service: Service) -> str:
    """The recipe for what runs in a service without one, or empty.

    A command of its own must be the server's: a job in a database's image is no
    database.
    """
    facts = service.facts
    if facts is None or service.recipe or service.job:
        return ""
    words = service.passed.get("entrypoint") or service.passed.get("command") or ""
    first = (words if isinstance(words, list) else str(words).split() or [""])[0]
    program = str(first).rpartition("/")[2]
    is_server = not program or program.startswith("-") or program in _SERVERS
    return facts.name if is_server and facts.name in list_recipe_files() else ""


def _suggest_recipe(checked: Checked, image: str) -> str:
    facts = find_facts(parse_image(image).path)
    if facts is not None and facts.name in checked.known_recipes:
        return f"use the recipe that was made for it:\nuse: {facts.name}"
    return (
        "its user, folders and health check may differ: try it, and `relax` what fails"
    )


def check_tried(checked: Checked) -> None:
    """What was imported was tried under the protections."""
    for service in checked.stack.services.values():
        if NOT_TRIED in service.relax.values():
            checked.add(
                "not-hardened",
                f"`{service.name}` was imported and runs without protections",
                ("services", service.name, "relax"),
                "let composegen find out which of them it can have:\n"
                f"composegen harden {service.name}",
            )


def check_reasons(checked: Checked) -> None:
    """Everything that is weakened has a reason."""
    places = checked.stack.places
    for service in checked.stack.services.values():
        path = ("services", service.name, "relax")
        if path in places:
            for name, reason in service.relax.items():
                if not reason and (*path, name) in places:
                    _add_no_reason(checked, f"`relax: {name}`", (*path, name))
            if "" in service.relax.values() and not _has_inner(places, path):
                _add_no_reason(checked, "`relax`", path)
        health = service.health
        if health is not None and health.kind is HealthKind.NONE and not health.reason:
            _add_no_reason(
                checked, "`health: none`", ("services", service.name, "health")
            )
    _check_common_reason(checked)


def _check_common_reason(checked: Checked) -> None:
    """The top level's ``relax`` says why, too."""
    places = checked.stack.places
    weak = {
        name
        for service in checked.stack.services.values()
        for name, reason in service.relax.items()
        if not reason and ("services", service.name, "relax", name) not in places
    }
    if ("relax",) not in places or not weak:
        return
    inner = [name for name in RELAXABLE if name in weak and ("relax", name) in places]
    for name in inner:
        _add_no_reason(checked, f"`relax: {name}`", ("relax", name))
    if not _has_inner(places, ("relax",)):
        _add_no_reason(checked, "`relax`", ("relax",))


def _has_inner(places: Mapping[tuple[str, ...], object], path: tuple[str, ...]) -> bool:
    return any((*path, name) in places for name in RELAXABLE)


def _add_no_reason(checked: Checked, what: str, path: tuple[str, ...]) -> None:
    checked.add(
        "no-reason",
        f"{what} has no reason",
        path,
        "write the reason",
    )
