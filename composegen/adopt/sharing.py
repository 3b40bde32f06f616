"""What several services have in common, written once and named with an anchor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from composegen.adopt.seen import Sketch
from composegen.records import record

_LEAST_SERVICES = 3
_LEAST_SAVED = 8
"""How many lines an anchor must save to be worth its name."""
_LEAST_LENGTH = 60


@record
class Alias:
    """A value that stands elsewhere under an anchor."""

    name: str


@record
class Shared:
    """A block under an anchor, with the comments of its first owner."""

    value: Any
    comments: Mapping[tuple[str, ...], tuple[str, ...]]
    is_raw: bool = False


def share_blocks(sketches: Mapping[str, Sketch]) -> dict[str, Shared]:
    """Take equal blocks out of the services; returns them by their anchors."""
    shared: dict[str, Shared] = {}
    _share_environments(sketches, shared)
    for sketch in sketches.values():
        _settle_alone(sketch)
    _share_raw(sketches, shared)
    return shared


def _share_environments(
    sketches: Mapping[str, Sketch], shared: dict[str, Shared]
) -> None:
    """Variables that the same services set to the same text."""
    owners: dict[tuple[str, str], list[str]] = {}
    for name, sketch in sketches.items():
        environment = sketch.keys.get("environment")
        if isinstance(environment, dict):
            for pair in environment.items():
                owners.setdefault(pair, []).append(name)
    blocks: dict[tuple[str, ...], dict[str, str]] = {}
    for (variable, text), found in owners.items():
        if len(found) > 1:
            blocks.setdefault(tuple(found), {})[variable] = text
    for names, block in blocks.items():
        saved = (len(names) - 1) * len(block)
        is_worth = len(names) >= _LEAST_SERVICES and saved >= _LEAST_SAVED
        if is_worth or saved >= 2 * _LEAST_SAVED:
            anchor = _choose_name("environment", shared)
            comments = sketches[names[0]].comments
            own: dict[tuple[str, ...], tuple[str, ...]] = {
                path[1:]: text for path, text in comments.items() if len(path) == 2
            }
            shared[anchor] = Shared(value=block, comments=own)
            for name in names:
                _merge(sketches[name], anchor, block)


def _merge(sketch: Sketch, anchor: str, block: Mapping[str, str]) -> None:
    environment = sketch.keys["environment"]
    earlier = environment.get("<<", [])
    rest = {key: text for key, text in environment.items() if key not in block}
    rest.pop("<<", None)
    aliases = [*earlier, Alias(name=anchor)]
    sketch.keys["environment"] = {"<<": aliases, **rest}


def _settle_alone(sketch: Sketch) -> None:
    """An environment that is one block as a whole is that block."""
    environment = sketch.keys.get("environment")
    if not isinstance(environment, dict) or set(environment) != {"<<"}:
        return
    if len(environment["<<"]) == 1:
        sketch.keys["environment"] = environment["<<"][0]


def _share_raw(sketches: Mapping[str, Sketch], shared: dict[str, Shared]) -> None:
    """Raw settings such as `logging` that are the same in several services."""
    for key, text, names in list(_list_equal(sketches)):
        if len(names) < _LEAST_SERVICES or len(text) < _LEAST_LENGTH:
            continue
        anchor = _choose_name(key, shared)
        shared[anchor] = Shared(
            value=sketches[names[0]].raw[key], comments={}, is_raw=True
        )
        for name in names:
            sketches[name].raw[key] = Alias(name=anchor)


def _list_equal(
    sketches: Mapping[str, Sketch],
) -> Iterator[tuple[str, str, list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, sketch in sketches.items():
        for key, value in sketch.raw.items():
            if isinstance(value, dict):
                text = json.dumps(value, sort_keys=True)
                found.setdefault((key, text), []).append(name)
    for (key, text), names in found.items():
        yield key, text, names


def _choose_name(key: str, taken: Mapping[str, Any]) -> str:
    name, number = key, 1
    while name in taken:
        number += 1
        name = f"{key}-{number}"
    return name
