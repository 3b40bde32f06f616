"""The key `needs`: what a service waits for, what it is told, what it does without."""

from __future__ import annotations

import re
from typing import Any

from composegen.model import Condition
from composegen.planning.placeholders import PLACEHOLDERS
from composegen.stackfile.keys.compose import Draft
from composegen.stackfile.keys.health import HealthKeys
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import REMOVED, Path
from composegen.text import find_near, shorten
from composegen.values import (
    ENV_NAME,
)

_LIKE_PLACEHOLDER = re.compile(r"\{ ?[A-Za-z_]+ ?\}")
NEED_KEYS = ("env", "until", "otherwise")


class NeedKeys(HealthKeys):
    """Reads `needs` in its short and long forms."""

    def _needs(self, node: Node, path: Path) -> Any:
        needs: dict[str, Draft] = {}
        if isinstance(node, SequenceNode):
            for item in node.value:
                name = self.read_text(item, "the name of a service", variables=False)
                if name is not None and name in needs:
                    self.add(
                        "duplicate-key",
                        f"`{name}` stands here a second time (first at "
                        f"{self.source.locate(self.nodes[*path, name])})",
                        item,
                        "keep one of the two",
                    )
                elif name is not None:
                    self.nodes[*path, name] = item
                    needs[name] = {}
            return needs
        if isinstance(node, ScalarNode):
            self.add_type(
                node,
                "a list of services or a mapping",
                f"needs: [{shorten(node.value)}]",
            )
            return None
        pairs = self.read_pairs(node, "a list of services or a mapping")
        if pairs is None:
            return None
        for name, key_node, value in pairs:
            self.nodes[*path, name] = key_node
            need = self._read_need(value, (*path, name))
            if need is not None:
                needs[name] = need
        return needs

    def _read_need(self, node: Node, path: Path) -> Draft | None:
        if is_null(node):
            return {}
        if isinstance(node, ScalarNode):
            name = self.read_text(node, "the name of a variable", variables=False)
            if name is None:
                return None
            if not ENV_NAME.fullmatch(name):
                self.add_bad_env_name(name, node)
                return None
            self.nodes[*path, "env", name] = node
            return {"env": {name: "{url_file}" if name.endswith("_FILE") else "{url}"}}
        pairs = self.read_pairs(node, "the name of a variable or a mapping")
        if pairs is None:
            return None
        keys = [key for key, _, _ in pairs]
        if any(key in NEED_KEYS for key in keys) or any(
            isinstance(value, MappingNode)
            or (key.islower() and find_near(key, NEED_KEYS))
            for key, _, value in pairs
        ):
            return self._read_long_need(node, path)
        env = self._read_need_env(node, path)
        return None if env is None else {"env": env}

    def _read_long_need(self, node: Node, path: Path) -> Draft | None:
        found = self._read_long_keys(node)
        if found is None:
            return None
        need: Draft = {}
        if "env" in found:
            need["env"] = self._read_need_env(found["env"][1], path) or {}
        if "until" in found:
            until = self._read_until(found["until"][1])
            if until is not None:
                need["until"] = until
        if "otherwise" in found:
            self.nodes[*path, "otherwise"] = found["otherwise"][0]
            otherwise = self._read_otherwise(found["otherwise"][1], path)
            if otherwise is not None:
                need["otherwise"] = otherwise
        return need

    def _read_long_keys(self, node: Node) -> dict[str, tuple[Node, Node]] | None:
        """The keys of the long form; variables do not stand beside them."""
        pairs = self.read_pairs(node, "a mapping")
        for key, key_node, value in pairs or ():
            looks_wired = key.isupper() and isinstance(value, ScalarNode)
            if key not in NEED_KEYS and looks_wired and ENV_NAME.fullmatch(key):
                self.add(
                    "unknown-key",
                    f"`{key}` stands beside `env`, `until` or `otherwise`",
                    key_node,
                    "variables go below `env`:\n"
                    f'env: {{{key}: "{shorten(value.value)}"}}',
                )
                return None
        return self.read_known(node, "a mapping", "a need", NEED_KEYS)

    def _read_until(self, node: Node) -> Condition | None:
        text = self.read_text(node, "a condition", variables=False)
        if text is None:
            return None
        known = [condition.value for condition in Condition]
        if text not in known:
            near = find_near(text.removeprefix("service_"), [*known, "completed"])
            near = "finished" if near.startswith("comp") else near
            self.add(
                "bad-condition",
                f"`{shorten(text)}` is nothing to wait for",
                node,
                f"did you mean `{near}`?" if near else "healthy, started or finished",
            )
            return None
        return Condition(text)

    def _read_need_env(self, node: Node, path: Path) -> dict[str, str] | None:
        env = self.read_text_map(node, (*path, "env"), name_of=ENV_NAME)
        if env is None:
            return None
        result: dict[str, str] = {}
        for name, text in env.items():
            key_node = self.nodes[*path, "env", name]
            if text is REMOVED:
                self.add(
                    "null-value",
                    f"`{name}` has no value",
                    key_node,
                    f'{name}: "{{url}}"',
                )
                continue
            for written in _LIKE_PLACEHOLDER.findall(text.replace("${", "$ ")):
                if written[1:-1] in PLACEHOLDERS:
                    continue
                near = find_near(written.strip("{} ").lower(), PLACEHOLDERS)
                if near:
                    self.add(
                        "near-placeholder",
                        f"`{written}` is passed on as text",
                        key_node,
                        f"did you mean `{{{near}}}`?",
                    )
            result[name] = text
        return result

    def _read_otherwise(self, node: Node, path: Path) -> Draft | None:
        found = self.read_known(
            node, "a mapping", "`otherwise`", ("env", "replicas", "note")
        )
        if found is None:
            return None
        otherwise: Draft = {}
        if "env" in found:
            where = (*path, "otherwise", "env")
            env = self.read_text_map(found["env"][1], where, name_of=ENV_NAME)
            otherwise["env"] = {}
            for name, text in (env or {}).items():
                if text is REMOVED:
                    self.add(
                        "null-value",
                        f"`{name}` has no value",
                        self.nodes[*where, name],
                        f'an empty text is written {name}: ""',
                    )
                else:
                    otherwise["env"][name] = text
        if "replicas" in found:
            otherwise["replicas"] = self._replicas(found["replicas"][1], ())
        if "note" in found:
            otherwise["note"] = self.read_line(found["note"][1], "a note") or ""
        return otherwise
