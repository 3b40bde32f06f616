"""The key `drill`: what must work in a service while something it needs does not."""

from __future__ import annotations

import pytest

from composegen.ask import Ask, Drill
from composegen.planning.definition import digest_definition
from composegen.planning.plan import make_plan
from composegen.targets.compose.render import render_plan
from composegen.values import Duration
from tests.stackfile.loading import list_app_names
from tests.stacks import find, load_only, make_app, make_stack
from tests.stacks import list_names as names_in

NEEDS = "needs: [cache]\n"
CACHE = "  cache: {use: redis}\n"


def load(drill: str) -> Drill:
    return load_only(make_app(f"{NEEDS}drill: {drill}") + CACHE).services["app"].drill


def list_names(drill: str) -> list[str]:
    return list_app_names(f"drill: {drill}")


def test_without_the_key_the_health_check_is_asked() -> None:
    assert load_only(make_app(NEEDS) + CACHE).services["app"].drill == Drill()


def test_a_request_is_read_with_all_that_goes_with_it() -> None:
    assert load(
        "{ask: {http: /a, method: PUT, json: {n: 1, s: ['x', null]}, "
        "headers: {X-Id: '7'}}, expect: {status: 201, contains: yes}, within: 3s}"
    ) == Drill(
        ask=Ask(
            path="/a",
            method="PUT",
            headers={"X-Id": "7"},
            body={"n": 1, "s": ["x", None]},
            is_json=True,
        ),
        status=201,
        contains="yes",
        within=Duration("3s", 3),
    )


@pytest.mark.parametrize(
    ("ask", "method"),
    [
        ("{http: /a}", "GET"),
        ("{http: /a, json: {}}", "POST"),
        ("{http: /a, body: x}", "POST"),
        ("{http: /a, json: {}, method: PATCH}", "PATCH"),
    ],
)
def test_a_body_is_posted_unless_a_method_is_named(ask: str, method: str) -> None:
    asked = load(f"{{ask: {ask}}}").ask

    assert asked is not None
    assert asked.method == method


def test_a_command_is_words_or_a_text_for_a_shell() -> None:
    assert load("{ask: {command: [a, 'b c']}}").ask == Ask(command=("a", "b c"))
    assert load("{ask: {command: a | b}}").ask == Ask(command="a | b")


def test_a_service_can_be_left_alone_with_a_reason() -> None:
    assert load("{skip: it is on loan}") == Drill(skip="it is on loan")


@pytest.mark.parametrize(
    "drill",
    [
        "{}",
        "{ask: {}}",
        "{ask: {method: POST}}",
        "{ask: {http: /a, command: [b]}}",
        "{ask: {command: [a], json: {}}}",
        "{ask: {command: []}}",
        "{ask: {http: /a, method: FETCH}}",
        "{ask: {http: /a, json: {}, body: x}}",
        "{ask: {http: /a, headers: {'a b': c}}}",
        '{ask: {http: /a, headers: {a: "b\\nc"}}}',
        "{ask: {command: [a]}, expect: {status: 200}}",
        "{expect: {contains: x}}",
        "{skip: ''}",
        "{skip: why, within: 2s}",
    ],
)
def test_what_cannot_be_asked_is_a_problem(drill: str) -> None:
    assert "bad-drill" in list_names(drill)


def test_every_problem_of_a_drill_is_reported_at_once() -> None:
    names = list_names(
        "{ask: {http: a, method: FETCH}, expect: {status: 99, is: x}, within: 0s}"
    )

    assert {"bad-health", "wrong-type", "unknown-key", "bad-duration"} <= {*names}


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("image: a:1\nneeds: [cache]\ndrill: {ask: {http: /a}}", "no-port"),
        ("image: a:1\nport: 1\nhealth: /\ndrill: {within: 2s}", "unused-drill"),
        ("image: a:1\njob: true\nneeds: [cache]\ndrill: {within: 2s}", "unused-drill"),
    ],
)
def test_what_would_never_be_asked_is_a_problem(app: str, name: str) -> None:
    find(name, make_stack(app=app, cache="use: redis\n"))


def test_a_command_needs_no_port_and_a_service_left_alone_no_need() -> None:
    asks = "image: a:1\nneeds: [cache]\ndrill: {ask: {command: [a]}}"
    alone = "image: a:1\nport: 1\nhealth: /\ndrill: {skip: why}"
    stack = make_stack(app=asks, cache="use: redis\n", other=alone)

    assert not {"no-port", "unused-drill"} & {*names_in(stack)}


def test_a_drill_changes_nothing_that_is_made() -> None:
    plain = load_only(make_app(NEEDS) + CACHE)
    drilled = load_only(make_app(f"{NEEDS}drill: {{ask: {{http: /a}}}}") + CACHE)

    assert render_plan(make_plan(plain)) == render_plan(make_plan(drilled))
    assert digest_definition(plain.services, "app") == digest_definition(
        drilled.services, "app"
    )
