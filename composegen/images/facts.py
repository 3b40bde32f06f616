"""What is known about images and recipes: the data files, and which entry counts.

Facts match an image by its repository path, whatever its registry; the
tag chooses among an entry's variants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from composegen.images.reference import parse_image
from composegen.model import Facts
from composegen.paths import list_matching
from composegen.resources import find_templates

Plain = Mapping[str, Any]
"""A mapping out of a data file, every scalar a text."""

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

FACT_KEYS = frozenset(
    "why user runs_as writable volumes cap_add tools exec_tmp hostname init read_only "
    "no_new_privileges".split()
)
RECIPE_KEYS = frozenset(
    "about images store start_interval url bare_url logins database database_default "
    "requires variants".split()
)


@cache
def read_images() -> Mapping[str, Plain]:
    """The shipped table of images: entry name -> facts."""
    return _read_texts(find_templates() / "images.yaml")


@cache
def list_recipe_files() -> Mapping[str, Path]:
    """The shipped recipes: name -> file, in order of their names."""
    folder = find_templates() / "recipes"
    return {path.stem: path for path in list_matching(folder, "*.yaml")}


@cache
def read_recipe(path: Path) -> Plain:
    """A recipe's file, every scalar a text."""
    return _read_texts(path)


def _read_texts(path: Path) -> Plain:
    # A base loader makes texts, lists and mappings, and nothing else.
    plain: Plain = yaml.load(path.read_bytes(), Loader=_Loader)  # nosec B506
    return plain


@cache
def _index_images() -> tuple[
    dict[str, tuple[str, Plain]], list[tuple[str, str, Plain]]
]:
    exact: dict[str, tuple[str, Plain]] = {}
    prefixes: list[tuple[str, str, Plain]] = []
    entries = [*read_images().items()]
    entries += [(name, read_recipe(path)) for name, path in list_recipe_files().items()]
    for name, entry in entries:
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
        assumed_tag=parse_image(image).is_variable,
    )


def choose_variant(entry: Plain, image: str) -> Plain:
    """The entry with the variants that match the image's tag laid over it."""
    chosen = {key: value for key, value in entry.items() if key != "variants"}
    tag = parse_image(image).tag
    for variant in entry.get("variants", ()):
        patterns = variant["tag"]
        if any(
            fnmatchcase(tag, pattern)
            for pattern in ([patterns] if isinstance(patterns, str) else patterns)
        ):
            chosen |= {key: value for key, value in variant.items() if key != "tag"}
    return chosen


def fits_image(images: Iterable[str], image: str) -> bool:
    """Whether an image is one of those that an entry lists, ``/*`` for a whole path."""
    path = parse_image(image).path
    return any(
        path == made or (made.endswith("/*") and path.startswith(made[:-1]))
        for made in images
    )
