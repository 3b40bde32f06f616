"""What an error of the YAML parser means for the author of the file."""

from __future__ import annotations

import re

import yaml

from composegen.errors import Location
from composegen.records import record, replace
from composegen.text import escape_control


@record
class Fault:
    """A syntax error in the words of a problem: its name, sentence, place and help."""

    name: str
    message: str
    location: Location
    help: str


def describe_error(error: yaml.MarkedYAMLError, location: Location) -> Fault:
    """What is wrong at the place that the parser names, which ``location`` is."""
    what = error.problem or error.context or "this is not YAML"
    column = location.column - 1
    at, before = location.text[column : column + 1], location.text[:column]
    if at == "\t" or (not before.strip() and "\t" in before) or "tab" in what:
        place = max(location.text.find("\t"), 0)
        return Fault(
            name="tab",
            message="a tab cannot indent in YAML",
            location=replace(location, column=place + 1, width=1),
            help="indent with spaces",
        )
    if "Unicode character escape" in what:
        escape = re.match(r"\\[uU]([0-9A-Fa-f]+)", location.text[column - 2 :])
        code = f"U+{escape[1].upper()}" if escape else "this escape"
        return Fault(
            name="bad-character",
            message=f"{code} is half a character",
            location=location,
            help="write the character itself",
        )
    if "undefined alias" in what:
        return Fault(
            name="unknown-alias",
            message=f"there is no anchor before this alias: {location.text.strip()}",
            location=location,
            help="an anchor `&name` must come before its alias `*name`",
        )
    context = error.context or ""
    if "expected a single document" in context or "another document" in what:
        return Fault(
            name="many-documents",
            message="a second document begins here",
            location=location,
            help="a stack file is one document: remove the `---`",
        )
    return Fault(
        name="yaml-syntax",
        message=f"not YAML: {what}",
        location=location,
        help=_suggest_fix(f"{context}: {what}", at),
    )


def _suggest_fix(what: str, at: str) -> str:
    if "mapping values are not allowed" in what:
        return "a value that contains `: ` needs quotes; a key needs its own line"
    if "cannot start any token" in what:
        return f"a value that begins with `{escape_control(at)}` needs quotes"
    if "expected ',' or" in what or "flow" in what:
        return "is a bracket, a comma or a quote missing on this line or above it?"
    if "block" in what or "indentation" in what:
        return "is this line indented like the lines around it?"
    if "quoted scalar" in what or "end of stream" in what:
        return "a quote that was opened is not closed"
    return ""
