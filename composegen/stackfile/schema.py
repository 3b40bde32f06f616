"""The JSON Schema of stack files, for editors; the loader is the judge."""

from __future__ import annotations

from composegen.stackfile.keys import own, shapes
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.shapes import make_object, say
from composegen.values import SERVICE_NAME


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
            "name": say(shapes.PLAIN_TEXT, "The name of the project"),
            "services": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "patternProperties": {f"^{SERVICE_NAME.pattern}$": _make_service()},
            },
            "volumes": say(
                {
                    "type": "object",
                    "additionalProperties": {"type": ["object", "null"]},
                },
                "Options of named volumes; a volume needs no declaration",
            ),
            "secrets": {"type": "object", "additionalProperties": _make_secret()},
            "recipes": say(shapes.PLAIN_TEXT, "A folder with your own recipes"),
            "relax": own.RELAX_SCHEMA,
            "compose": say(shapes.RAW, "Raw settings of Compose's top level"),
        },
        "$defs": {"value": {"type": ["string", "number", "boolean", "null"]}},
    }


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _make_service() -> Schema:
    return make_object({key.name: _nullable(key.schema) for key in KEYS.values()})


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
