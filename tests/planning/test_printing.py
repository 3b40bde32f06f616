"""A plan as text says why each step waits; as data it holds the same."""

from __future__ import annotations

import json

from composegen.planning.printing import describe_excluded, describe_plan, format_plan
from tests.rendering import plan
from tests.stacks import APP, make_stack

CACHE = "use: redis\n"
JOB = "image: python:3.13-slim\ncommand: [python, -m, migrate]\njob: true\n"
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


def slow(boot: str) -> str:
    return (
        "image: python:3.13\nport: 80\n"
        f"health: {{http: /, boot: {boot}, interval: 5s, retries: 2}}\n"
    )


def test_the_title_is_the_project_where_that_is_known() -> None:
    text = format_plan(plan(WIRED), title="shop-feature")

    assert text.startswith("shop-feature: ")


def test_a_plan_prints_each_step_with_its_reason_and_its_wait() -> None:
    stack = "name: shop\n" + make_stack(
        web=f"{APP}needs: {{api: , cache: {{otherwise: {{}}}}}}\n",
        worker=f"{APP}needs: [migrate]\n",
        api=slow("30s"),
        cache=CACHE,
        migrate=f"{JOB}needs: {{db: {{until: started}}}}\n",
        db=APP,
    )

    assert format_plan(plan(stack)) == (
        "shop: 6 services\n"
        "\n"
        "  1. api      starts at once\n"
        "  2. cache    starts at once\n"
        "  3. db       starts at once\n"
        "  4. web      starts when api is healthy, and cache is healthy or times out"
        "  waits 30s at worst\n"
        "  5. migrate  runs to its end when db has started\n"
        "  6. worker   starts when migrate has finished"
        "                               waits as long as the job runs\n"
    )


def test_a_plan_prints_what_is_excluded_and_what_happens_instead() -> None:
    assert format_plan(plan(WIRED, removed=("cache",))) == (
        "stack.yaml: 1 service, --without cache\n"
        "\n"
        "  1. web  starts at once\n"
        "\n"
        "excluded\n"
        "  cache: --without cache\n"
        "    web: STORE=memory, TTL=5, 1 replica; sessions live in memory\n"
    )


def test_a_fallback_that_changes_nothing_says_so() -> None:
    stack = make_stack(web=f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n", cache=CACHE)

    assert "    web: starts without it\n" in format_plan(
        plan(stack, removed=("cache",))
    )


def test_a_plan_prints_which_service_restarts_later() -> None:
    stack = WIRED.replace("note:", "later: restart\n          note:")

    assert format_plan(plan(stack)).endswith(
        "\n\n"
        "later\n"
        "  web: restarts if cache fails after it was ready: "
        "STORE=memory, TTL=5, 1 replica; sessions live in memory\n"
    )


def test_what_is_excluded_cannot_fail_later() -> None:
    stack = WIRED.replace("note:", "later: restart\n          note:")

    assert "later\n" not in format_plan(plan(stack, removed=("cache",)))


# As data


def test_a_plan_is_plain_data() -> None:
    data = describe_plan(plan(WIRED, removed=("cache",)))

    assert json.loads(json.dumps(data, allow_nan=False)) == {
        "name": None,
        "with": [],
        "without": ["cache"],
        "steps": [
            {
                "service": "web",
                "job": False,
                "required": True,
                "replicas": 1,
                "gates": [],
                "reason": "starts at once",
                "worst_wait": 0,
            }
        ],
        "left_out": [
            {
                "service": "cache",
                "reason": "--without cache",
                "instead": [
                    {
                        "service": "web",
                        "env": {"STORE": "memory", "TTL": "5"},
                        "replicas": 1,
                        "note": "sessions live in memory",
                    }
                ],
            }
        ],
    }


def test_gates_are_data_and_an_endless_wait_is_null() -> None:
    stack = make_stack(
        web=f"{APP}needs: {{job: , cache: {{otherwise: {{}}}}}}\n", job=JOB, cache=CACHE
    )

    web = describe_plan(plan(stack))["steps"][-1]

    assert web["worst_wait"] is None
    assert web["gates"] == [
        {
            "service": "job",
            "condition": "finished",
            "required": True,
            "later": None,
        },
        {
            "service": "cache",
            "condition": "healthy",
            "required": False,
            "later": "cope",
        },
    ]


def test_excluded_services_are_data_with_a_line_for_each_fallback() -> None:
    made = plan(WIRED, removed=("cache",))
    line = "web: STORE=memory, TTL=5, 1 replica; sessions live in memory"
    described = [{"service": "cache", "reason": "--without cache", "instead": [line]}]

    assert describe_excluded(made) == described


def test_a_plan_that_is_wider_than_the_terminal_has_its_reasons_below() -> None:
    stack = "name: shop\n" + make_stack(
        web=f"{APP}needs: {{api: , cache: {{otherwise: {{}}}}}}\n",
        api=slow("30s"),
        cache=CACHE,
    )

    narrow = format_plan(plan(stack), width=50)

    assert narrow == (
        "shop: 3 services\n"
        "\n"
        "  1. api\n"
        "       starts at once\n"
        "  2. cache\n"
        "       starts at once\n"
        "  3. web\n"
        "       starts when api is healthy, and cache is\n"
        "         healthy or times out\n"
        "       waits 30s at worst\n"
    )
    assert format_plan(plan(stack), width=300) == format_plan(plan(stack))


def test_what_is_excluded_is_wrapped_in_a_narrow_terminal() -> None:
    lines = format_plan(plan(WIRED, removed=("cache",)), width=40).splitlines()

    assert max(map(len, lines)) <= 40
    assert lines[-2:] == [
        "    web: STORE=memory, TTL=5, 1 replica;",
        "      sessions live in memory",
    ]
