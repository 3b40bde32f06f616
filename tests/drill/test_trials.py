"""Which faults a drill does, and whom it asks."""

from __future__ import annotations

import pytest

from composegen.drill.trials import Chosen, Fault, Wish, choose_trials
from composegen.model import Stack
from tests.stacks import load_only

WEB = "  web: {image: 'python:3.12-slim', port: 80, health: /, needs: {%s}%s}\n"
CACHE = "  cache: {image: 'python:3.12-slim', port: 6379, health: tcp}\n"
STORE = "  cache: {use: redis}\n"
OPTIONAL = "cache: {otherwise: {}}"
REQUIRED = "cache: null"


def make(*services: str) -> Stack:
    return load_only("services:\n" + "".join(services))


def choose(stack: Stack, *names: str, faults: str = "", **options: object) -> Chosen:
    wish = Wish(names=names, faults=tuple(Fault(word) for word in faults.split()))
    running = options.pop("running", stack.services)
    return choose_trials(stack, running, wish, **options)  # type: ignore[arg-type]


def list_done(chosen: Chosen) -> list[str]:
    return [
        f"{trial.service} {trial.fault.value}: "
        + " ".join(f"{e.service}{'?' * e.is_optional}" for e in trial.edges)
        for trial in chosen.trials
    ]


def list_skipped(chosen: Chosen) -> list[str]:
    return [
        f"{each.service} {each.fault.value} {each.dependent}: {each.reason}"
        for each in chosen.skipped
    ]


def test_an_optional_service_gets_every_fault() -> None:
    assert list_done(choose(make(WEB % (OPTIONAL, ""), CACHE))) == [
        "cache stop: web?",
        "cache kill: web?",
        "cache freeze: web?",
        "cache cut: web?",
        "cache without: web?",
    ]


def test_a_required_service_is_killed_and_no_more() -> None:
    assert list_done(choose(make(WEB % (REQUIRED, ""), CACHE))) == ["cache kill: web"]


def test_a_data_store_is_killed_only_where_that_is_asked_for() -> None:
    stack = make(WEB % (OPTIONAL, ""), STORE)

    assert "cache kill: web?" not in list_done(choose(stack))
    assert list_skipped(choose(stack)) == [
        "cache kill web: a data store is killed only with --faults kill"
    ]
    assert list_done(choose(stack, faults="kill")) == ["cache kill: web?"]


def test_what_one_service_requires_cannot_be_excluded() -> None:
    other = "  api: {image: 'python:3.12-slim', port: 81, health: /, needs: [cache]}\n"
    chosen = choose(make(WEB % (OPTIONAL, ""), other, CACHE))

    assert "cache stop: web? api" in list_done(chosen)
    assert "cache without web: api requires it" in list_skipped(chosen)


def test_one_that_says_what_must_work_is_asked_through_others() -> None:
    front = (
        "  front: {image: 'python:3.12-slim', port: 81, health: /, needs: [web]%s}\n"
    )
    asks = ", drill: {ask: {http: /}}"
    plain = make(front % "", WEB % (OPTIONAL, ""), CACHE)
    asking = make(front % asks, WEB % (OPTIONAL, ""), CACHE)

    assert "cache stop: web?" in list_done(choose(plain))
    assert "cache stop: front? web?" in list_done(choose(asking))
    assert "web kill: front" in list_done(choose(asking))


def test_a_service_is_left_alone_where_it_says_so() -> None:
    alone = CACHE.replace("}", ", drill: {skip: it is shared}}")
    chosen = choose(make(WEB % (OPTIONAL, ""), alone))

    assert list_done(chosen) == []
    assert "cache stop web: it is shared" in list_skipped(chosen)


def test_one_that_cannot_be_asked_has_no_verdict() -> None:
    for keys, reason in (
        (", drill: {skip: it is slow}", "web is not asked: it is slow"),
        ("", "web has no health check and no `drill`"),
    ):
        web = WEB % (OPTIONAL, keys)
        web = web if keys else web.replace("health: /", "health: {none: it has none}")
        chosen = choose(make(web, CACHE))

        assert list_done(chosen) == []
        assert f"cache stop web: {reason}" in list_skipped(chosen)


def test_a_command_can_be_asked_where_there_is_no_health_check() -> None:
    web = WEB % (OPTIONAL, ", drill: {ask: {command: [ask]}}")
    stack = make(web.replace("health: /", "health: {none: it has none}"), CACHE)

    assert "cache stop: web?" in list_done(choose(stack))


@pytest.mark.parametrize("gone", ["web", "cache"])
def test_what_does_not_run_takes_no_part(gone: str) -> None:
    stack = make(WEB % (OPTIONAL, ""), CACHE)
    chosen = choose(stack, running={*stack.services} - {gone})

    assert (chosen.trials, chosen.skipped) == ((), ())


def test_jobs_are_left_alone() -> None:
    job = "  seed: {image: 'python:3.12-slim', job: true}\n"
    web = WEB % (f"{OPTIONAL}, seed: null", "")
    done = list_done(choose(make(web, CACHE, job)))

    assert not [each for each in done if each.startswith("seed")]


def test_only_the_named_services_and_faults_are_chosen() -> None:
    front = "  front: {image: 'python:3.12-slim', port: 81, health: /, needs: [web]}\n"
    stack = make(front, WEB % (OPTIONAL, ""), CACHE)

    assert list_done(choose(stack, "web")) == ["web kill: front"]
    assert list_done(choose(stack, faults="cut stop")) == [
        "cache stop: web?",
        "cache cut: web?",
    ]


def test_a_fault_that_is_impossible_there_is_skipped_with_its_reason() -> None:
    stack = make(WEB % (OPTIONAL, ""), CACHE)
    chosen = choose(stack, impossible=[(Fault.CUT, "not possible as processes")])

    assert "cache cut: web?" not in list_done(chosen)
    assert list_skipped(chosen) == ["cache cut web: not possible as processes"]
