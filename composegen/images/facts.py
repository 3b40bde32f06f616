"""What is known about images and recipes: the data files, and which entry counts.

Facts match an image by its repository path, whatever its registry; the
tag chooses among an entry's variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from composegen.images import shipped
from composegen.images.reference import parse_image
from composegen.model import Facts
from composegen.patterns import make_pattern
from composegen.resources import find_templates

Plain = Mapping[str, Any]
"""A mapping out of a data file, every scalar a text."""

FACT_KEYS = frozenset(
    "why user runs_as writable volumes cap_add tools exec_tmp hostname init read_only "
    "no_new_privileges tested".split()
)
RECIPE_KEYS = frozenset(
    "about images store start_interval url bare_url logins database database_default "
    "requires variants version_mark version_first newest data_variable".split()
)


def read_images() -> Mapping[str, Plain]:
    """The shipped table of images: entry name -> facts."""
    return shipped.IMAGES


@cache
def list_recipe_files() -> Mapping[str, Path]:
    """The shipped recipes: name -> file, in order of their names."""
    folder = find_templates() / "recipes"
    return {name: folder / f"{name}.yaml" for name in shipped.RECIPES}


def read_recipe(name: str) -> Plain:
    """A shipped recipe, every scalar a text."""
    return shipped.RECIPES[name]


@cache
def _index_images() -> tuple[
    dict[str, tuple[str, Plain]], list[tuple[str, str, Plain]]
]:
    exact: dict[str, tuple[str, Plain]] = {}
    prefixes: list[tuple[str, str, Plain]] = []
    for name, entry in (*shipped.IMAGES.items(), *shipped.RECIPES.items()):
        for path in entry["images"]:
            if path.endswith("/*"):
                prefixes.append((path[:-1], name, entry))
            else:
                exact[path] = (name, entry)
    return exact, prefixes


def find_facts(image: str) -> Facts | None:
    """What is known about an image, for its tag; None where nothing is."""
    reference = parse_image(image)
    exact, prefixes = _index_images()
    found = exact.get(reference.path)
    if found is None:
        for prefix, name, entry in prefixes:
            if reference.path.startswith(prefix):
                found = (name, entry)
    return make_facts(*found, image=image) if found else None


def make_facts(name: str, entry: Plain, *, image: str) -> Facts:
    """The facts of an entry for one image's tag."""
    chosen = choose_variant(entry, image)
    return Facts(
        name=name,
        why=chosen.get("why", ""),
        user=chosen.get("user", ""),
        runs_as=chosen.get("runs_as", ""),
        writable=tuple(chosen.get("writable", ())),
        volumes=tuple(
            folder for folder in chosen.get("volumes", ()) if folder.startswith("/")
        ),
        cap_add=tuple(chosen.get("cap_add", ())),
        tools=tuple(chosen.get("tools", ())),
        exec_tmp=chosen.get("exec_tmp") == "true",
        hostname=chosen.get("hostname") == "true",
        init=chosen.get("init") != "false",
        read_only=chosen.get("read_only") != "false",
        no_new_privileges=chosen.get("no_new_privileges") != "false",
        health=_find_check(name, entry, chosen),
        is_tested=chosen.get("tested") != "false",
        assumed_tag=parse_image(image).is_variable,
    )


def _find_check(name: str, entry: Plain, chosen: Plain) -> Mapping[str, str]:
    """The check of an entry of the table; a recipe brings its own to a service."""
    is_listed = entry is read_images().get(name)
    return dict(chosen.get("health", {})) if is_listed else {}


SELECTORS = ("tag", "images", "version")
"""What a variant says of the images that it is for; all of it must match."""


def choose_variant(entry: Plain, image: str) -> Plain:
    """The entry with the variants that match the image laid over it."""
    chosen = {key: value for key, value in entry.items() if key != "variants"}
    version = find_version(entry, image)
    for variant in entry.get("variants", ()):
        if fits_variant(variant, image, version):
            chosen |= {k: value for k, value in variant.items() if k not in SELECTORS}
    return chosen


def fits_variant(variant: Plain, image: str, version: int | None) -> bool:
    """Whether a variant is for an image, whose version may be unknown."""
    tags = variant.get("tag", ())
    if tags:
        tag = parse_image(image).tag
        listed = [tags] if isinstance(tags, str) else tags
        if not any(fnmatchcase(tag, str(pattern)) for pattern in listed):
            return False
    if variant.get("images") and not fits_image(variant["images"], image):
        return False
    wanted = VERSION_RANGE.fullmatch(str(variant.get("version", "")))
    if wanted is None:
        return True
    if version is None:
        return False
    is_below = version < int(wanted[2])
    return is_below if wanted[1] == "<" else not is_below


VERSION_RANGE = make_pattern(r"(<|>=) ?(\d{1,9})", re.ASCII)
"""The versions that a variant is for: ``<18`` or ``>=18``."""


def find_version(entry: Plain, image: str) -> int | None:
    """The major version in an image's tag; None where it is not known.

    It follows the entry's mark, as in ``0.8.0-pg17``, or begins the tag of an image
    that is listed for that.
    """
    tag = parse_image(image).tag
    mark = re.escape(str(entry.get("version_mark", "")))
    match = (
        re.search(
            rf"(?:^|[^a-z0-9]){mark}[-_]?(\d{{1,9}})", tag, re.ASCII | re.IGNORECASE
        )
        if mark
        else None
    )
    if match is None and fits_image(entry.get("version_first", ()), image):
        match = re.match(r"v?(\d{1,9})", tag, re.ASCII)
    return int(match[1]) if match is not None else None


def knows_data(entry: Plain, image: str) -> bool:
    """Whether it is known where an image keeps its data.

    It is not for an image that the entry does not list, nor for a version that cannot
    be known where the data of versions is in different folders.
    """
    if not entry.get("images"):
        return True
    if not fits_image(entry["images"], image):
        return _keeps_data_alike(entry, image)
    movers = [each for each in entry.get("variants", ()) if each.get("volumes")]
    version = find_version(entry, image)
    if version is not None or not any("version" in each for each in movers):
        return True
    if any(
        "version" not in each and fits_variant(each, image, version) for each in movers
    ):
        return True
    return _is_newest(entry, image)


def _keeps_data_alike(entry: Plain, image: str) -> bool:
    """Whether an image of another recipe keeps its data in the same folders."""
    found = find_facts(image)
    if found is None or found.name not in shipped.RECIPES:
        return False
    other = choose_variant(read_recipe(found.name), image)
    return list_targets(other) == list_targets(choose_variant(entry, image)) != ()


def list_targets(entry: Plain) -> tuple[str, ...]:
    """The folders of a recipe's named volumes, which hold its data."""
    return tuple(
        text.partition(":")[2] for text in entry.get("volumes") or () if ":" in text
    )


def _is_newest(entry: Plain, image: str) -> bool:
    """Whether a name without a version is that of the entry's newest image."""
    reference = parse_image(image)
    is_variable = "$" in image.rpartition("/")[2] and not reference.tag
    if reference.path != entry["images"][0] or is_variable:
        return False
    if not reference.tag:
        return not reference.digest
    return any(fnmatchcase(reference.tag, each) for each in entry.get("newest", ()))


def fits_image(images: Iterable[str], image: str) -> bool:
    """Whether an image is one of those that an entry lists, ``/*`` for a whole path."""
    path = parse_image(image).path
    return any(
        path == made or (made.endswith("/*") and path.startswith(made[:-1]))
        for made in images
    )
