"""A stack and a selection become steps, gates, environment and reasons."""

from __future__ import annotations

import math

import pytest

from composegen.errors import SelectionError
from composegen.needs import Condition
from composegen.planning.plan import Step, make_plan, take_part
from composegen.planning.selection import Selection
from tests.rendering import plan
from tests.stacks import APP, load_only, make_stack

CACHE = "use: redis\n"
JOB = "image: python:3.13-slim\ncommand: [python, -m, migrate]\njob: true\n"


def step(name: str, stack: str, removed: tuple[str, ...] = ()) -> Step:
    return next(s for s in plan(stack, removed=removed).steps if s.name == name)


def order(stack: str, **selection: tuple[str, ...]) -> list[str]:
    return list(plan(stack, **selection).names)  # type: ignore[arg-type]


# Steps


def test_a_service_comes_after_what_it_needs() -> None:
    stack = make_stack(web=f"{APP}needs: [api]\n", api=f"{APP}needs: [db]\n", db=APP)

    assert order(stack) == ["db", "api", "web"]


def test_services_that_wait_for_nothing_keep_their_order() -> None:
    assert order(make_stack(c=APP, a=APP, b=APP)) == ["c", "a", "b"]


def test_what_is_excluded_is_no_step() -> None:
    stack = make_stack(web=APP, admin=f"{APP}enabled: false\n")

    assert order(stack) == ["web"]
    assert order(stack, added=("admin",)) == ["web", "admin"]


def test_a_plan_that_cannot_be_made_is_an_error() -> None:
    stack = load_only(make_stack(web=f"{APP}needs: [api]\n", api=APP))

    with pytest.raises(SelectionError):
        make_plan(stack, Selection(removed=("api",)))


# Gates


@pytest.mark.parametrize(
    ("need", "target", "condition", "optional"),
    [
        ("", APP, Condition.HEALTHY, False),
        ("until: started", APP, Condition.STARTED, False),
        ("until: healthy", APP, Condition.HEALTHY, False),
        ("otherwise: {}", APP, Condition.HEALTHY, True),
        ("", JOB, Condition.FINISHED, False),
        ("until: started", JOB, Condition.STARTED, False),
        ("otherwise: {}", JOB, Condition.FINISHED, True),
    ],
)
def test_a_gate_waits_for_what_the_need_says(
    need: str, target: str, condition: Condition, optional: bool
) -> None:
    stack = make_stack(web=f"{APP}needs: {{other: {{{need}}}}}\n", other=target)

    (gate,) = step("web", stack).gates

    assert (gate.service, gate.condition) == ("other", condition)
    assert gate.is_optional is optional


def test_a_service_that_is_excluded_has_no_gate() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{api: , cache: {{otherwise: {{}}}}}}\n",
        api=APP,
        cache=CACHE,
    )

    gates = step("web", stack, removed=("cache",)).gates

    assert [gate.service for gate in gates] == ["api"]


# Environment

WIRED = make_stack(
    web=f"""{APP}\
replicas: 3
environment: {{MODE: fast, STORE: redis}}
needs:
  cache:
    env: {{CACHE_URL: "{{url}}"}}
    otherwise:
      env: {{STORE: memory, TTL: "5"}}
      replicas: 1
      note: sessions live in memory
""",
    cache=CACHE,
)


def test_what_a_need_wires_is_added_to_the_own_environment() -> None:
    assert step("web", WIRED).environment == {
        "MODE": "fast",
        "STORE": "redis",
        "CACHE_URL": "redis://cache:6379/0",
    }


def test_an_excluded_need_takes_its_variables_along() -> None:
    web = step("web", WIRED, removed=("cache",))

    assert "CACHE_URL" not in web.environment
    assert web.unset == ("CACHE_URL",)


def test_one_template_says_of_each_service_what_is_so_there() -> None:
    needs = 'needs: {a: {env: {A: "{host}"}}, b: {env: {B: "{host}"}}}\n'
    stack = make_stack(web=APP + needs, a=APP, b=APP)

    assert step("web", stack).environment == {"A": "a", "B": "b"}


def test_otherwise_may_override_the_environment() -> None:
    web = step("web", WIRED, removed=("cache",))

    assert web.environment == {"MODE": "fast", "STORE": "memory", "TTL": "5"}


def test_otherwise_counts_only_while_the_service_is_out() -> None:
    assert "TTL" not in step("web", WIRED).environment


def test_otherwise_says_how_many_replicas_there_are() -> None:
    assert step("web", WIRED).replicas == 3
    assert step("web", WIRED, removed=("cache",)).replicas == 1


def test_the_fewest_replicas_count_where_two_services_are_out() -> None:
    stack = make_stack(
        web=f"{APP}replicas: 5\nneeds:\n"
        "  a: {otherwise: {replicas: 3}}\n  b: {otherwise: {replicas: 2}}\n",
        a=CACHE,
        b=CACHE,
    )

    assert step("web", stack, removed=("a", "b")).replicas == 2
    assert step("web", stack, removed=("a",)).replicas == 3


def test_otherwise_may_say_that_there_are_more_replicas() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{a: {{otherwise: {{replicas: 2}}}}}}\n", a=CACHE
    )

    assert step("web", stack, removed=("a",)).replicas == 2


def test_a_variable_that_otherwise_sets_is_not_unset() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{a: {{env: {{X: '{{url}}'}}, otherwise: "
        "{env: {X: none}}}}\n",
        a=CACHE,
    )

    web = step("web", stack, removed=("a",))

    assert web.environment == {"X": "none"}
    assert web.unset == ()


def test_a_secret_names_its_file_in_the_environment() -> None:
    web = step("web", make_stack(web=f"{APP}secrets: [api-key]\n"))

    assert web.environment == {"API_KEY_FILE": "/run/secrets/api-key"}
    assert [use.name for use in web.secrets] == ["api-key"]


def test_a_secret_may_name_its_variable() -> None:
    web = step("web", make_stack(web=f"{APP}secrets: {{api-key: KEY_PATH}}\n"))

    assert web.environment == {"KEY_PATH": "/run/secrets/api-key"}


# What is used


def test_secrets_and_volumes_of_excluded_services_are_not_used() -> None:
    stack = make_stack(
        web=APP,
        db="use: postgres\nsecrets: {pw: POSTGRES_PASSWORD_FILE}\nenabled: false\n",
    )

    made = plan(stack)
    whole = plan(stack, added=("db",))

    assert (dict(made.secrets), made.volumes, made.stores) == ({}, (), ())
    assert set(whole.secrets) == {"pw"}
    assert whole.volumes == ("db-data",)
    assert whole.stores == ("db",)


def test_a_service_that_can_be_done_without_is_not_required() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{api: , cache: {{otherwise: {{}}}}}}\n",
        api=APP,
        cache=f"{CACHE}needs: [disk]\n",
        disk=APP,
    )

    required = {step.name: step.is_required for step in plan(stack).steps}

    assert required == {"web": True, "api": True, "cache": False, "disk": False}


def test_a_service_that_one_of_two_requires_is_required() -> None:
    stack = make_stack(
        a=f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n",
        b=f"{APP}needs: [cache]\n",
        cache=CACHE,
    )

    assert step("cache", stack).is_required


# The worst wait


def slow(boot: str, needs: str = "") -> str:
    return (
        "image: python:3.13\nport: 80\n"
        f"health: {{http: /, boot: {boot}, interval: 5s, retries: 2}}\n{needs}"
    )


def test_a_service_waits_at_worst_for_the_boot_of_what_it_needs() -> None:
    stack = make_stack(web=f"{APP}needs: [api]\n", api=slow("30s"))

    assert step("web", stack).worst_wait == 30


def test_waits_add_up_along_a_chain() -> None:
    stack = make_stack(
        web=f"{APP}needs: [api]\n", api=slow("30s", "needs: [db]\n"), db=slow("20s")
    )

    assert step("api", stack).worst_wait == 20
    assert step("web", stack).worst_wait == 50


def test_the_longest_of_several_waits_counts() -> None:
    stack = make_stack(
        web=f"{APP}needs: [a, b]\n", a=slow("30s"), b=slow("50s"), c=slow("90s")
    )

    assert step("web", stack).worst_wait == 50


def test_a_service_that_only_has_to_start_is_not_waited_for() -> None:
    stack = make_stack(web=f"{APP}needs: {{a: {{until: started}}}}\n", a=slow("30s"))

    assert step("web", stack).worst_wait == 0


def test_a_start_behind_another_gate_is_waited_for() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{a: {{until: started}}}}\n",
        a=slow("30s", "needs: [b]\n"),
        b=slow("10s"),
    )

    assert step("web", stack).worst_wait == 10


def test_how_long_a_job_takes_is_not_known() -> None:
    stack = make_stack(web=f"{APP}needs: [job]\n", job=JOB)

    assert math.isinf(step("web", stack).worst_wait)


# A part of it

PART = """
services:
  web:
    image: python:3.12-slim
    health: {none: it waits}
    needs: {api: {until: started}}
  api:
    image: python:3.12-slim
    health: {none: it waits}
    needs:
      db: DB_URL
      cache: {otherwise: {env: {A: b}}}
      mail: {otherwise: {env: {C: d}}}
  db: {use: redis}
  cache: {use: redis}
  mail: {use: redis}
"""


def test_a_part_has_the_named_services_and_their_needs_as_in_the_whole() -> None:
    plan = make_plan(load_only(PART), Selection(removed=("mail",)))

    part = take_part(plan, ["api"])

    assert part.names == ("db", "cache", "api")
    assert part.steps == tuple(step for step in plan.steps if step.name in part.names)
    assert [each.service for each in part.excluded] == ["mail"]
    assert set(part.stores) == {"db", "cache"}
    assert set(take_part(plan, ["db"]).volumes) < set(plan.volumes)


def test_what_the_named_ones_require_is_required() -> None:
    plan = make_plan(load_only(PART))
    assert not next(s for s in plan.steps if s.name == "cache").is_required

    alone, with_api = take_part(plan, ["cache"]), take_part(plan, ["api"])

    assert [step.is_required for step in alone.steps] == [True]
    assert {step.name: step.is_required for step in with_api.steps} == {
        "db": True,
        "cache": False,
        "mail": False,
        "api": True,
    }


# Variables that are passed on


def test_a_password_that_is_passed_on_is_a_variable_of_the_url() -> None:
    stack = make_stack(
        app=f"{APP}needs: {{db: DATABASE_URL}}\n",
        db="use: postgres\nenvironment: [POSTGRES_PASSWORD]\n",
    )

    made = make_plan(load_only(stack))

    steps = {step.name: step for step in made.steps}
    assert steps["db"].environment["POSTGRES_PASSWORD"] is None
    assert steps["app"].environment["DATABASE_URL"] == (
        "postgresql://postgres:${POSTGRES_PASSWORD}@db:5432/postgres"
    )
