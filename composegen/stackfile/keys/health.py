"""The key `health`: how a service is asked whether it is ready."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from composegen.model import HealthKind
from composegen.planning.asking import TOOLS
from composegen.stackfile.keys.compose import ComposeKeys, Draft
from composegen.stackfile.nodes import Node, ScalarNode
from composegen.stackfile.reader import Path, describe
from composegen.text import find_near, shorten
from composegen.values import Duration

_HEALTH_KINDS = {kind.value: kind for kind in HealthKind}


class HealthKeys(ComposeKeys):
    """Reads `health`, short or long."""

    def _health(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            return self._read_short_health(node)
        found = self.read_known(node, "a path or a mapping", "`health`", HEALTH_KEYS)
        if found is None:
            return None
        kinds = [key for key in found if key in _HEALTH_KINDS]
        if len(kinds) > 1:
            self.add(
                "health-twice",
                f"`{kinds[0]}` and `{kinds[1]}` both say how to ask",
                found[kinds[1]][0],
                "keep one",
            )
            return None
        draft: Draft = {}
        for key, (key_node, value) in found.items():
            self.nodes[*path, key] = key_node
            read = HEALTH_KEYS[key](self, value)
            if read is not None:
                draft |= read if isinstance(read, dict) else {key: read}
        return draft

    def _read_short_health(self, node: ScalarNode) -> Draft | None:
        text = node.value
        if "$" in text and not self.check_variables(node, variables=False):
            return None
        if text == "image":
            return {"kind": HealthKind.IMAGE}
        if text == "none":
            return {"kind": HealthKind.NONE, "reason": ""}
        if text == "tcp":
            return {"kind": HealthKind.TCP}
        if text.startswith("/"):
            return self._health_http(node)
        self.add(
            "bad-health",
            f"{describe(node)} is no health check",
            node,
            "a path such as /health, `image`, or a mapping: {tcp: true}, "
            "{command: ..}, {none: why}",
        )
        return None

    def _health_http(self, node: Node) -> Draft | None:
        path = self.read_text(node, "a path", variables=False)
        if path is None:
            return None
        is_plain = path.isascii() and path.isprintable() and " " not in path
        if not path.startswith("/") or not is_plain:
            self.add(
                "bad-health",
                f"`{shorten(path)}` is no path",
                node,
                "a path begins with /; spaces and letters beyond ASCII are written %20",
            )
            return None
        return {"kind": HealthKind.HTTP, "path": path}

    def _health_true(self, kind: HealthKind) -> Callable[[Node], Draft | None]:
        def read(node: Node) -> Draft | None:
            if not isinstance(node, ScalarNode) or node.value != "true":
                self.add_type(node, "`true`", f"write `{{{kind}: true}}`")
                return None
            return {"kind": kind}

        return read

    def _health_command(self, node: Node) -> Draft | None:
        command = self._command(node, ())
        if command in ("", []):
            self.add("bad-health", "the command is empty", node, "say what to run")
            return None
        if command is None:
            return None
        return {
            "kind": HealthKind.COMMAND,
            "command": command if isinstance(command, str) else tuple(command),
        }

    def _health_none(self, node: Node) -> Draft | None:
        reason = self.read_line(node, "the reason")
        return None if reason is None else {"kind": HealthKind.NONE, "reason": reason}

    def _read_some_time(self, node: Node) -> Duration | None:
        """A duration that is not nothing: Docker would take its own default."""
        duration = self.read_duration(node)
        if duration is not None and duration.seconds <= 0:
            self.add("bad-duration", "this takes no time at all", node, "at least 1ms")
            return None
        return duration

    def _health_tool(self, node: Node) -> str | None:
        tool = self.read_text(node, "a tool", variables=False)
        if tool is not None and tool not in TOOLS:
            near = find_near(tool, TOOLS)
            self.add(
                "bad-tool",
                f"`{shorten(tool)}` cannot ask",
                node,
                (f"did you mean `{near}`? " if near else "")
                + f"one of {', '.join(TOOLS)}; anything else as {{command: ..}}",
            )
            return None
        return tool

    def _health_host(self, node: Node) -> str | None:
        host = self.read_text(node, "a host name", variables=False)
        if host is not None and not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", host):
            self.add("bad-name", f"`{shorten(host)}` is no host name", node)
            return None
        return host


HEALTH_KEYS: Mapping[str, Callable[[HealthKeys, Node], Any]] = {
    "http": HealthKeys._health_http,
    "tcp": lambda reader, node: reader._health_true(HealthKind.TCP)(node),
    "command": HealthKeys._health_command,
    "image": lambda reader, node: reader._health_true(HealthKind.IMAGE)(node),
    "none": HealthKeys._health_none,
    "port": HealthKeys.read_port,
    "boot": HealthKeys.read_duration,
    "interval": lambda reader, node: reader._read_some_time(node),
    "timeout": lambda reader, node: reader._read_some_time(node),
    "retries": lambda reader, node: reader.read_integer(node, least=1, most=10_000),
    "host": HealthKeys._health_host,
    "tool": HealthKeys._health_tool,
}
"""The keys of ``health``; the first five say how to ask."""
