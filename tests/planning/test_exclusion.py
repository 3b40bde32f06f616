"""What follows when an optional service fails: what is excluded and what starts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.drill.noted import read_selection
from composegen.model import Service, Stack
from composegen.needs import Condition, Need, Otherwise
from composegen.planning.exclusion import (
    Fallbacks,
    list_exclusions,
    require,
    vary_plan,
    vary_step,
)
from composegen.planning.plan import Plan, make_plan, take_part
from composegen.planning.selection import Selection
from tests.planning.test_selection import make
from tests.rendering import plan as plan_text
from tests.stacks import APP, make_stack

CHAT = make({"web": "api", "api": "db cache?", "db": "", "cache": ""})
WORKER = make(
    {"web": "worker? queue?", "worker": "queue disk", "queue": "", "disk": ""}
)


def make_fallbacks(stack: Stack, flags: str = "") -> Fallbacks:
    return Fallbacks(make_plan(stack, read_selection(flags)))


def close(stack: Stack, *failed: str, flags: str = "") -> dict[str, str]:
    return dict(make_fallbacks(stack, flags).close(dict.fromkeys(failed, "it failed")))


# Who may be excluded


def test_what_is_needed_with_a_fallback_alone_may_be_excluded() -> None:
    assert make_fallbacks(CHAT).optional == {"cache"}


def test_what_one_service_requires_and_another_does_not_is_required() -> None:
    stack = make({"web": "api cache?", "api": "cache", "cache": ""})

    assert make_fallbacks(stack).optional == set()
    assert close(stack, "cache") == {}


def test_what_only_an_optional_service_requires_may_be_excluded() -> None:
    assert make_fallbacks(WORKER).optional == {"worker", "queue", "disk"}


def test_a_service_that_is_asked_for_is_required_with_all_that_it_requires() -> None:
    made = require(make_plan(WORKER), ["worker"])

    assert Fallbacks(made).optional == set()


def test_a_service_that_is_named_is_required() -> None:
    made = take_part(make_plan(CHAT), ["api", "cache"])

    assert Fallbacks(made).optional == set()


# What is excluded with it


def test_a_failure_excludes_what_requires_it_and_what_only_that_needs() -> None:
    assert close(WORKER, "queue") == {
        "worker": "it requires queue",
        "queue": "it failed",
        "disk": "only worker needed it",
    }


def test_what_another_service_needs_too_stays() -> None:
    stack = make({"web": "worker? db", "worker": "db", "db": ""})

    assert close(stack, "worker") == {"worker": "it failed"}


def test_what_was_asked_for_stays() -> None:
    stack = make({"web": "worker?", "worker": "disk?", "disk": ""})

    assert [*close(stack, "worker", flags="--with disk")] == ["worker"]


def test_a_root_of_its_own_stays() -> None:
    needs = {"web": "worker?", "worker": "disk?", "disk": ""}

    assert [*close(make(needs, roots="disk"), "worker")] == ["worker"]


def test_a_failed_dependent_of_a_failed_service_keeps_its_own_reason() -> None:
    assert close(WORKER, "queue", "worker")["worker"] == "it failed"


def test_what_takes_no_part_cannot_fail() -> None:
    assert close(CHAT, "cache", "nothing", flags="--without cache") == {}


# What a dependent service gets


FALLBACK = make_stack(
    web=f"""{APP}\
replicas: 3
needs:
  cache:
    env: {{CACHE_URL: "{{url}}"}}
    otherwise: {{env: {{STORE: memory}}, replicas: 1}}
  queue:
    env: {{QUEUE_URL: "{{url}}"}}
    otherwise: {{env: {{QUEUE: none}}}}
""",
    worker=f"""{APP}\
needs: {{cache: {{env: {{CACHE_URL: "{{url}}"}}, otherwise: {{}}}}}}
""",
    cache="use: redis\n",
    queue="use: redis\n",
)


def test_a_step_gets_the_fallbacks_of_those_that_it_starts_without() -> None:
    step = vary_step(plan_text(FALLBACK), "web", ["cache"])

    assert step.environment == {
        "STORE": "memory",
        "QUEUE_URL": "redis://queue:6379/0",
    }
    assert step.replicas == 1
    assert [gate.service for gate in step.gates] == ["queue"]
    assert step.networks == ("default", "queue")
    assert step.unset == ("CACHE_URL",)
    assert step.is_required


def test_each_step_of_a_plan_varies_by_itself() -> None:
    made = plan_text(FALLBACK)
    varied = vary_plan(made, {"web": ["queue"]})
    steps = {step.name: step for step in varied.steps}

    assert varied.names == made.names
    assert "CACHE_URL" in steps["web"].environment
    assert "QUEUE_URL" not in steps["web"].environment
    assert steps["worker"].environment == {"CACHE_URL": "redis://cache:6379/0"}


def test_without_exclusions_a_plan_stays_as_it_is() -> None:
    made = plan_text(FALLBACK)

    assert vary_plan(made, {}) == made


def test_a_secret_that_no_step_uses_any_more_is_gone() -> None:
    store = "use: postgres\nenvironment: {POSTGRES_PASSWORD: a}\n"
    need = "{db: {env: {DB_FILE: '{url_file}'}, otherwise: {}}}"
    text = make_stack(web=f"{APP}needs: {need}\n", db=store)
    made = plan_text(text)

    assert {*made.secrets} - {*vary_plan(made, {"web": ["db"]}).secrets} == {"db-url"}


def test_an_exclusion_says_what_is_done_instead() -> None:
    [found] = list_exclusions(plan_text(FALLBACK), {"cache": "not healthy within 60s"})

    assert (found.service, found.reason) == ("cache", "not healthy within 60s")
    assert [f"{each.service}: {each}" for each in found.fallbacks] == [
        "web: STORE=memory, 1 replica",
        "worker: starts without it",
    ]


def test_an_excluded_service_has_no_fallback_of_its_own() -> None:
    excluded = {"worker": "it requires queue", "queue": "it failed"}

    found = list_exclusions(make_plan(WORKER), excluded)

    assert [f"{each.service}: {len(each.fallbacks)}" for each in found] == [
        "worker: 1",
        "queue: 1",
    ]


# What can be started now


def list_startable(stack: Stack, *, ready: str = "", excluded: str = "") -> str:
    fallbacks = make_fallbacks(stack)
    waiting = {*stack.services} - {*ready.split()}
    return " ".join(
        fallbacks.list_startable(
            waiting, lambda gate: gate.service in ready.split(), excluded.split()
        )
    )


def test_without_optional_services_all_is_started_at_once() -> None:
    stack = make({"web": "api", "api": "db", "db": ""})

    assert not make_fallbacks(stack).has_gates
    assert list_startable(stack) == "db api web"


def test_what_needs_an_optional_service_waits_until_that_is_ready() -> None:
    assert make_fallbacks(CHAT).has_gates
    assert list_startable(CHAT) == "db cache"
    assert list_startable(CHAT, ready="cache db") == "api web"


def test_what_needs_an_excluded_service_starts_without_it() -> None:
    assert list_startable(CHAT, ready="db", excluded="cache") == "api web"


def test_what_was_started_before_is_waited_for() -> None:
    stack = make({"web": "db cache?", "db": "", "cache": ""})
    fallbacks = make_fallbacks(stack)

    def is_open(gate: object) -> bool:
        return False  # db boots, and was started before

    assert fallbacks.list_startable(["web"], is_open, ["cache"]) == ()


def test_an_optional_need_of_a_required_service_holds_nothing_back() -> None:
    stack = make({"web": "api cache?", "api": "cache", "cache": ""})

    assert not make_fallbacks(stack).has_gates
    assert list_startable(stack) == "cache api web"


# For all stacks


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    """Services of which each needs some of the later ones, optionally or not."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    services = {}
    for number, name in enumerate(names):
        needs = [
            Need(
                service=needed,
                until=Condition.HEALTHY,
                otherwise=Otherwise() if kind == "optional" else None,
            )
            for needed in names[number + 1 :]
            if (kind := draw(st.sampled_from(["none", "required", "optional"])))
            != "none"
        ]
        services[name] = Service(name=name, needs=tuple(needs))
    return Stack(file="stack.yaml", services=services)


def draw_failed(data: st.DataObject, made: Plan) -> dict[str, str]:
    names = data.draw(st.sets(st.sampled_from(made.names)))
    return dict.fromkeys(sorted(names), "it failed")


@given(stacks(), st.data())
@settings(deadline=None)
def test_what_stays_has_all_that_it_requires(stack: Stack, data: st.DataObject) -> None:
    made = make_plan(stack)
    excluded = Fallbacks(made).close(draw_failed(data, made))

    for step in made.steps:
        assert not (step.is_required and step.name in excluded)
        if step.name not in excluded:
            assert not [
                gate
                for gate in step.gates
                if not gate.is_optional and gate.service in excluded
            ]


@given(stacks(), st.data())
@settings(deadline=None)
def test_what_stays_is_what_a_selection_without_the_rest_has(
    stack: Stack, data: st.DataObject
) -> None:
    made = make_plan(stack)
    excluded = Fallbacks(made).close(draw_failed(data, made))
    same = make_plan(stack, Selection(removed=tuple(excluded)))
    without = {name: tuple(excluded) for name in made.names}

    assert {*same.names} == {*made.names} - {*excluded}
    varied = {step.name: step for step in vary_plan(made, without).steps}
    for step in same.steps:
        assert varied[step.name].gates == step.gates
        assert varied[step.name].environment == step.environment


@given(stacks(), st.data())
@settings(deadline=None)
def test_to_exclude_twice_changes_nothing(stack: Stack, data: st.DataObject) -> None:
    made = make_plan(stack)
    fallbacks = Fallbacks(made)
    failed = draw_failed(data, made)
    excluded = fallbacks.close(failed)

    assert {*fallbacks.close({**excluded, **failed})} == {*excluded}
    assert {*excluded} <= {*fallbacks.close({**failed, made.names[0]: "too"})}


@given(stacks(), st.data())
@settings(deadline=None)
def test_everything_is_started_or_excluded_in_the_end_and_nothing_too_early(
    stack: Stack, data: st.DataObject
) -> None:
    made = make_plan(stack)
    fallbacks = Fallbacks(made)
    failed: dict[str, str] = {}
    excluded: set[str] = set()
    ready: set[str] = set()
    booting: list[str] = []
    waiting = {*made.names}
    steps = {step.name: step for step in made.steps}
    while waiting - excluded or booting:
        called = fallbacks.list_startable(
            waiting, lambda gate: gate.service in ready, excluded
        )
        for name in called:
            for gate in steps[name].gates:
                if fallbacks.is_fallback(gate):
                    assert gate.service in ready | excluded
        waiting -= {*called}
        booting += called
        assert booting, "nothing boots, and something waits for ever"
        booted = booting.pop(data.draw(st.integers(0, len(booting) - 1)))
        if booted in excluded:
            continue
        if booted in fallbacks.optional and data.draw(st.booleans()):
            failed[booted] = "it failed"
            excluded = {*fallbacks.close(failed)}
        else:
            ready.add(booted)

    assert ready | excluded == {*made.names}


@given(stacks())
@settings(deadline=None)
def test_all_is_one_call_where_nothing_may_be_excluded(stack: Stack) -> None:
    made = make_plan(stack)
    fallbacks = Fallbacks(require(made, made.names))

    assert not fallbacks.has_gates
    assert fallbacks.list_startable(made.names, lambda _: False, ()) == made.names


@pytest.mark.parametrize("name", ["queue", "disk"])
def test_what_requires_a_failed_service_is_not_started(name: str) -> None:
    excluded = " ".join(close(WORKER, name))

    assert "worker" not in list_startable(WORKER, excluded=excluded)
