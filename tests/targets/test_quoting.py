"""Every value reads back as what it was, and looks as a person would write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.model import Raw
from composegen.targets.quoting import (
    quote_scalar,
    write_block,
    write_comment,
    write_flow,
    write_key,
)

# What is plain


@pytest.mark.parametrize(
    "text",
    [
        "web",
        "python:3.13-slim",
        "/run/secrets/a",
        "./data",
        "../data",
        ".env",
        "-m",
        "--bind",
        "http://db:8000/x",
        "a b c",
        "30s",
        "500ms",
        "1m30s",
        "2G",
        "0.5G",
        "SETUID",
        "no-new-privileges:true",
    ],
)
def test_a_plain_text_stays_plain(text: str) -> None:
    assert quote_scalar(text) == text


WORDS = "y No true OFF null ~ nan .inf .NaN".split()
NUMBERS = """
    1 012 0o17 1e3 1e10 +1e3 5e-3 .5 1.10 1_000 0x1F 089 0123456789
    22:22 1:30 2024-01-01 2024-01-01T00:00:00Z 127.0.0.1:80:80
""".split()
INDICATORS = """
    - -- --- ... ? :a a: [a] {a} a] } &a *a !a | > %a @a `a` << = 'a' "a" a'b a"b
    $$A ${A:-b}
""".split()
STRUCTURE = ["a: b", "a #b", "# a", "- a", "? a", "a, b", "{{ x }}", "{% raw %}"]
SPACES = ["", " ", "a ", " a", "a\nb", "a\tb", "a\r\nb", "a\n", "'\n'", "a\\b"]
STRANGE = ["é", "世界", "🚀", "\u2028", "\u0085", "\ufeff", "\u200b", "\xa0", "\x7f"]
LONG = ["a" * 10_000 + ":", "'" * 100, "\u202e"]


@pytest.mark.parametrize(
    "text", [*WORDS, *NUMBERS, *INDICATORS, *STRUCTURE, *SPACES, *STRANGE, *LONG]
)
def test_every_other_text_is_quoted_and_reads_back(text: str) -> None:
    quoted = quote_scalar(text)

    assert quoted[0] == quoted[-1]
    assert quoted[0] in "'\""
    assert yaml.safe_load(quoted) == text
    assert "\n" not in quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (10**18, "1000000000000000000"),
        (0.5, "0.5"),
        (1.25, "1.25"),
    ],
)
def test_what_is_no_text_is_written_as_json_writes_it(value: Raw, text: str) -> None:
    assert quote_scalar(value) == text
    assert json.loads(text) == value


# Flow and block

VALUE: dict[str, Raw] = {
    "a": ["x", {"b": "yes", "c": [1, 2]}, []],
    "d": {},
    "e": None,
    "f g": "h: i",
    "n": {"m": {"o": True}},
}


def test_a_value_on_one_line_reads_back() -> None:
    text = write_flow(VALUE)

    assert "\n" not in text
    assert yaml.safe_load(text) == VALUE


def test_an_indented_block_reads_back() -> None:
    text = "key:" + write_block(VALUE, 2)

    assert yaml.safe_load(text) == {"key": VALUE}


def test_a_block_is_indented_by_two_and_a_list_stands_below_its_key() -> None:
    assert write_block({"a": {"b": "c"}, "d": ["e", {"f": "g", "h": "i"}]}, 2) == (
        "\n  a:\n    b: c\n  d:\n    - e\n    - f: g\n      h: i"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", " a"), ([], " []"), ({}, " {}"), (None, " null"), (3, " 3")],
)
def test_what_is_no_block_stands_behind_its_colon(value: Raw, text: str) -> None:
    assert write_block(value, 2) == text


def test_a_mapping_without_a_value_is_written_without_one() -> None:
    assert write_block({"data": None}, 2) == "\n  data:"


def test_a_key_too_long_for_a_plain_line_reads_back() -> None:
    key = "k" * 2000
    text = "".join(("root:\n  ", write_key(key, 2), "v"))

    assert yaml.safe_load(text) == {"root": {key: "v"}}


@pytest.mark.parametrize("key", ["yes", "1", "a: b", "<<", "? x", "- x", ""])
def test_a_key_is_quoted_like_any_text(key: str) -> None:
    assert yaml.safe_load(f"{write_key(key)}v") == {key: "v"}


# Comments


@pytest.mark.parametrize(
    "text",
    [f"a{character}b: c" for character in "\n\r\u2028\u0085\x00\x1b\ufeff\u202e\ud800"],
)
def test_nothing_can_end_a_comment(text: str) -> None:
    written = write_comment(text)

    assert written.isprintable()
    assert len(f"# {written}".splitlines()) == 1


def test_a_comment_keeps_what_can_be_printed() -> None:
    assert write_comment("why: é 世 🚀 # {{ x }}") == "why: é 世 🚀 # {{ x }}"


# Any value

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-(2**53), 2**53),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_any_value_reads_back(value: Any) -> None:
    assert yaml.safe_load(write_flow(value)) == value
    assert yaml.safe_load("k:" + write_block(value, 2)) == {"k": value}
