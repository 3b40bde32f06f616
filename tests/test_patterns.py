"""Patterns: what ``re.compile`` makes, compiled when something is matched."""

import ast
import re
from pathlib import Path

import pytest

from composegen.patterns import make_pattern

PACKAGE = Path(__file__).parents[1] / "composegen"
FREE = {"system/imports.py", "patterns.py"}


def test_it_matches_as_a_compiled_pattern() -> None:
    pattern, compiled = make_pattern("(a)(b)?"), re.compile("(a)(b)?")

    for text in ("ab", "a ab", "b", ""):
        assert str(pattern.match(text)) == str(compiled.match(text))
        assert str(pattern.search(text)) == str(compiled.search(text))
        assert str(pattern.fullmatch(text)) == str(compiled.fullmatch(text))
        assert pattern.findall(text) == compiled.findall(text)
        assert pattern.split(text) == compiled.split(text)
        assert pattern.sub("x", text) == compiled.sub("x", text)
        assert pattern.subn("x", text) == compiled.subn("x", text)
        assert [*map(str, pattern.finditer(text))] == [
            *map(str, compiled.finditer(text))
        ]


def test_it_keeps_its_text_and_its_flags() -> None:
    assert make_pattern("a").pattern == "a"
    assert make_pattern("é", re.IGNORECASE).match("É")
    assert not make_pattern(r"\w", re.ASCII).match("É")
    assert make_pattern(b"a").match(b"ab")


def test_it_is_compiled_when_something_is_matched() -> None:
    wrong = make_pattern("(")

    with pytest.raises(re.error):
        wrong.match("a")


def test_no_module_compiles_a_pattern_when_it_is_imported() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).as_posix() not in FREE
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"
    ]
    assert found == []


def test_every_pattern_can_be_compiled() -> None:
    count = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "make_pattern":
                text = node.args[0]
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    re.compile(text.value)
                    count += 1
    assert count > 100
