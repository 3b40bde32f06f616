"""The keys of a service, in one table: a new key is one entry of it."""

from __future__ import annotations

from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.keys import (
    compose,
    drill,
    health,
    mounts,
    needs,
    networks,
    own,
    shapes,
)
from composegen.stackfile.keys.key import Draft, Key, add_items, merge_names
from composegen.stackfile.keys.words import WORDS
from composegen.stackfile.nodes import MappingNode, Node, is_null
from composegen.stackfile.reader import REMOVED, Reader
from composegen.stackfile.text_map import read_text_map
from composegen.stackfile.tree import to_plain
from composegen.text import find_near, shorten

_TABLE = (
    # Compose's own, with Compose's meaning
    Key("image", compose.read_image, shapes.PLAIN_TEXT, is_brought=True),
    Key("build", compose.read_build, {"type": ["string", "object"]}),
    Key("command", compose.read_command, shapes.TEXT_OR_TEXTS, is_passed=True),
    Key("entrypoint", compose.read_command, shapes.TEXT_OR_TEXTS, is_passed=True),
    Key(
        "environment",
        compose.read_environment,
        shapes.TEXT_MAP,
        merge=merge_names,
        is_brought=True,
    ),
    Key("env_file", compose.read_env_file, {"type": ["string", "array", "object"]}),
    Key("volumes", mounts.read_volumes, mounts.SCHEMA, merge=mounts.merge_mounts),
    Key("user", compose.read_text, shapes.TEXT),
    Key("working_dir", compose.read_text, shapes.PLAIN_TEXT, is_passed=True),
    Key("tmpfs", mounts.read_tmpfs, shapes.TEXT_OR_TEXTS, merge=mounts.merge_tmpfs),
    Key("cap_add", compose.read_texts, shapes.TEXTS, merge=add_items),
    Key("networks", networks.read_networks, networks.SCHEMA),
    Key("network_mode", networks.read_network_mode, networks.MODE_SCHEMA),
    Key(
        "aliases",
        networks.read_aliases,
        shapes.say(shapes.TEXTS, "Further names on every network that it is on"),
    ),
    Key("hostname", compose.read_text, shapes.PLAIN_TEXT, is_passed=True),
    Key("platform", compose.read_text, shapes.PLAIN_TEXT, is_passed=True),
    Key(
        "labels",
        read_text_map,
        shapes.TEXT_MAP,
        merge=merge_names,
        is_brought=True,
    ),
    Key("restart", compose.read_restart, compose.RESTART_SCHEMA),
    Key("stop_signal", compose.read_text, shapes.TEXT, is_passed=True),
    Key("stop_grace_period", compose.read_duration, shapes.DURATION, is_passed=True),
    Key("shm_size", compose.read_size, shapes.SIZE, is_passed=True),
    Key("ulimits", compose.read_ulimits, shapes.RAW, is_passed=True),
    Key(
        "extra_hosts",
        compose.read_extra_hosts,
        {"type": ["array", "object"]},
        is_passed=True,
    ),
    Key("tty", compose.read_switch, shapes.BOOLEAN, is_passed=True),
    Key("stdin_open", compose.read_switch, shapes.BOOLEAN, is_passed=True),
    Key("devices", compose.read_raw_list, mounts.SCHEMA, is_passed=True),
    Key(
        "sysctls",
        read_text_map,
        shapes.TEXT_MAP,
        merge=merge_names,
        is_passed=True,
    ),
    Key("develop", compose.read_raw, shapes.RAW, is_passed=True),
    Key("pull_policy", compose.read_pull_policy, shapes.PLAIN_TEXT, is_passed=True),
    Key("dns", compose.read_text_or_texts, shapes.TEXT_OR_TEXTS, is_passed=True),
    Key("group_add", compose.read_texts, shapes.TEXTS, is_passed=True),
    Key("gpus", compose.read_raw, {"type": ["string", "array"]}, is_passed=True),
    # The words that exist for what Compose lacks
    Key(
        "use",
        compose.read_use,
        shapes.say(shapes.PLAIN_TEXT, "A recipe: composegen recipes lists them"),
    ),
    Key(
        "port",
        compose.read_port,
        shapes.say(shapes.PORT, "The port it listens on"),
        is_brought=True,
    ),
    Key("publish", own.read_publish, own.PUBLISH_SCHEMA),
    Key(
        "health",
        health.read_health,
        health.SCHEMA,
        merge=health.merge_health,
        is_brought=True,
    ),
    Key("needs", needs.read_needs, needs.SCHEMA),
    Key(
        "job",
        compose.read_bool,
        shapes.say(shapes.BOOLEAN, "Runs to its end, and again at every up"),
    ),
    Key(
        "enabled",
        compose.read_bool,
        shapes.say(
            shapes.BOOLEAN,
            "false: excluded unless --with; true: included, needed or not",
        ),
    ),
    Key(
        "group",
        own.read_group,
        shapes.say(shapes.TEXT_OR_TEXTS, "Excluded unless its group is: --with @NAME"),
    ),
    Key(
        "one_of",
        own.read_one_of,
        shapes.say(
            {**shapes.TEXTS, "minItems": 2},
            "The service is one of these: the first, or the one of --with",
        ),
    ),
    Key("replicas", compose.read_replicas, shapes.COUNT),
    Key("resources", own.read_resources, own.RESOURCES_SCHEMA, merge=merge_names),
    Key("secrets", own.read_secrets, own.SECRETS_SCHEMA, merge=merge_names),
    Key("relax", own.read_relax, own.RELAX_SCHEMA, merge=merge_names),
    Key(
        "local",
        own.read_local,
        own.LOCAL_SCHEMA,
        merge=own.merge_local,
        is_brought=True,
    ),
    Key("drill", drill.read_drill, drill.SCHEMA),
    Key("compose", own.read_compose, own.COMPOSE_SCHEMA),
)

KEYS = {key.name: key for key in _TABLE}
"""Every key of a service by its name, in the order of the schema."""


def read_service(reader: Reader, name: str, node: Node) -> Draft:
    """The draft of a service."""
    draft: Draft = {}
    if is_null(node):
        reader.add(
            "null-value",
            f"`{name}` is empty; a service needs at least `image`, `build` or `use`",
            node,
            f"for example:\n{write_inline(name)}: {{use: nginx}}",
        )
        return draft
    pairs = reader.read_pairs(node, "the keys of a service")
    for key, key_node, value in pairs or []:
        path = ("services", name, key)
        reader.nodes[path] = key_node
        if key not in KEYS:
            _add_strange_key(reader, key, key_node, value, node)
        elif is_null(value):
            draft[key] = REMOVED
        else:
            read = KEYS[key].read(reader, value, path)
            if read is not None:
                draft[key] = read
    return draft


def _add_strange_key(
    reader: Reader, key: str, key_node: Node, value: Node, node: Node
) -> None:
    if isinstance(node, MappingNode) and reader.source.find_lost_comma(
        node, key_node, value
    ):
        reader.add_lost_comma(key, key_node)
        return
    from composegen.stackfile.hints.keys import translate_key

    translation = translate_key(key, to_plain(value))
    if translation:
        reader.add("compose-key", translation[0], key_node, translation[1])
        return
    near = find_near(key, [*KEYS, *WORDS])
    if not near or near in KEYS:
        reader.add_unknown_key(key, key_node, "a service", KEYS)
        return
    translated = translate_key(near, to_plain(value))
    assert translated is not None
    reader.add(
        "unknown-key", f"a service has no key `{shorten(key)}`", key_node, translated[1]
    )
