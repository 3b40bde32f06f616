"""The keys of a stack file: which there are and what type each one wants.

A service becomes a draft, a dictionary of typed values by key in which ``REMOVED``
stands for null; ``loader`` lays drafts over each other and makes the model of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from composegen.stackfile.keys.compose import Draft, to_plain
from composegen.stackfile.keys.own import OwnKeys
from composegen.stackfile.nodes import MappingNode, Node, is_null
from composegen.stackfile.reader import REMOVED, Path
from composegen.text import find_near, shorten


class ShapeReader(OwnKeys):
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

    def _add_strange_key(
        self, key: str, key_node: Node, value: Node, node: Node
    ) -> None:
        if isinstance(node, MappingNode) and self.source.find_lost_comma(
            node, key_node, value
        ):
            self.add_lost_comma(key, key_node)
            return
        from composegen.stackfile.hints.keys import translate_key

        translation = translate_key(key, to_plain(value))
        if translation:
            self.add("compose-key", translation[0], key_node, translation[1])
        else:
            known = [*SERVICE_KEYS, "depends_on", "healthcheck", "ports", "networks"]
            near = find_near(key, known)
            if near and near not in SERVICE_KEYS:
                translated = translate_key(near, to_plain(value))
                assert translated is not None
                self.add(
                    "unknown-key",
                    f"a service has no key `{shorten(key)}`",
                    key_node,
                    translated[1],
                )
            else:
                self.add_unknown_key(key, key_node, "a service", SERVICE_KEYS)


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
    "tmpfs": ShapeReader._tmpfs,
    "cap_add": ShapeReader._texts,
    "hostname": ShapeReader._text,
    "platform": ShapeReader._text,
    "labels": ShapeReader._labels,
    "stop_signal": ShapeReader._text,
    "stop_grace_period": ShapeReader._duration,
    "shm_size": ShapeReader._size,
    "ulimits": ShapeReader._ulimits,
    "extra_hosts": ShapeReader._extra_hosts,
    "tty": ShapeReader._switch,
    "stdin_open": ShapeReader._switch,
    "devices": ShapeReader._raw_list,
    "sysctls": ShapeReader._sysctls,
    "develop": ShapeReader._raw,
    "pull_policy": ShapeReader._pull_policy,
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
