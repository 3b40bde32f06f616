"""The other words of composegen: publish, resources, secrets, relax, local, compose."""

from __future__ import annotations

import re
from typing import Any

from composegen.model import RELAXABLE
from composegen.stackfile.keys.compose import Draft, to_plain
from composegen.stackfile.keys.needs import NeedKeys
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    is_null,
)
from composegen.stackfile.reader import Path
from composegen.text import shorten
from composegen.values import (
    ENV_NAME,
    SECRET_NAME,
    Port,
    parse_published_port,
    parse_size,
)

REFUSED_RAW = {
    "depends_on": "write the edge in `needs`",
    "healthcheck": "write it in `health`",
    "ports": "write them in `publish`",
    "secrets": "write them in `secrets`",
    "scale": "write `replicas`",
    "profiles": "write `enabled: false` and ask for it with `--with`",
    "extends": "use an anchor and `<<`",
}
_CPUS = re.compile(r"\d{1,4}(\.\d{1,3})?|\.\d{1,3}", re.ASCII)


class OwnKeys(NeedKeys):
    """Reads the words that exist for what Compose lacks."""

    def _publish(self, node: Node, path: Path) -> Any:
        if isinstance(node, SequenceNode):
            ports = [self._read_published(item) for item in node.value]
            return [port for port in ports if port is not None]
        if isinstance(node, ScalarNode) and node.value == "true" and not node.style:
            return True
        if isinstance(node, ScalarNode) and node.value == "false" and not node.style:
            return []
        port = self._read_published(node)
        return None if port is None else [port]

    def _read_published(self, node: Node) -> Port | None:
        if isinstance(node, MappingNode):
            self.add_type(
                node, "a port in the short form", 'write "127.0.0.1:8080:80" or 8080:80'
            )
            return None
        text = self.read_text(node, "a port")
        if text is None:
            return None
        try:
            return parse_published_port(text)
        except ValueError as error:
            self.add("bad-port", f"`{shorten(text)}` is no port", node, str(error))
            return None

    def _resources(self, node: Node, path: Path) -> Any:
        keys = ("cpus", "memory", "pids")
        found = self.read_known(node, "a mapping", "`resources`", keys)
        if found is None:
            return None
        draft: Draft = {}
        if "cpus" in found:
            draft["cpus"] = self._read_cpus(found["cpus"][1])
        if "memory" in found:
            draft["memory"] = self._read_memory(found["memory"][1])
        if "pids" in found:
            draft["pids"] = self.read_integer(found["pids"][1], least=1, most=4_194_304)
        return {key: value for key, value in draft.items() if value is not None}

    def _read_cpus(self, node: Node) -> str | None:
        text = self.read_text(node, "a number of processors", variables=False)
        if text is not None and (not _CPUS.fullmatch(text) or float(text) <= 0):
            self.add(
                "wrong-type", f"`{shorten(text)}` is no number of processors", node
            )
            return None
        return text

    def _read_memory(self, node: Node) -> str | None:
        text = self.read_size(node)
        least = 6 * 1024 * 1024
        if text is not None and parse_size(text) < least:
            self.add(
                "bad-size",
                f"`{text}` is less than a container can have",
                node,
                "at least 6M; a size without a unit is a number of bytes",
            )
            return None
        return text

    def _secrets(self, node: Node, path: Path) -> Any:
        secrets: dict[str, list[str]] = {}
        if isinstance(node, SequenceNode):
            for item in node.value:
                name = self._read_listed_secret(item)
                if name is not None:
                    self.nodes[*path, name] = item
                    secrets[name] = [make_file_variable(name)]
            return secrets
        pairs = self.read_pairs(node, "a list of secrets or a mapping")
        if pairs is None:
            return None
        for name, key_node, value in pairs:
            self.nodes[*path, name] = key_node
            if not self._check_secret_name(name, key_node):
                continue
            if is_null(value):
                secrets[name] = [make_file_variable(name)]
                continue
            variable = self.read_text(value, "the name of a variable", variables=False)
            if variable is None:
                continue
            if ENV_NAME.fullmatch(variable):
                secrets[name] = [variable]
            else:
                self.add_bad_env_name(variable, value)
        return secrets

    def _read_listed_secret(self, node: Node) -> str | None:
        if isinstance(node, MappingNode):
            plain = to_plain(node)
            source = plain.get("source") if isinstance(plain, dict) else None
            wanted = str(source or "db-password")
            self.add(
                "compose-key",
                "a secret's long form is a mapping here",
                node,
                f"secrets: {{{wanted}: {make_file_variable(wanted)}}}",
            )
            return None
        name = self.read_text(node, "the name of a secret", variables=False)
        if name is None or not self._check_secret_name(name, node):
            return None
        return name

    def _check_secret_name(self, name: str, node: Node) -> bool:
        if SECRET_NAME.fullmatch(name):
            return True
        self.add(
            "bad-name",
            f"`{shorten(name)}` cannot be the name of a secret",
            node,
            "letters, digits, _ and - , beginning with a letter or a digit",
        )
        return False

    def _relax(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            reason = self._read_reason(node)
            return None if reason is None else dict.fromkeys(RELAXABLE, reason)
        found = self.read_known(node, "a mapping or a reason", "`relax`", RELAXABLE)
        if found is None:
            return None
        relax: dict[str, str] = {}
        for key, (key_node, value) in found.items():
            self.nodes[*path, key] = key_node
            reason = self._read_reason(value)
            if reason is not None:
                relax[key] = reason
        return relax

    def _read_reason(self, node: Node) -> str | None:
        reason = self.read_line(node, "the reason")
        if reason is not None and reason.lower() in {"true", "false", "yes", "no"}:
            self.add(
                "wrong-type",
                f"`{reason}` is no reason: what stands in `relax` is switched off",
                node,
                "say why, or leave the line out to keep the protection",
            )
            return None
        return reason

    def _local(self, node: Node, path: Path) -> Any:
        keys = ("command", "dir", "port", "env")
        found = self.read_known(node, "a mapping", "`local`", keys)
        if found is None:
            return None
        draft: Draft = {}
        if "command" in found:
            draft["command"] = self._command(found["command"][1], ())
            if draft["command"] in ("", []):
                self.add(
                    "wrong-type",
                    "the command is empty",
                    found["command"][0],
                    "say what to run",
                )
        if "dir" in found:
            draft["dir"] = self.read_text(found["dir"][1], "a folder", variables=False)
        if "port" in found:
            draft["port"] = self.read_port(found["port"][1])
        if "env" in found:
            draft["env"] = self.read_text_map(
                found["env"][1], (*path, "env"), name_of=ENV_NAME
            )
        return {key: value for key, value in draft.items() if value is not None}

    def _compose(self, node: Node, path: Path) -> Any:
        pairs = self.read_pairs(node, "a mapping of Compose's keys")
        if pairs is None:
            return None
        for key, key_node, value in pairs:
            self.nodes[*path, key] = key_node
            help = REFUSED_RAW.get(key)
            if key == "network_mode" and to_plain(value) != "host":
                help = "only `host` is taken"
            if key == "deploy" and isinstance(value, MappingNode):
                self._check_raw_deploy(value)
            if help:
                self._add_computed(key, key_node, help)
        return self.read_raw(node)

    def _check_raw_deploy(self, node: MappingNode) -> None:
        for key, key_node, value in self.source.pairs(node):
            if key == "replicas":
                self._add_computed("deploy.replicas", key_node, "write `replicas`")
            elif key == "resources" and isinstance(value, MappingNode):
                for inner, inner_node, _ in self.source.pairs(value):
                    if inner == "limits":
                        self._add_computed(
                            "deploy.resources.limits", inner_node, "write `resources`"
                        )

    def _add_computed(self, key: str, node: Node, help: str) -> None:
        self.add(
            "computed-key",
            f"`{key}` is what composegen itself writes, so that gates cannot lie",
            node,
            help,
        )


def make_file_variable(secret: str) -> str:
    """The variable that gets the path of a secret's file, unless another is named."""
    return secret.upper().replace("-", "_") + "_FILE"
