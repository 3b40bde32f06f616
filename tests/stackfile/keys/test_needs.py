"""The key `needs`: edges, their variables, conditions and fallbacks."""

from __future__ import annotations

from textwrap import indent

import pytest

from composegen.needs import Condition, Later, Need, Otherwise
from tests.stackfile.loading import CACHE, DB, load_need, load_step
from tests.stacks import find, list_names, load_only, make_app, make_stack


def list_need_names(keys: str, cache: str = CACHE) -> list[str]:
    return list_names(make_app(keys) + indent(f"cache:\n{indent(cache, '  ')}\n", "  "))


# Needs


@pytest.mark.parametrize(
    "needs",
    ["[cache]", "{cache: }", "{cache: null}", "{cache: ~}", "{cache: {}}"],
)
def test_a_bare_need_is_waited_for_until_it_is_healthy(needs: str) -> None:
    assert load_need(f"needs: {needs}") == Need(
        service="cache", until=Condition.HEALTHY
    )


@pytest.mark.parametrize(
    ("needs", "env"),
    [
        ("{cache: REDIS_URL}", {"REDIS_URL": "{url}"}),
        ("{cache: {H: '{host}', P: '{port}'}}", {"H": "{host}", "P": "{port}"}),
        ("{cache: {env: {U: '{url}'}}}", {"U": "{url}"}),
        ("{cache: {env: ['U={url}']}}", {"U": "{url}"}),
        ("{cache: {A: plain}}", {"A": "plain"}),
        ("{cache: {env: {}}}", {}),
    ],
)
def test_a_need_wires_variables(needs: str, env: dict[str, str]) -> None:
    assert load_need(f"needs: {needs}").env == env


def test_a_name_that_ends_in_file_gets_the_file_of_the_url() -> None:
    text = make_stack(
        app="image: python:3.13-slim\nport: 80\nhealth: /\nneeds: {db: DATABASE_FILE}",
        db=DB,
    )

    (need,) = load_only(text).services["app"].needs

    assert need.env == {"DATABASE_FILE": "{url_file}"}


@pytest.mark.parametrize("until", list(Condition))
def test_a_need_says_what_it_waits_for(until: Condition) -> None:
    cache = (
        "image: python:3.13-slim\njob: true" if until is Condition.FINISHED else CACHE
    )

    assert load_need(f"needs: {{cache: {{until: {until}}}}}", cache).until is until


def test_otherwise_makes_a_need_optional() -> None:
    need = load_need(
        "needs: {cache: {otherwise: {env: {A: b}, replicas: 1, note: in memory}}}"
    )

    assert need.is_optional
    assert need.otherwise == Otherwise(env={"A": "b"}, replicas=1, note="in memory")


@pytest.mark.parametrize("word", ["cope", "restart"])
def test_later_says_what_follows_a_failure_after_the_start(word: str) -> None:
    need = load_need(f"needs: {{cache: {{otherwise: {{later: {word}}}}}}}")

    assert need.otherwise == Otherwise(later=Later(word))


def test_without_a_word_a_service_copes_later() -> None:
    need = load_need("needs: {cache: {otherwise: {note: slow}}}")

    assert need.otherwise is not None
    assert need.otherwise.later is Later.COPE


def test_an_empty_otherwise_is_enough() -> None:
    need = load_need("needs: {cache: {otherwise: {}}}")

    assert need.otherwise == Otherwise()


def test_a_pod_waits_for_what_its_service_needs_unless_it_says_otherwise() -> None:
    assert load_need("needs: [cache]").waits_on_cluster
    need = load_need("needs: {cache: {env: {A: b}, gate: none}}")

    assert not need.waits_on_cluster
    assert need.env == {"A": "b"}
    assert need.until is Condition.HEALTHY


@pytest.mark.parametrize(
    ("needs", "name"),
    [
        ("cache", "wrong-type"),
        ("{cache: {env: {A: b}, B: c}}", "unknown-key"),
        ("{cache: {A: b, until: started}}", "unknown-key"),
        ("{cache: {until: ready}}", "bad-condition"),
        ("{cache: {until: }}", "null-value"),
        ("{cache: {otherwise: }}", "null-value"),
        ("{cache: {otherwise: true}}", "wrong-type"),
        ('{cache: {otherwise: {note: "a\\nb"}}}', "not-one-line"),
        ("{cache: {otherwise: {replicas: 0}}}", "wrong-type"),
        ("{cache: {otherwise: {later: restarts}}}", "bad-later"),
        ("{cache: {otherwise: {later: [restart]}}}", "wrong-type"),
        ("{cache: {otherwise: {later: }}}", "null-value"),
        ("{cache: {gate: off}}", "bad-gate"),
        ("{cache: {gate: None}}", "bad-gate"),
        ("{cache: {gate: [none]}}", "wrong-type"),
        ("{cache: {gate: }}", "null-value"),
        ("{cache: {otherwise: {env: {A: }}}}", "null-value"),
        ("{cache: {A: }}", "null-value"),
        ("{cache: 1URL}", "bad-name"),
        ("{cache: [URL]}", "wrong-type"),
        ("[cache, cache]", "duplicate-key"),
        ("[{cache: URL}]", "wrong-type"),
    ],
)
def test_a_need_is_nothing_else(needs: str, name: str) -> None:
    assert list_need_names(f"needs: {needs}") == [name]


def test_a_need_that_stands_twice_in_a_list_names_the_first_place() -> None:
    text = make_app("needs: [cache, cache]") + "  cache: {use: redis}\n"
    problem = find("duplicate-key", text)

    assert "stack.yaml:6:13" in problem.message


@pytest.mark.parametrize(
    "word", ["ur", "urls", "hots", "prot", "pasword", "databse", "URL", " url "]
)
def test_a_word_that_is_nearly_a_placeholder_is_a_warning(word: str) -> None:
    assert list_need_names(f"needs: {{cache: {{A: '{{{word}}}'}}}}") == [
        "near-placeholder"
    ]


@pytest.mark.parametrize("text", ["{}", "{x}", "{  }", "{{", "{zzzz}", "{0}", "{url2}"])
def test_every_other_brace_is_text(text: str) -> None:
    need = load_need(f"needs: {{cache: {{A: '{text}'}}}}")

    assert need.env == {"A": text}
    assert list_need_names(f"needs: {{cache: {{A: '{text}'}}}}") == []


def test_no_placeholder_is_replaced_in_otherwise() -> None:
    keys = "needs: {cache: {otherwise: {env: {A: '{url}'}}}}"
    text = make_app(keys) + "  cache: {use: redis}\n"

    assert load_step(text, without=("cache",)).environment["A"] == "{url}"
