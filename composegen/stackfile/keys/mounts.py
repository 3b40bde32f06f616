"""Mounts of a service: `volumes` and `tmpfs`, which meet where they share a path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from composegen.model import Mount, begins_with_drive, split_mount
from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys import compose
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.nodes import MappingNode, Node, ScalarNode
from composegen.stackfile.reader import Path, Reader
from composegen.text import shorten
from composegen.values import VOLUME_NAME

_SWITCHES = {"bind": ("create_host_path",), "volume": ("nocopy",)}
"""The options of a long form that are true or false, by their kind."""
SCHEMA: Schema = {"type": "array", "items": {"type": ["string", "object"]}}


def read_volumes(reader: Reader, node: Node, path: Path) -> Any:
    """Mounts, one for each path of the container."""
    items = reader.read_items(node, "a list of volumes")
    if items is None:
        return None
    mounts: list[Mount] = []
    for item in items:
        mount = _read_mount(reader, item)
        if mount is not None and not _is_taken(reader, path, mount.target, item):
            mounts.append(mount)
    return mounts


def _is_taken(reader: Reader, path: Path, target: str, node: Node) -> bool:
    """Whether something is mounted there already; the path is noted."""
    place = (*path, target.rstrip("/") or "/")
    if place in reader.nodes and reader.nodes[place] is not node:
        reader.add(
            "duplicate-key",
            f"`{shorten(target)}` is mounted twice (first at "
            f"{reader.source.locate(reader.nodes[place])})",
            node,
            "keep one of the two",
        )
        return True
    reader.nodes[place] = node
    return False


def read_tmpfs(reader: Reader, node: Node, path: Path) -> Any:
    """Folders of the container that are in memory."""
    items: list[Node] = [node]
    if not isinstance(node, ScalarNode):
        items = reader.read_items(node, "a text or a list of texts") or []
    texts = []
    for item in items:
        text = reader.read_text(item)
        if text is None:
            continue
        if not text.startswith(("/", "$")):
            reader.add(
                "bad-volume",
                f"`{shorten(text)}` is not a folder of the container",
                item,
                f"a path begins with /, as in {write_inline(f'/{text}')}",
            )
        elif not _is_taken(reader, path, text.partition(":")[0], item):
            texts.append(text)
    return texts


def _read_mount(reader: Reader, node: Node) -> Mount | None:
    if isinstance(node, MappingNode):
        return _read_long_mount(reader, node)
    text = reader.read_text(node, "a volume")
    if text is None:
        return None
    mount = split_mount(text)
    is_lone_drive = begins_with_drive(text) and not (mount and mount.source)
    is_odd = mount is not None and not mount.target.startswith(("/", "$"))
    if mount is None or (is_odd and not is_lone_drive):
        reader.add(
            "bad-volume",
            f"`{shorten(text)}` is not a volume",
            node,
            "SOURCE:/path/in/the/container, or /path alone for an anonymous volume",
        )
        return None
    return mount if _check_volume_name(reader, node, text, mount) else None


def _read_long_mount(reader: Reader, node: MappingNode) -> Mount | None:
    raw = compose.read_options(reader, node, "read_only")
    for key, _, value in reader.source.pairs(node):
        if key in _SWITCHES and isinstance(value, MappingNode):
            raw[key] = compose.read_options(reader, value, *_SWITCHES[key])
    if not isinstance(raw.get("target"), str):
        reader.add_type(node, "a volume with a `target`")
        return None
    return Mount(
        source=str(raw.get("source") or ""), target=str(raw["target"]), long=raw
    )


def _check_volume_name(reader: Reader, node: Node, text: str, mount: Mount) -> bool:
    """Whether the source of a mount is a path, or can be the name of a volume."""
    is_drive = begins_with_drive(text)
    name = text[0] if is_drive else mount.volume_name
    if is_drive:
        if mount.source:
            return True
        help = "one letter is read as a Windows drive: use a longer name"
    elif not name or VOLUME_NAME.fullmatch(name):
        return True
    elif "/" in name:
        help = f"a path begins with ./ : write {write_inline(f'./{text}')}"
    else:
        help = "letters, digits and _ . - , at least two"
    reader.add("bad-name", f"`{shorten(name)}` is not the name of a volume", node, help)
    return False


def merge_mounts(base: Iterable[Mount], own: Iterable[Mount]) -> list[Mount]:
    """The mounts of both, the later one where two have the same path."""
    merged = {mount.target.rstrip("/") or "/": mount for mount in base}
    for mount in own:
        merged[mount.target.rstrip("/") or "/"] = mount
    return list(merged.values())


def merge_tmpfs(base: Iterable[str], own: Iterable[str]) -> list[str]:
    """The tmpfs mounts of both, the later one where two have the same path."""
    merged = {text.partition(":")[0].rstrip("/"): text for text in base}
    merged.update((text.partition(":")[0].rstrip("/"), text) for text in own)
    return list(merged.values())
