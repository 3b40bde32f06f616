"""Paths of a stack file as they are seen from the folder of another file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from composegen.model import Mount, Raw
from composegen.planning.named import ELSEWHERE


class Mover:
    """Moves relative paths by a prefix: the way to the folder of the stack file.

    With the prefix ``.`` every path stays as it was written; absolute paths, home
    folders and variables always do.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @property
    def stays(self) -> bool:
        """Whether nothing moves."""
        return self._prefix == "."

    def move(self, path: str) -> str:
        """One path."""
        is_drive = path[1:3] in {":\\", ":/"}
        if self.stays or is_drive or path.startswith(("/", "~", "$")):
            return path
        moved = posixpath.normpath(posixpath.join(self._prefix, path))
        return moved if moved.startswith("..") else f"./{moved}"

    def move_context(self, context: str) -> str:
        """A build context, which may be a URL, an image or another service."""
        return context if ELSEWHERE.match(context) else self.move(context)

    def move_build(self, options: Mapping[str, Raw]) -> dict[str, Raw]:
        """A build's options: its contexts move, its Dockerfile stays within."""
        moved = dict(options)
        if isinstance(moved.get("context"), str):
            moved["context"] = self.move_context(str(moved["context"]))
        contexts = moved.get("additional_contexts")
        if isinstance(contexts, dict):
            moved["additional_contexts"] = {
                name: self.move_context(str(value)) for name, value in contexts.items()
            }
        elif isinstance(contexts, list):
            moved["additional_contexts"] = self._move_pairs(contexts, self.move_context)
        if isinstance(moved.get("ssh"), list):
            moved["ssh"] = self._move_pairs(moved["ssh"], self.move)
        return moved

    @staticmethod
    def _move_pairs(items: Raw, move: Callable[[str], str]) -> Raw:
        """A list of ``name=path``; an item without a path stays."""
        pairs = [str(item).partition("=") for item in _to_list(items)]
        return [
            f"{name}={move(path)}" if equals else name for name, equals, path in pairs
        ]

    def move_env_file(self, item: Raw) -> Raw:
        """An env file in its short or long form."""
        if isinstance(item, dict):
            return {**item, "path": self.move(str(item["path"]))}
        return self.move(str(item))

    def move_mount(self, mount: Mount) -> Raw:
        """A volume as Compose writes it."""
        if mount.long is not None:
            source = str(mount.long.get("source", ""))
            if mount.is_bind and source:
                return {**mount.long, "source": self.move(source)}
            return dict(mount.long)
        source = self.move(mount.source) if mount.is_bind else mount.source
        return ":".join(part for part in (source, mount.target, mount.options) if part)

    def move_develop(self, value: Raw) -> Raw:
        """The rules of ``develop.watch``."""
        if not isinstance(value, dict) or not isinstance(value.get("watch"), list):
            return value
        rules = value["watch"]
        assert isinstance(rules, list)
        return {**value, "watch": [self._move_key(rule, "path") for rule in rules]}

    def move_raw(self, key: str, value: Raw) -> Raw:
        """Raw settings that name paths next to the file."""
        if self.stays:
            return value
        if key == "build":
            if isinstance(value, dict):
                return self.move_build(value)
            return self.move_context(str(value))
        if key == "volumes" and isinstance(value, list):
            return [self._move_raw_mount(item) for item in value]
        if key == "env_file":
            return [self.move_env_file(item) for item in _to_list(value)]
        if key == "develop":
            return self.move_develop(value)
        if key == "label_file":
            return [self.move(str(item)) for item in _to_list(value)]
        if key == "configs" and isinstance(value, dict):
            return {name: self._move_key(item, "file") for name, item in value.items()}
        if key == "include" and isinstance(value, list):
            return [self._move_include(item) for item in value]
        return value

    def _move_include(self, item: Raw) -> Raw:
        if isinstance(item, str):
            return self.move(item)
        if not isinstance(item, dict):
            return item
        moved = dict(item)
        for key in ("path", "env_file", "project_directory"):
            if isinstance(moved.get(key), list):
                moved[key] = [self.move(str(path)) for path in _to_list(moved[key])]
            elif key in moved:
                moved[key] = self.move(str(moved[key]))
        return moved

    def _move_key(self, item: Raw, key: str) -> Raw:
        if isinstance(item, dict) and isinstance(item.get(key), str):
            return {**item, key: self.move(str(item[key]))}
        return item

    def _move_raw_mount(self, item: Raw) -> Raw:
        if isinstance(item, dict):
            return (
                self._move_key(item, "source") if item.get("type") == "bind" else item
            )
        text = str(item)
        return self.move(text) if text.startswith(".") else text


def _to_list(value: Raw) -> list[Raw]:
    return value if isinstance(value, list) else [value]
