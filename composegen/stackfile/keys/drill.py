"""The key `drill`: what must work in a service while something it needs does not."""

from __future__ import annotations

from typing import Any

from composegen.ask import Ask, Drill
from composegen.patterns import make_pattern
from composegen.stackfile.keys import shapes
from composegen.stackfile.keys.compose import read_command
from composegen.stackfile.keys.health import read_path, read_some_time
from composegen.stackfile.keys.key import Schema
from composegen.stackfile.nodes import Node
from composegen.stackfile.reader import REMOVED, Path, Reader
from composegen.stackfile.text_map import read_text_map
from composegen.text import shorten, suggest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_KEYS = ("ask", "expect", "within", "skip")
_ASK_KEYS = ("http", "method", "json", "body", "headers", "command")
_EXPECT_KEYS = ("status", "contains")
_HTTP_ONLY = ("method", "json", "body", "headers")
_HEADER = make_pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_LOWEST_STATUS, _HIGHEST_STATUS = 100, 599

_Found = dict[str, tuple[Node, Node]]


def read_drill(reader: Reader, node: Node, path: Path) -> Any:
    """What a drill asks of the service, or why it leaves the service alone."""
    found = reader.read_known(node, "a mapping", "`drill`", _KEYS)
    if found is None:
        return None
    for key, (key_node, _) in found.items():
        reader.nodes[*path, key] = key_node
    if not found:
        _add(reader, "`drill` is empty", node, "drill: {ask: {http: /path}}")
        return None
    if "skip" in found:
        return _read_skip(reader, found)
    values: dict[str, Any] = {}
    if "ask" in found:
        values["ask"] = _read_ask(reader, found["ask"][1], (*path, "ask"))
    if "expect" in found:
        ask = values.get("ask")
        values |= _read_expect(reader, found, has_ask="ask" in found, ask=ask)
    if "within" in found:
        values["within"] = read_some_time(reader, found["within"][1])
    return Drill(**values)


def _add(reader: Reader, message: str, node: Node, help: str) -> None:
    reader.add("bad-drill", message, node, help)


def _read_skip(reader: Reader, found: _Found) -> Drill | None:
    for key in found.keys() - {"skip"}:
        _add(
            reader,
            f"`{key}` is next to `skip`, which leaves the service alone",
            found[key][0],
            "keep one of the two",
        )
    reason = reader.read_line(found["skip"][1], "the reason")
    if reason == "":
        _add(
            reader,
            "`skip` has no reason",
            found["skip"][0],
            "say why: skip: it is on loan",
        )
    return Drill(skip=reason) if reason else None


def _read_ask(reader: Reader, node: Node, path: Path) -> Ask | None:
    found = reader.read_known(node, "a mapping", "`ask`", _ASK_KEYS)
    if found is None:
        return None
    for key, (key_node, _) in found.items():
        reader.nodes[*path, key] = key_node
    if "http" not in found and "command" not in found:
        _add(
            reader,
            "`ask` says neither `http` nor `command`",
            node,
            "{http: /path} or {command: [..]}",
        )
        return None
    if "command" not in found:
        return _read_request(reader, found, path)
    for key in ("http", *_HTTP_ONLY):
        if key in found:
            help = "keep one of the two" if key == "http" else "it goes with `http`"
            _add(reader, f"`{key}` is next to `command`", found[key][0], help)
    command = read_command(reader, found["command"][1], ())
    if command in ("", []):
        _add(
            reader,
            "the command is empty",
            found["command"][0],
            "write what asks the service, as in command: [redis-cli, ping]",
        )
        return None
    if command is None:
        return None
    return Ask(command=command if isinstance(command, str) else tuple(command))


def _read_request(reader: Reader, found: _Found, path: Path) -> Ask | None:
    target = read_path(reader, found["http"][1])
    if target is None:
        return None
    if "json" in found and "body" in found:
        _add(
            reader,
            "`json` and `body` are two bodies",
            found["body"][0],
            "keep one of the two",
        )
    values: dict[str, Any] = {}
    if "json" in found:
        values = {"is_json": True, "method": "POST"}
        values["body"] = reader.read_raw(found["json"][1])
    elif "body" in found:
        values = {"body": reader.read_text(found["body"][1]) or "", "method": "POST"}
    if "method" in found:
        values["method"] = _read_method(reader, found["method"][1]) or "GET"
    if "headers" in found:
        values["headers"] = _read_headers(reader, found["headers"][1], path)
    return Ask(path=target, **values)


def _read_method(reader: Reader, node: Node) -> str | None:
    method = reader.read_text(node, "a method", variables=False)
    if method is None or method in METHODS:
        return method
    help = suggest(method.upper(), METHODS, f"one of {', '.join(METHODS)}")
    _add(reader, f"`{shorten(method)}` is not a method of HTTP", node, help)
    return None


def _read_headers(reader: Reader, node: Node, path: Path) -> dict[str, str]:
    read = read_text_map(reader, node, (*path, "headers"), name_of=None) or {}
    headers: dict[str, str] = {}
    for name, text in read.items():
        at = reader.nodes[*path, "headers", name]
        if text is REMOVED:
            help = f'write its value, or remove it; an empty one is {name}: ""'
            reader.add("null-value", f"`{name}` has no value", at, help)
        elif not _HEADER.fullmatch(name) or not text.isprintable():
            _add(
                reader,
                f"`{shorten(name)}` cannot be sent as a header",
                at,
                "a name of letters, digits and - , and a value of one line",
            )
        else:
            headers[name] = text
    return headers


def _read_expect(
    reader: Reader, found: _Found, *, has_ask: bool, ask: Ask | None
) -> dict[str, Any]:
    node, value = found["expect"]
    if not has_ask:
        _add(
            reader,
            "`expect` needs an `ask`: a health check has its own good answer",
            node,
            "drill: {ask: {http: /path}, expect: {..}}",
        )
    wanted = reader.read_known(value, "a mapping", "`expect`", _EXPECT_KEYS)
    values: dict[str, Any] = {}
    for key, (key_node, inner) in (wanted or {}).items():
        if key == "status" and ask is not None and not ask.path:
            _add(
                reader,
                "`status` goes with `http`; a command is expected to exit with 0",
                key_node,
                "remove `status`, or ask with `http`",
            )
        elif key == "status":
            values[key] = reader.read_integer(
                inner, least=_LOWEST_STATUS, most=_HIGHEST_STATUS
            )
        else:
            values[key] = reader.read_text(inner, variables=False)
    return {key: read for key, read in values.items() if read is not None}


def _make_schema() -> Schema:
    ask = shapes.make_object(
        {
            "http": {"type": "string", "pattern": "^/"},
            "method": {"enum": list(METHODS)},
            "json": shapes.say({}, "Sent as JSON, with POST unless `method` says else"),
            "body": shapes.TEXT,
            "headers": {"type": "object", "additionalProperties": shapes.TEXT},
            "command": shapes.TEXT_OR_TEXTS,
        }
    )
    expect = shapes.make_object({"status": shapes.NUMBER, "contains": shapes.TEXT})
    asked = shapes.make_object(
        {
            "ask": shapes.say(ask, "What must still work"),
            "expect": shapes.say(expect, "What a good answer is"),
            "within": shapes.say(shapes.DURATION, "How soon the answer must come"),
        }
    )
    skip = shapes.say(shapes.PLAIN_TEXT, "Why the drill leaves the service alone")
    return {"anyOf": [asked, shapes.make_object({"skip": skip})]}


SCHEMA: Schema = _make_schema()
