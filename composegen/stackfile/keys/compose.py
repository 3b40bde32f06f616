"""Keys of a service that are Compose's own: read as Compose means them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from composegen.images.reference import parse_image
from composegen.model import _WINDOWS_PATH, Mount, Raw, split_mount
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import REMOVED, Path, Reader
from composegen.text import find_near, shorten
from composegen.values import (
    ENV_NAME,
    VOLUME_NAME,
    has_variables,
)

Draft: TypeAlias = dict[str, Any]

BUILD_KEYS = (
    "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline "
    "entitlements extra_hosts isolation labels network no_cache no_cache_filter "
    "platforms privileged provenance pull sbom secrets shm_size ssh tags target ulimits"
).split()
PULL_POLICIES = "always build daily if_not_present missing never refresh weekly".split()


class ComposeKeys(Reader):
    """Reads the keys that Compose has too."""

    def read_known(
        self,
        node: Node,
        wanted: str,
        where: str,
        known: Mapping[str, Any] | tuple[str, ...],
    ) -> dict[str, tuple[Node, Node]] | None:
        """A mapping's pairs by key; keys that are not known are noted."""
        pairs = self.read_pairs(node, wanted)
        if pairs is None:
            return None
        found: dict[str, tuple[Node, Node]] = {}
        for key, key_node, value in pairs:
            if key in known:
                found[key] = (key_node, value)
            elif isinstance(node, MappingNode) and self.source.find_lost_comma(
                node, key_node, value
            ):
                self.add_lost_comma(key, key_node)
            else:
                self.add_unknown_key(key, key_node, where, known)
        return found

    def _text(self, node: Node, path: Path) -> Any:
        return self.read_text(node)

    def _bool(self, node: Node, path: Path) -> Any:
        return self.read_bool(node)

    def _switch(self, node: Node, path: Path) -> Any:
        passed = self._read_passed(node)
        return self.read_bool(node) if passed is None else passed

    def _read_passed(self, node: Node) -> str | None:
        """A text with variables in a key that nothing here computes with."""
        if isinstance(node, ScalarNode) and has_variables(node.value):
            return str(node.value)
        return None

    def _duration(self, node: Node, path: Path) -> Any:
        passed = self._read_passed(node)
        if passed is not None:
            return passed
        duration = self.read_duration(node)
        return None if duration is None else duration.text

    def _size(self, node: Node, path: Path) -> Any:
        passed = self._read_passed(node)
        return self.read_size(node) if passed is None else passed

    def _port(self, node: Node, path: Path) -> Any:
        return self.read_port(node)

    def _texts(self, node: Node, path: Path) -> Any:
        return self.read_texts(node)

    def _text_or_texts(self, node: Node, path: Path) -> Any:
        return self.read_text_or_texts(node)

    def _raw(self, node: Node, path: Path) -> Any:
        return self.read_raw(node)

    def _raw_list(self, node: Node, path: Path) -> Any:
        items = self.read_items(node, "a list")
        return None if items is None else [self.read_raw(item) for item in items]

    def _labels(self, node: Node, path: Path) -> Any:
        return self.read_text_map(node, path)

    def _environment(self, node: Node, path: Path) -> Any:
        return self.read_text_map(node, path, name_of=ENV_NAME)

    def _image(self, node: Node, path: Path) -> Any:
        text = self.read_text(node, "the name of an image")
        if text is None:
            return None
        if "$" in parse_image(text).path:
            self.add(
                "variable-here",
                "a variable may stand in an image's tag, or be its registry",
                node,
                "write the image's name; facts are looked up by it",
            )
            return None
        if not text.strip() or any(character.isspace() for character in text):
            self.add("bad-name", f"`{shorten(text)}` is no image", node)
            return None
        return text

    def _use(self, node: Node, path: Path) -> Any:
        return self.read_text(node, "the name of a recipe", variables=False)

    def _command(self, node: Node, path: Path) -> Any:
        if isinstance(node, SequenceNode):
            return self.read_texts(node)
        return self.read_text(node, "a text or a list of words")

    def _replicas(self, node: Node, path: Path) -> Any:
        return self.read_integer(node, least=1, most=1000)

    # Collections of Compose's

    def _build(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            text = self.read_text(node, "a folder")
            return None if text is None else {"context": text}
        pairs = self.read_pairs(node, "a folder or a mapping")
        if pairs is None:
            return None
        options: dict[str, Any] = {}
        for key, key_node, value in pairs:
            self.nodes[*path, key] = key_node
            if key not in BUILD_KEYS:
                self.add_unknown_key(key, key_node, "`build`", BUILD_KEYS)
            elif key == "args":
                arguments = self.read_text_map(value, (*path, key))
                if arguments is not None:
                    options[key] = {
                        name: None if text is REMOVED else text
                        for name, text in arguments.items()
                    }
            elif key in {"context", "dockerfile", "target"}:
                options[key] = self.read_text(value) or ""
            else:
                options[key] = self.read_raw(value)
        if "context" not in options and "dockerfile_inline" not in options:
            options = {"context": ".", **options}
        return options

    def _env_file(self, node: Node, path: Path) -> Any:
        items = node.value if isinstance(node, SequenceNode) else [node]
        files: list[Raw] = []
        for item in items:
            if isinstance(item, MappingNode):
                raw = self.read_raw(item)
                if not isinstance(raw, dict) or not isinstance(raw.get("path"), str):
                    self.add_type(item, "a mapping with a `path`")
                else:
                    files.append(raw)
            else:
                text = self.read_text(item, "a file")
                if text is not None:
                    files.append(text)
        return files

    def _volumes(self, node: Node, path: Path) -> Any:
        items = self.read_items(node, "a list of volumes")
        if items is None:
            return None
        mounts: list[Mount] = []
        for item in items:
            mount = self._read_mount(item)
            if mount is not None and not self._is_taken(path, mount.target, item):
                mounts.append(mount)
        return mounts

    def _is_taken(self, path: Path, target: str, node: Node) -> bool:
        """Whether something is mounted there already; the path is noted."""
        place = (*path, target.rstrip("/") or "/")
        if place in self.nodes and self.nodes[place] is not node:
            self.add(
                "duplicate-key",
                f"`{shorten(target)}` is mounted a second time (first at "
                f"{self.source.locate(self.nodes[place])})",
                node,
                "keep one of the two",
            )
            return True
        self.nodes[place] = node
        return False

    def _tmpfs(self, node: Node, path: Path) -> Any:
        items: list[Node] = [node]
        if not isinstance(node, ScalarNode):
            items = self.read_items(node, "a text or a list of texts") or []
        texts = []
        for item in items:
            text = self.read_text(item)
            if text is None:
                continue
            if not text.startswith(("/", "$")):
                self.add(
                    "bad-volume",
                    f"`{shorten(text)}` is no folder of the container",
                    item,
                    f"a path begins with /, as in /{shorten(text)}",
                )
            elif not self._is_taken(path, text.partition(":")[0], item):
                texts.append(text)
        return texts

    def _read_mount(self, node: Node) -> Mount | None:
        if isinstance(node, MappingNode):
            raw = self.read_raw(node)
            if not isinstance(raw, dict) or not isinstance(raw.get("target"), str):
                self.add_type(node, "a volume with a `target`")
                return None
            return Mount(
                source=str(raw.get("source") or ""), target=str(raw["target"]), long=raw
            )
        text = self.read_text(node, "a volume")
        if text is None:
            return None
        mount = split_mount(text)
        is_drive = bool(_WINDOWS_PATH.match(text))
        is_odd = mount is not None and not mount.target.startswith(("/", "$"))
        if mount is None or (is_odd and not (is_drive and not mount.source)):
            self.add(
                "bad-volume",
                f"`{shorten(text)}` is no volume",
                node,
                "SOURCE:/path/in/the/container, or /path alone for an anonymous volume",
            )
            return None
        if is_drive:
            if mount.source:
                return mount
            self.add(
                "bad-name",
                f"`{text[0]}` names no volume",
                node,
                "one letter is read as a Windows drive: take a longer name",
            )
            return None
        if mount.volume_name and not VOLUME_NAME.fullmatch(mount.volume_name):
            if "/" in mount.volume_name:
                help = f"a path begins with ./ : write ./{text}"
            else:
                help = "letters, digits and _ . - , at least two"
            self.add(
                "bad-name",
                f"`{shorten(mount.volume_name)}` names no volume",
                node,
                help,
            )
            return None
        return mount

    def _extra_hosts(self, node: Node, path: Path) -> Any:
        if isinstance(node, MappingNode):
            hosts = []
            for key, _, value in self.source.pairs(node):
                addresses = self.read_text_or_texts(value)
                hosts += [f"{key}={address}" for address in addresses or []]
            return hosts
        texts = self.read_texts(node)
        for text in texts or ():
            if not re.search(r"[=:]", text):
                self.add(
                    "wrong-type",
                    f"`{shorten(text)}` has no address",
                    node,
                    f'"{shorten(text)}=192.0.2.1", or =host-gateway',
                )
        return texts

    def _pull_policy(self, node: Node, path: Path) -> Any:
        text = self.read_text(node, "a policy")
        if text is None or text in PULL_POLICIES or "$" in text:
            return text
        if not text.startswith("every_"):
            near = find_near(text, PULL_POLICIES)
            self.add(
                "wrong-type",
                f"`{shorten(text)}` is no policy",
                node,
                f"did you mean `{near}`?" if near else ", ".join(PULL_POLICIES),
            )
        return text

    def _ulimits(self, node: Node, path: Path) -> Any:
        pairs = self.read_pairs(node, "a mapping")
        if pairs is None:
            return None
        limits: dict[str, Raw] = {}
        for key, _, value in pairs:
            if isinstance(value, MappingNode):
                both = self.read_known(
                    value, "soft and hard", "a limit", ("soft", "hard")
                )
                if both is not None and len(both) == 1:
                    self.add(
                        "wrong-type",
                        "a limit in two parts has `soft` and `hard`",
                        value,
                        f"one number stands for both: {shorten(key)}: 65536",
                    )
                limits[key] = {
                    name: self._read_limit(item)
                    for name, (_, item) in (both or {}).items()
                }
            else:
                limits[key] = self._read_limit(value)
        return limits

    def _read_limit(self, node: Node) -> Raw:
        passed = self._read_passed(node)
        return (
            self.read_integer(node, least=-1, most=2**62) if passed is None else passed
        )

    def _sysctls(self, node: Node, path: Path) -> Any:
        return self.read_text_map(node, path)


def to_plain(node: Node) -> Raw:
    """A node as plain data: every scalar the text that was written, nothing noted.

    Merge keys are merged.
    """
    if isinstance(node, MappingNode):
        own: dict[str, Raw] = {}
        merged: dict[str, Raw] = {}
        for key, value in node.value:
            plain = to_plain(value)
            if key.value == "<<" and not key.style:
                for each in plain if isinstance(plain, list) else [plain]:
                    merged = {**(each if isinstance(each, dict) else {}), **merged}
            else:
                own[str(key.value)] = plain
        return {**merged, **own}
    if isinstance(node, SequenceNode):
        return [to_plain(item) for item in node.value]
    return None if is_null(node) else str(node.value)
