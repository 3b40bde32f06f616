"""The JSON Schema of stack files, for editors; the loader is the judge."""

from __future__ import annotations

from typing import Any, TypeAlias

from composegen.model import RELAXABLE
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.asking import TOOLS
from composegen.values import SERVICE_NAME

Schema: TypeAlias = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_TEXT_OR_TEXTS: Schema = {"anyOf": [_TEXT, _TEXTS]}
_BOOLEAN: Schema = {"type": "boolean"}
_PORT: Schema = {"type": ["integer", "string"], "minimum": 1, "maximum": 65535}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$",
    "examples": ["30s", "1m30s", "500ms"],
}
_SIZE: Schema = {"type": ["string", "integer"], "examples": ["512M", "2G"]}
_TEXT_MAP: Schema = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/value"}},
        _TEXTS,
    ]
}
_ENV_MAP: Schema = {"type": "object", "additionalProperties": _TEXT}
_RAW: Schema = {"type": "object"}


def make_schema() -> Schema:
    """The schema of a whole stack file, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A composegen stack file",
        "type": "object",
        "required": ["services"],
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
        "properties": {
            "name": _say({"type": "string"}, "The project's name, written as it is"),
            "services": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "patternProperties": {f"^{SERVICE_NAME.pattern}$": _make_service()},
            },
            "volumes": _say(
                {
                    "type": "object",
                    "additionalProperties": {"type": ["object", "null"]},
                },
                "Options of named volumes; a volume needs no declaration",
            ),
            "secrets": {"type": "object", "additionalProperties": _make_secret()},
            "recipes": _say({"type": "string"}, "A folder of recipes of one's own"),
            "relax": _make_relax(),
            "compose": _say(_RAW, "Raw settings of Compose's top level"),
        },
        "$defs": {"value": {"type": ["string", "number", "boolean", "null"]}},
    }


def _say(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _make_service() -> Schema:
    keys = {**_make_compose_keys(), **_make_own_keys()}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _nullable(schema) for key, schema in keys.items()},
    }


def _make_compose_keys() -> Schema:
    """Compose's own keys, with Compose's meaning."""
    return {
        "image": {"type": "string"},
        "build": {"type": ["string", "object"]},
        "command": _TEXT_OR_TEXTS,
        "entrypoint": _TEXT_OR_TEXTS,
        "environment": _TEXT_MAP,
        "env_file": {"type": ["string", "array", "object"]},
        "volumes": {"type": "array", "items": {"type": ["string", "object"]}},
        "user": _TEXT,
        "working_dir": {"type": "string"},
        "tmpfs": _TEXT_OR_TEXTS,
        "cap_add": _TEXTS,
        "hostname": {"type": "string"},
        "platform": {"type": "string"},
        "labels": _TEXT_MAP,
        "stop_signal": _TEXT,
        "stop_grace_period": _DURATION,
        "shm_size": _SIZE,
        "ulimits": {"type": "object"},
        "extra_hosts": {"type": ["array", "object"]},
        "tty": _BOOLEAN,
        "stdin_open": _BOOLEAN,
        "devices": {"type": "array", "items": {"type": ["string", "object"]}},
        "sysctls": _TEXT_MAP,
        "develop": _RAW,
        "pull_policy": {"type": "string"},
        "dns": _TEXT_OR_TEXTS,
        "group_add": _TEXTS,
        "gpus": {"type": ["string", "array"]},
    }


def _make_own_keys() -> Schema:
    """The words that exist for what Compose lacks."""
    return {
        "use": _say({"type": "string"}, "A recipe: composegen recipes lists them"),
        "port": _say(_PORT, "The port it listens on"),
        "publish": _say(
            {"type": ["boolean", "integer", "string", "array"]},
            "Reachable on 127.0.0.1 of the host, unless an address is named",
        ),
        "health": _make_health(),
        "needs": _make_needs(),
        "job": _say(_BOOLEAN, "Runs to its end, and again at every up"),
        "enabled": _say(_BOOLEAN, "false: left out unless asked for with --with"),
        "replicas": {"type": ["integer", "string"], "minimum": 1},
        "resources": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cpus": {"type": ["number", "string"]},
                "memory": _SIZE,
                "pids": {"type": ["integer", "string"]},
            },
        },
        "secrets": _say(
            {"anyOf": [_TEXTS, {"type": "object", "additionalProperties": {}}]},
            f"Mounted in {ContainerAddressing.secret_folder}; a variable gets the path",
        ),
        "relax": _make_relax(),
        "local": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "command": _TEXT_OR_TEXTS,
                "dir": {"type": "string"},
                "port": _PORT,
                "env": _ENV_MAP,
            },
        },
        "compose": _say(_RAW, "Raw settings, merged as Compose merges override files"),
    }


def _make_health() -> Schema:
    options: Schema = {
        "http": {"type": "string", "pattern": "^/"},
        "tcp": {"const": True},
        "command": _TEXT_OR_TEXTS,
        "image": {"const": True},
        "none": _say({"type": ["string", "null"]}, "Why it cannot be asked"),
        "port": _PORT,
        "boot": _say(_DURATION, "Time to become ready; 60s unless said"),
        "interval": _DURATION,
        "timeout": _DURATION,
        "retries": {"type": ["integer", "string"]},
        "host": _say({"type": "string"}, "The Host header"),
        "tool": _say({"enum": list(TOOLS)}, "What in the image asks"),
    }
    return {
        "anyOf": [
            {"type": "string", "pattern": "^/"},
            {"enum": ["image", "none", "tcp"]},
            {"type": "object", "additionalProperties": False, "properties": options},
        ]
    }


def _make_needs() -> Schema:
    otherwise: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "env": _ENV_MAP,
            "replicas": {"type": ["integer", "string"], "minimum": 1},
            "note": {"type": "string"},
        },
        "description": "Makes the need optional: what changes when it is left out",
    }
    long_form: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "env": _ENV_MAP,
            "until": {"enum": ["healthy", "started", "finished"]},
            "otherwise": otherwise,
        },
    }
    short_form = {
        **_ENV_MAP,
        "propertyNames": {"not": {"enum": list(long_form["properties"])}},
    }
    need = {"anyOf": [{"type": ["string", "null"]}, long_form, short_form]}
    return {"anyOf": [_TEXTS, {"type": "object", "additionalProperties": need}]}


def _make_relax() -> Schema:
    return {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {"type": ["string", "null"]} for name in RELAXABLE
                },
            },
        ],
        "description": "Hardening to switch off, each with a reason",
    }


def _make_secret() -> Schema:
    kinds: list[Schema] = [
        {"env": {"type": "string"}},
        {"file": {"type": "string"}},
        {"generate": {"const": True}},
    ]
    return {
        "anyOf": [
            {"type": "null"},
            *(
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": list(kind),
                    "properties": kind,
                }
                for kind in kinds
            ),
        ]
    }
