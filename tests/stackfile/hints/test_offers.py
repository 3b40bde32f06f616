"""Whatever is offered in the place of Compose's words reads back as what it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.stackfile.hints.inline import write_inline
from composegen.stackfile.hints.keys import (
    KNOWN_TO_COMPOSE,
    TOP_LEVEL,
    TRANSLATIONS,
    translate_key,
    translate_top_key,
)
from composegen.stackfile.tree import to_plain

ODD = [
    *("null", "~", "true", "", " ", "-", "--", "---", "...", "a:", ":a", "-1", "- a"),
    *("?", "!x", "&a", "*a", "%a", "@a", "`a`", "<<", "=", "a #b", "a,b", "{a}", "]"),
    *("if a\nthen b\nfi\n", "\ta", "\x85", "\u2028", "\x07", "ü", "${A:-b c}", "$$x"),
    *('say "x"', "it's", "back\\slash", "8080:80", "a: b", "\ufeff", "\x1b[0m"),
]
TEXTS = st.sampled_from(ODD) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12
)
VALUES = st.recursive(
    TEXTS | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=6,
)


def read(text: str) -> Any:
    """The text as a stack file reads it: every scalar is what was written."""
    node = yaml.SafeLoader(text).get_single_node()
    return None if node is None else to_plain(node)


def list_offers(help: str) -> list[str]:
    """The YAML in a help text: what follows its sentence, or all that is a key."""
    first, _, rest = help.partition("\n")
    is_a_sentence = first.endswith(":") and " " in first
    offered = rest if is_a_sentence else help
    return [offered] if ": " in offered and "remove it" not in offered else []


@settings(derandomize=True, deadline=None, max_examples=300)
@given(VALUES)
def test_a_value_on_one_line_is_exactly_the_value(value: Any) -> None:
    assert read(write_inline(value)) == value
    assert read(f"key: {write_inline(value)}") == {"key": value}
    assert read(f"compose: {{key: {write_inline(value)}}}") == {
        "compose": {"key": value}
    }


@pytest.mark.parametrize("key", sorted(TRANSLATIONS.keys() - {"extends"}))
@settings(derandomize=True, deadline=None, max_examples=40)
@given(value=VALUES)
def test_whatever_is_offered_for_a_key_is_yaml(key: str, value: Any) -> None:
    translated = translate_key(key, value)

    assert translated is not None
    for offered in list_offers(translated[1]):
        assert isinstance(read(offered), dict)


@pytest.mark.parametrize("key", sorted(KNOWN_TO_COMPOSE))
@settings(derandomize=True, deadline=None, max_examples=10)
@given(value=VALUES)
def test_what_is_passed_on_is_passed_on_unchanged(key: str, value: Any) -> None:
    translated = translate_key(key, value)

    assert translated is not None
    assert read(list_offers(translated[1])[0]) == {"compose": {key: value}}


@pytest.mark.parametrize(
    "key", [key for key in TOP_LEVEL if key not in {"version", "jobs"}]
)
@settings(derandomize=True, deadline=None, max_examples=20)
@given(value=VALUES)
def test_a_key_of_the_top_level_is_passed_on_unchanged(key: str, value: Any) -> None:
    offered = list_offers(translate_top_key(key, value))

    assert read(offered[0]) == {"compose": {key: value}}


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    test=st.one_of(
        TEXTS,
        st.lists(TEXTS, max_size=3).map(lambda words: ["CMD", *words]),
        TEXTS.map(lambda text: ["CMD-SHELL", text]),
    )
)
def test_a_health_test_is_offered_as_exactly_this_command(test: Any) -> None:
    translated = translate_key("healthcheck", {"test": test})

    assert translated is not None
    health = read(translated[1])["health"]
    command = test if isinstance(test, str) else test[1:]
    if isinstance(test, list) and test[0] == "CMD-SHELL":
        command = test[1]
    assert health == {"command": command}


@settings(derandomize=True, deadline=None, max_examples=100)
@given(names=st.lists(TEXTS, max_size=3, unique=True))
def test_the_services_of_depends_on_keep_their_names(names: list[str]) -> None:
    for value in (names, {name: {"condition": "service_started"} for name in names}):
        translated = translate_key("depends_on", value)

        assert translated is not None
        assert list(read(translated[1])["needs"] or ()) == names


@pytest.mark.parametrize("path", ["/a,b", "/{x}", "/a:b", "/a#b", "/[1]", "/a?b=c:"])
def test_a_page_is_offered_as_exactly_this_path(path: str) -> None:
    test = ["CMD", "curl", "-f", f"http://localhost{path}"]

    translated = translate_key("healthcheck", {"test": test})

    assert translated is not None
    assert read(translated[1])["health"]["http"] == path
