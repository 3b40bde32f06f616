"""The board draws any stack, and any page sees what the board knows in the end."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from composegen.board.layout import NARROW, WIDE, Card, lay_out
from composegen.board.scene import JOB, OPTIONAL, REQUIRED, Box, Link, Scene
from composegen.board.shared import Shared


@st.composite
def draw_scenes(draw: st.DrawFn) -> Scene:
    """Services that need earlier ones, in no cycle."""
    count = draw(st.integers(0, 30))
    links = []
    for number in range(1, count):
        needed = draw(st.sets(st.integers(0, number - 1), max_size=4))
        kind = draw(st.sampled_from([REQUIRED, OPTIONAL, JOB]))
        links += [
            Link(service=f"s{number}", needed=f"s{each}", kind=kind)
            for each in sorted(needed)
        ]
    names = draw(st.permutations([f"s{number}" for number in range(count)]))
    boxes = tuple(Box(service=name) for name in names)
    return Scene(name="any", boxes=boxes, links=tuple(links))


def overlap(one: Card, other: Card) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(scene=draw_scenes(), width=st.sampled_from([WIDE, NARROW, 320]))
def test_each_service_stands_apart_to_the_right_of_what_it_needs(
    scene: Scene, width: float
) -> None:
    layout = lay_out(scene, width)

    cards = {card.service: card for card in layout.cards}
    assert [*cards] == [box.service for box in scene.boxes]
    assert not any(overlap(*pair) for pair in combinations(cards.values(), 2))
    for card in cards.values():
        assert card.x >= 0
        assert card.y >= 0
        assert card.x + card.width <= layout.width
        assert card.y + card.height <= layout.height
    assert tuple(path.link for path in layout.paths) == scene.links
    for link in scene.links:
        needed, service = cards[link.needed], cards[link.service]
        assert needed.x + needed.width < service.x


VALUES = st.dictionaries(
    st.sampled_from("abc"), st.none() | st.integers(0, 2), max_size=3
)


class Page:
    """A page: the snapshot that it got when it joined, and the changes since."""

    def __init__(self, shared: Shared) -> None:
        snapshot = shared.join(self.hear)
        self.number: int = snapshot["number"]
        self.values: dict[str, Any] = dict(snapshot["set"])

    def hear(self, message: Mapping[str, Any]) -> None:
        assert message["number"] == self.number + 1
        self.number = message["number"]
        for name, value in message["set"].items():
            if value is None:
                del self.values[name]
            else:
                self.values[name] = value


@given(changes=st.lists(VALUES, max_size=12), late=st.integers(0, 12))
def test_a_page_knows_the_same_whenever_it_joined(
    changes: list[dict[str, int | None]], late: int
) -> None:
    shared = Shared()
    pages = [Page(shared)]
    for number, values in enumerate(changes):
        if number == late:
            pages.append(Page(shared))
        shared.change(values)

    known = shared.make_snapshot()
    assert all(page.values == known["set"] for page in pages)
    assert all(page.number == known["number"] for page in pages)
