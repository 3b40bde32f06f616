"""Where services stand: what is needed is on the left, nothing covers anything."""

from __future__ import annotations

import re

import pytest

from composegen.board.layout import NARROW, WIDE, Card, Layout, lay_out
from composegen.board.scene import OPTIONAL, Box, Link, Scene, make_scene
from tests.rendering import plan
from tests.stacks import APP, make_stack


def make(needs: dict[str, list[str]]) -> Scene:
    return Scene(
        name="test",
        boxes=tuple(Box(service=name) for name in needs),
        links=tuple(
            Link(service=name, needed=each, kind=OPTIONAL)
            for name, needed in needs.items()
            for each in needed
        ),
    )


CHAIN = make({"web": ["api", "db"], "api": ["db"], "db": []})
SIXTY = make(
    {
        f"s{number:02d}": [f"s{max(0, number - step):02d}" for step in (13, 17)]
        if number >= 13
        else []
        for number in range(60)
    }
)


def find(layout: Layout) -> dict[str, Card]:
    return {card.service: card for card in layout.cards}


def is_apart(one: Card, other: Card) -> bool:
    return (
        one.x + one.width < other.x
        or other.x + other.width < one.x
        or one.y + one.height < other.y
        or other.y + other.height < one.y
    )


def test_what_is_needed_stands_to_the_left() -> None:
    cards = find(lay_out(CHAIN))

    assert cards["db"].x < cards["api"].x < cards["web"].x


def test_services_that_need_nothing_of_each_other_share_a_column() -> None:
    cards = find(lay_out(make({"a": [], "b": [], "c": ["a", "b"]})))

    assert cards["a"].x == cards["b"].x
    assert cards["a"].y != cards["b"].y


def test_neighbours_stand_next_to_each_other() -> None:
    scene = make({"a": [], "b": [], "of-b": ["b"], "of-a": ["a"]})
    cards = find(lay_out(scene))

    assert (cards["a"].y < cards["b"].y) == (cards["of-a"].y < cards["of-b"].y)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scene", [CHAIN, SIXTY], ids=["chain", "sixty"])
def test_no_card_covers_another(scene: Scene, width: float) -> None:
    cards = lay_out(scene, width).cards

    assert len(cards) == len(scene.boxes)
    assert all(
        is_apart(one, other)
        for number, one in enumerate(cards)
        for other in cards[number + 1 :]
    )


def test_sixty_services_fit_a_window_of_1280_with_names_that_can_be_read() -> None:
    layout = lay_out(SIXTY)

    assert layout.width <= WIDE
    assert min(card.width for card in layout.cards) >= 150


def test_one_tall_column_becomes_several() -> None:
    layout = lay_out(make({f"s{number}": [] for number in range(30)}))

    assert layout.width <= WIDE
    assert layout.height < 30 * 40


def test_a_line_that_passes_a_column_passes_between_its_cards() -> None:
    layout = lay_out(CHAIN)
    api = find(layout)["api"]
    [line] = [
        path.line
        for path in layout.paths
        if path.link.service == "web" and path.link.needed == "db"
    ]
    [(right, y)] = re.findall(r"L([0-9.]+) ([0-9.]+)", line)

    assert float(right) == api.x + api.width
    assert not api.y <= float(y) <= api.y + api.height


def test_each_need_has_a_line_and_a_loop_of_names_is_no_trouble() -> None:
    layout = lay_out(SIXTY)

    assert [path.link for path in layout.paths] == list(SIXTY.links)


def test_a_deep_stack_is_no_recursion() -> None:
    deep = {f"s{number}": [f"s{number + 1}"] for number in range(2000)}

    assert len(lay_out(make({**deep, "s2000": []})).cards) == 2001


def test_an_empty_scene_has_no_cards() -> None:
    assert lay_out(make({})).cards == ()


STACK = make_stack(
    web=f"{APP}needs:\n  cache: {{otherwise: {{env: {{STORE: memory}}}}}}\n  set-up:\n",
    cache="use: redis\n",
    set_up="image: python:3.13-slim\ncommand: [x]\njob: true\n",
)


def test_a_scene_has_the_kinds_of_services_and_of_needs() -> None:
    scene = make_scene(plan(STACK))

    assert {box.service: box.kind for box in scene.boxes} == {
        "cache": "store",
        "set-up": "job",
        "web": "service",
    }
    assert {(link.needed, link.kind) for link in scene.links} == {
        ("cache", "optional"),
        ("set-up", "job"),
    }


def test_a_scene_says_why_one_is_excluded_and_what_happens_instead() -> None:
    scene = make_scene(plan(STACK, removed=("cache",)))
    [cache] = [box for box in scene.boxes if box.service == "cache"]

    assert cache.reason == "--without cache"
    assert cache.instead == ("web: STORE=memory",)
    assert scene.boxes[-1] == cache
