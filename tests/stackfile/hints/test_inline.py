"""A value on one line of YAML reads back as what it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from composegen.stackfile.hints.inline import write_inline


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "a b",
        "",
        'say "x"',
        "back\\slash",
        "a: b",
        "a, b",
        "{x}",
        "[x]",
        "#x",
        "10:20",
        ["a", ["b c"]],
        {"a": {"b": "c, d"}},
        [],
        {},
        True,
    ],
)
def test_a_value_on_one_line_reads_back(value: Any) -> None:
    expected = "true" if value is True else value

    assert yaml.load(write_inline(value), Loader=yaml.BaseLoader) == expected


@pytest.mark.parametrize("key", ["a b", "a: b", "{x", "#a"])
def test_a_key_on_one_line_reads_back(key: str) -> None:
    text = write_inline({key: "v"})

    assert yaml.load(text, Loader=yaml.BaseLoader) == {key: "v"}


def test_nothing_on_one_line_is_nothing() -> None:
    assert yaml.safe_load(write_inline({"a": None})) == {"a": None}
