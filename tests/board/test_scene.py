"""What is drawn of a plan: its services, and how each need is drawn."""

from __future__ import annotations

from composegen.board.scene import JOB, OPTIONAL, REQUIRED, make_scene
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from tests.stacks import APP, load_only, make_stack

NEEDS = "needs: {db: , migrate: {until: finished}, cache: {otherwise: {}}}\n"
STACK = make_stack(
    web=APP + NEEDS,
    db=APP,
    cache=APP,
    migrate="image: python:3.13-slim\njob: true\nneeds: [db]\n",
)


def test_a_need_is_drawn_as_what_it_is() -> None:
    scene = make_scene(make_plan(load_only(STACK)))

    assert {(each.service, each.needed): each.kind for each in scene.links} == {
        ("web", "db"): REQUIRED,
        ("web", "migrate"): JOB,
        ("web", "cache"): OPTIONAL,
        ("migrate", "db"): REQUIRED,
    }
    assert {box.service: box.kind for box in scene.boxes}["migrate"] == "job"


def test_an_excluded_service_is_drawn_last_with_its_reason() -> None:
    selection = Selection(removed=("cache",))
    scene = make_scene(make_plan(load_only(STACK), selection), "shop")

    box = scene.boxes[-1]
    assert (box.service, box.reason) == ("cache", "--without cache")
    assert scene.flags == "--without cache"
    assert scene.name == "shop"
