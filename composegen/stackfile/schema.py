"""The JSON Schema of stack files, for editors; the loader is the judge."""

from __future__ import annotations

from composegen.stackfile.keys.key import Schema
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.shapes import make_object
from composegen.stackfile.keys.top import TOP_KEYS
from composegen.values import SERVICE_NAME


def make_schema() -> Schema:
    """The schema of a whole stack file, draft 2020-12."""
    properties = {key.name: key.schema for key in TOP_KEYS.values()}
    properties["services"] = {
        **properties["services"],
        "patternProperties": {f"^{SERVICE_NAME.pattern}$": _make_service()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A composegen stack file",
        "type": "object",
        "required": ["services"],
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
        "properties": properties,
        "$defs": {"value": {"type": ["string", "number", "boolean", "null"]}},
    }


def _make_service() -> Schema:
    return make_object(
        {key.name: {"anyOf": [key.schema, {"type": "null"}]} for key in KEYS.values()}
    )
