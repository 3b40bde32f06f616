"""A stack as a picture: the kinds of edges differ, what is excluded is faint."""

from __future__ import annotations

import re

import pytest

from composegen.targets.mermaid import draw_plan
from tests.rendering import plan
from tests.stacks import APP, make_stack

JOB = "image: python:3.13-slim\ncommand: [x]\njob: true\n"
STACK = make_stack(
    web=f"{APP}needs:\n  api:\n  cache: {{otherwise: {{}}}}\n"
    "  helper: {until: started}\n  set-up:\n",
    api=APP,
    cache="use: redis\n",
    helper=APP,
    set_up=JOB,
)


def draw(stack: str, removed: tuple[str, ...] = ()) -> list[str]:
    return draw_plan(plan(stack, removed=removed)).splitlines()


def test_a_whole_stack_is_drawn() -> None:
    assert draw(STACK) == [
        "flowchart LR",
        "  s_web[web]",
        "  s_api[api]",
        "  s_cache[(cache)]",
        "  s_helper[helper]",
        "  s_set_up[[set-up]]",
        '  s_web -->|"healthy"| s_api',
        '  s_web -. "healthy, optional" .-> s_cache',
        '  s_web --o|"started"| s_helper',
        '  s_web ==>|"finished"| s_set_up',
    ]


def test_gated_optional_job_and_started_edges_differ() -> None:
    edges = [line.split()[1][:3] for line in draw(STACK) if line.count("s_") == 2]

    assert len(set(edges)) == 4


def test_what_is_excluded_is_there_and_faint() -> None:
    lines = draw(STACK, removed=("cache",))

    assert lines[:-2] == draw(STACK)
    assert lines[-1] == "  class s_cache faint"
    assert lines[-2].startswith("  classDef faint ")


def test_several_services_that_are_excluded_are_faint() -> None:
    stack = make_stack(web=APP, a=f"{APP}enabled: false\n", b=f"{APP}enabled: false\n")

    assert draw(stack)[-1] == "  class s_a,s_b faint"


@pytest.mark.parametrize("name", ["end", "graph", "class", "style", "subgraph", "o-x"])
def test_a_service_may_be_called_like_a_word_of_mermaid_s(name: str) -> None:
    lines = draw(make_stack(**{"web": f"{APP}needs: [{name}]\n", name: APP}))

    for line in lines[1:]:
        assert re.match(r"  s_\w+[\[ ]", line)


def test_every_name_is_drawn_once() -> None:
    lines = draw(STACK)

    nodes = [
        line for line in lines if re.fullmatch(r"  s_\w+\[+\(?[a-z-]+\)?\]+", line)
    ]
    assert len(nodes) == 5


def test_names_that_differ_in_a_character_that_mermaid_lacks_are_two_nodes() -> None:
    drawn = draw(
        "services:\n"
        + "".join(
            f"  {name}: {{image: 'python:3.13-slim', port: 80, health: /}}\n"
            for name in ("a-b", "a_b", "a.b")
        )
    )

    shown = [line.strip() for line in drawn[1:]]
    assert shown == ["s_a_b[a-b]", "s_a_b_2[a_b]", "s_a_b_3[a.b]"]


def test_what_failed_is_faint_and_named_as_excluded():
    made = plan(
        make_stack(
            web=f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n", cache="use: redis\n"
        )
    )

    lines = draw_plan(made, ["cache"]).splitlines()

    assert '  s_cache[("cache: excluded")]' in lines
    assert "  class s_cache faint" in lines
    assert "  s_web[web]" in lines
