"""Rules: which one is chosen, and errors that name file and line."""

from pathlib import Path

import pytest

from router.routes import RoutesError, choose_route, load_routes
from router.settings import load_settings

CHAT = "- {name: chat, default: true, model: small}"


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("Why is my Python slow?", "code", 'keyword "python"'),
        ("look: ```x```", "code", 'keyword "```"'),
        ("pythonic snakes", "chat", "no other rule fits"),
        ("a" * 4001, "long", "4001 characters"),
        ("a" * 4000, "chat", "no other rule fits"),
        ("", "chat", "no other rule fits"),
    ],
)
def test_the_first_rule_that_fits_is_taken(text: str, name: str, reason: str) -> None:
    choice = choose_route(load_routes(load_settings({}).routes_file), text)
    assert (choice.route.name, choice.reason) == (name, reason)


def test_a_route_may_be_asked_for_by_name() -> None:
    routes = load_routes(load_settings({}).routes_file)
    choice = choose_route(routes, "about python", wanted="long")
    assert (choice.route.name, choice.reason) == ("long", "asked for by name")
    assert choose_route(routes, "about python", wanted="gpt-4o").route.name == "code"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "expected `routes:`"),
        ("rules: []", 1, "expected `routes:`"),
        ("routes: []", 1, "list of rules"),
        ("routes:\n  - {name: a, default: true}", 2, "model"),
        (f"routes:\n  {CHAT}\n  {CHAT}", 3, "already"),
        (
            f"routes:\n  {CHAT}\n  - {{name: b, keywords: [x], model: m}}",
            3,
            "never reached",
        ),
        ("routes:\n  - {name: b, keywords: [x], model: m}", 2, "default: true"),
        ("routes:\n  - name: b\n    keyword: [x]\n    model: m", 3, "keyword"),
        ("routes:\n  - name: b\n    model: m\n    longer_than: x", 4, "longer_than"),
        ("routes:\n  - name: b\n    model: m\n    keywords: [1]", 4, "keywords"),
        ("routes:\n  - name: b\n    model: m\n    max_tokens: 0", 4, "max_tokens"),
        ("routes:\n  - name: b\n    model: m", 2, "exactly one"),
        (
            "routes:\n  - {name: b, model: m, default: true, longer_than: 2}",
            2,
            "exactly",
        ),
        ("routes:\n  - {name: B c, model: m, default: true}", 2, "name"),
        ("routes:\n  - a\n", 2, "object"),
        ("routes:\n  - {name: b\n  x", 3, "expected"),
        ("routes:\n  - name: b\n    model: m\n    model: n", 4, "twice"),
        ("routes:\n  - {name: b, model: 2024-13-45, default: true}", 2, "month"),
        ("routes:\n  - {name: b, model: !!python/object:os.x {}}", 2, "python/object"),
    ],
)
def test_a_bad_rule_is_named_by_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(text)
    with pytest.raises(RoutesError, match=words) as caught:
        load_routes(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\xd8")
    for path in (tmp_path / "none.yaml", binary):
        with pytest.raises(RoutesError, match=path.name):
            load_routes(path)
