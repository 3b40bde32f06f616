"""The keys of a stack file: which there are and what type each one wants.

A service becomes a draft, a dictionary of typed values by key in which ``REMOVED``
stands for null; ``loader`` lays drafts over each other and makes the model of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from composegen.model import RELAXABLE, Condition, HealthKind, Mount, Raw
from composegen.reading import (
    REMOVED,
    Path,
    Reader,
    describe,
    find_near,
    shorten,
)
from composegen.source import MappingNode, Node, ScalarNode, SequenceNode, is_null
from composegen.translate import translate_key
from composegen.values import (
    ENV_NAME,
    SECRET_NAME,
    VOLUME_NAME,
    Port,
    parse_published_port,
    parse_size,
)

Draft: TypeAlias = dict[str, Any]

TOOLS = ("python3", "python", "node", "wget", "curl", "bash", "php")
PLACEHOLDERS = (
    "url",
    "host",
    "port",
    "user",
    "password",
    "database",
    "service",
    "public_url",
    "password_file",
    "url_file",
)
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
NEED_KEYS = ("env", "until", "otherwise")
REFUSED_RAW = {
    "depends_on": "write the edge in `needs`",
    "healthcheck": "write it in `health`",
    "ports": "write them in `publish`",
    "secrets": "write them in `secrets`",
    "scale": "write `replicas`",
    "profiles": "write `enabled: false` and ask for it with `--with`",
    "extends": "use an anchor and `<<`",
}
_HEALTH_KINDS = {kind.value: kind for kind in HealthKind}
_CPUS = re.compile(r"\d{1,4}(\.\d{1,3})?|\.\d{1,3}", re.ASCII)
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]")


class ShapeReader(Reader):
    """Reads services, key by key, into drafts."""

    def read_service(self, name: str, node: Node) -> Draft:
        """The draft of a service."""
        draft: Draft = {}
        pairs = self.read_pairs(node, "the keys of a service")
        for key, key_node, value in pairs or []:
            path = ("services", name, key)
            self.nodes[path] = key_node
            if key not in SERVICE_KEYS:
                self._add_strange_key(key, key_node, value, node)
            elif is_null(value):
                draft[key] = REMOVED
            else:
                read = SERVICE_KEYS[key](self, value, path)
                if read is not None:
                    draft[key] = read
        return draft

    def _add_strange_key(self, key: str, key_node: Node, value: Node, node: Node) -> None:
        if isinstance(node, MappingNode) and self.source.find_lost_comma(
            node, key_node, value
        ):
            self.add_lost_comma(key, key_node)
            return
        translation = translate_key(key, to_plain(value))
        if translation:
            self.add("compose-key", translation[0], key_node, translation[1])
        else:
            known = [*SERVICE_KEYS, "depends_on", "healthcheck", "ports", "networks"]
            near = find_near(key, known)
            if near and near not in SERVICE_KEYS:
                translated = translate_key(near, to_plain(value))
                assert translated is not None  # noqa: S101 - near is a Compose key
                self.add(
                    "unknown-key",
                    f"a service has no key `{shorten(key)}`",
                    key_node,
                    translated[1],
                )
            else:
                self.add_unknown_key(key, key_node, "a service", SERVICE_KEYS)

    def read_known(
        self, node: Node, wanted: str, where: str, known: Mapping[str, Any] | tuple[str, ...]
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

    # Texts and other plain types

    def _text(self, node: Node, path: Path) -> Any:
        return self.read_text(node)

    def _bool(self, node: Node, path: Path) -> Any:
        return self.read_bool(node)

    def _duration(self, node: Node, path: Path) -> Any:
        duration = self.read_duration(node)
        return None if duration is None else duration.text

    def _size(self, node: Node, path: Path) -> Any:
        return self.read_size(node)

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
        name = re.sub(r"^[^/]*\$\{[^}]*\}[^/]*/", "", text)
        before_tag = re.sub(r"(?<=[\w}]):[^/]*$", "", name)
        if "$" in before_tag:
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
            if key == "args":
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
            if mount is not None:
                self.nodes[*path, mount.target] = item
                mounts.append(mount)
        return mounts

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
        if mount is None or not mount.target.startswith(("/", "$")):
            self.add(
                "bad-volume",
                f"`{shorten(text)}` is no volume",
                node,
                "SOURCE:/path/in/the/container, or /path alone for an anonymous volume",
            )
            return None
        if _WINDOWS_PATH.match(text):
            return mount
        if mount.volume_name and not VOLUME_NAME.fullmatch(mount.volume_name):
            if len(mount.volume_name) == 1:
                help = "one letter is read as a Windows drive: take a longer name"
            elif "/" in mount.volume_name:
                help = f"a path begins with ./ : write ./{text}"
            else:
                help = "letters, digits and _ . - , at least two"
            self.add(
                "bad-name", f"`{shorten(mount.volume_name)}` names no volume", node, help
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
        return self.read_texts(node)

    def _ulimits(self, node: Node, path: Path) -> Any:
        pairs = self.read_pairs(node, "a mapping")
        if pairs is None:
            return None
        limits: dict[str, Raw] = {}
        for key, _, value in pairs:
            if isinstance(value, MappingNode):
                both = self.read_known(value, "soft and hard", "a limit", ("soft", "hard"))
                limits[key] = {
                    name: self._read_limit(item) for name, (_, item) in (both or {}).items()
                }
            else:
                limits[key] = self._read_limit(value)
        return limits

    def _read_limit(self, node: Node) -> Raw:
        return self.read_integer(node, least=-1, most=2**62)

    def _sysctls(self, node: Node, path: Path) -> Any:
        return self.read_text_map(node, path)

    # Words of composegen

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
        if not path.startswith("/") or not path.isprintable() or " " in path:
            self.add(
                "bad-health",
                f"`{shorten(path)}` is no path",
                node,
                "a path begins with / and has neither spaces nor line ends",
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

    def _needs(self, node: Node, path: Path) -> Any:
        needs: dict[str, Draft] = {}
        if isinstance(node, SequenceNode):
            for item in node.value:
                name = self.read_text(item, "the name of a service", variables=False)
                if name is not None and name in needs:
                    self.add(
                        "duplicate-key",
                        f"`{name}` stands here a second time",
                        item,
                        "keep one of the two",
                    )
                elif name is not None:
                    self.nodes[*path, name] = item
                    needs[name] = {}
            return needs
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
            isinstance(value, MappingNode) or (key.islower() and find_near(key, NEED_KEYS))
            for key, _, value in pairs
        ):
            return self._read_long_need(node, path)
        env = self._read_need_env(node, path)
        return None if env is None else {"env": env}

    def _read_long_need(self, node: Node, path: Path) -> Draft | None:
        found = self.read_known(node, "a mapping", "a need", NEED_KEYS)
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

    def _read_until(self, node: Node) -> Condition | None:
        text = self.read_text(node, "a condition", variables=False)
        if text is None:
            return None
        if text not in {condition.value for condition in Condition}:
            self.add(
                "bad-condition",
                f"`{shorten(text)}` is nothing to wait for",
                node,
                "healthy, started or finished",
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
                    "null-value", f"`{name}` has no value", key_node, f'{name}: "{{url}}"'
                )
                continue
            for word in PLACEHOLDER.findall(text):
                near = find_near(word, PLACEHOLDERS)
                if word not in PLACEHOLDERS and near:
                    self.add(
                        "near-placeholder",
                        f"`{{{word}}}` is passed on as text",
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
            self.add("wrong-type", f"`{shorten(text)}` is no number of processors", node)
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
                if isinstance(item, MappingNode):
                    self.add(
                        "compose-key",
                        "a secret's long form is a mapping here",
                        item,
                        "secrets: {db-password: POSTGRES_PASSWORD_FILE}",
                    )
                    continue
                name = self.read_text(item, "the name of a secret", variables=False)
                if name is not None and self._check_secret_name(name, item):
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
            reason = self.read_line(node, "the reason")
            return None if reason is None else dict.fromkeys(RELAXABLE, reason)
        found = self.read_known(node, "a mapping or a reason", "`relax`", RELAXABLE)
        if found is None:
            return None
        relax: dict[str, str] = {}
        for key, (key_node, value) in found.items():
            self.nodes[*path, key] = key_node
            reason = self.read_line(value, "the reason")
            if reason is not None:
                relax[key] = reason
        return relax

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
            f"`{key}` is computed, so that no gate can be made to lie",
            node,
            help,
        )


def make_file_variable(secret: str) -> str:
    """The variable that gets the path of a secret's file, unless another is named."""
    return secret.upper().replace("-", "_") + "_FILE"


def split_mount(text: str) -> Mount | None:
    """Compose's short form of a volume, ``[SOURCE:]TARGET[:OPTIONS]``."""
    parts: list[str] = []
    start, depth = 0, 0
    drive = 2 if _WINDOWS_PATH.match(text) else 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == ":" and depth == 0 and position >= drive:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    if len(parts) == 1:
        return Mount(target=parts[0])
    if len(parts) == 2 or len(parts) == 3:  # noqa: PLR2004, PLR1714 - the three parts
        options = parts[2] if len(parts) == 3 else ""  # noqa: PLR2004
        return Mount(source=parts[0], target=parts[1], options=options) if parts[0] else None
    return None


def to_plain(node: Node) -> Raw:
    """A node as plain data: every scalar the text that was written, nothing noted."""
    if isinstance(node, MappingNode):
        return {str(key.value): to_plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [to_plain(item) for item in node.value]
    return None if is_null(node) else str(node.value)


_Method: TypeAlias = Callable[[ShapeReader, Node, Path], Any]

SERVICE_KEYS: Mapping[str, _Method] = {
    "use": ShapeReader._use,
    "image": ShapeReader._image,
    "build": ShapeReader._build,
    "command": ShapeReader._command,
    "entrypoint": ShapeReader._command,
    "environment": ShapeReader._environment,
    "env_file": ShapeReader._env_file,
    "volumes": ShapeReader._volumes,
    "user": ShapeReader._text,
    "working_dir": ShapeReader._text,
    "tmpfs": ShapeReader._text_or_texts,
    "cap_add": ShapeReader._texts,
    "hostname": ShapeReader._text,
    "platform": ShapeReader._text,
    "labels": ShapeReader._labels,
    "stop_signal": ShapeReader._text,
    "stop_grace_period": ShapeReader._duration,
    "shm_size": ShapeReader._size,
    "ulimits": ShapeReader._ulimits,
    "extra_hosts": ShapeReader._extra_hosts,
    "tty": ShapeReader._bool,
    "stdin_open": ShapeReader._bool,
    "devices": ShapeReader._raw_list,
    "sysctls": ShapeReader._sysctls,
    "develop": ShapeReader._raw,
    "pull_policy": ShapeReader._text,
    "dns": ShapeReader._text_or_texts,
    "group_add": ShapeReader._texts,
    "gpus": ShapeReader._raw,
    "port": ShapeReader._port,
    "publish": ShapeReader._publish,
    "health": ShapeReader._health,
    "needs": ShapeReader._needs,
    "job": ShapeReader._bool,
    "enabled": ShapeReader._bool,
    "replicas": ShapeReader._replicas,
    "resources": ShapeReader._resources,
    "secrets": ShapeReader._secrets,
    "relax": ShapeReader._relax,
    "local": ShapeReader._local,
    "compose": ShapeReader._compose,
}
"""Every key of a service, in the order in which messages list them."""

PASSED_KEYS = (
    "command entrypoint working_dir hostname platform stop_signal stop_grace_period "
    "shm_size ulimits extra_hosts tty stdin_open devices sysctls develop pull_policy "
    "dns group_add gpus"
).split()
"""Keys that Compose reads as they are and nothing here computes with."""

HEALTH_KEYS: Mapping[str, Callable[[ShapeReader, Node], Any]] = {
    "http": ShapeReader._health_http,
    "tcp": lambda reader, node: reader._health_true(HealthKind.TCP)(node),
    "command": ShapeReader._health_command,
    "image": lambda reader, node: reader._health_true(HealthKind.IMAGE)(node),
    "none": ShapeReader._health_none,
    "port": ShapeReader.read_port,
    "boot": ShapeReader.read_duration,
    "interval": ShapeReader.read_duration,
    "timeout": ShapeReader.read_duration,
    "retries": lambda reader, node: reader.read_integer(node, least=1, most=10_000),
    "host": ShapeReader._health_host,
    "tool": ShapeReader._health_tool,
}
"""The keys of ``health``; the first five say how to ask."""
