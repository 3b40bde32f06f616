"""Parts of the JSON Schema that several keys share."""

from __future__ import annotations

from composegen.stackfile.keys.key import Schema

PLAIN_TEXT: Schema = {"type": "string"}
TEXT: Schema = {"type": ["string", "number", "boolean"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
TEXT_OR_TEXTS: Schema = {"anyOf": [TEXT, TEXTS]}
BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": ["integer", "string"]}
COUNT: Schema = {**NUMBER, "minimum": 1}
PORT: Schema = {**COUNT, "maximum": 65535}
DURATION: Schema = {
    "type": "string",
    "pattern": r"^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$|\$",
    "examples": ["30s", "1m30s", "500ms"],
}
SIZE: Schema = {"type": ["string", "integer"], "examples": ["512M", "2G"]}
TEXT_MAP: Schema = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/value"}},
        TEXTS,
    ]
}
ENV_MAP: Schema = {"type": "object", "additionalProperties": TEXT}
RAW: Schema = {"type": "object"}


def say(schema: Schema, description: str) -> Schema:
    """A schema with what an editor says about it."""
    return {**schema, "description": description}


def make_object(properties: Schema) -> Schema:
    """The schema of a mapping that has these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
