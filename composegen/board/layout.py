"""Where each service stands: the one layout of the page, the SVG and the HTML.

What starts first is on the left. A service stands one column to the right of what it
needs, and next to its neighbours within the column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from composegen.board.scene import Link, Scene
from composegen.records import record

WIDE, NARROW = 1240, 760
"""The widths in pixels that a layout is made for: a window of 1280, and of 800."""

_MARGIN, _GAP, _NARROW_GAP, _ROW_GAP = 12, 46, 24, 14
_WIDEST, _NARROWEST, _NARROW, _NARROWEST_OF_ALL = 290, 178, 132, 116
_HIGH, _LOW, _MANY = 92, 66, 24
_ROWS = 6
_LANE = 10
_SWEEPS = 6


@record
class Card:
    """The rectangle of a service, in pixels."""

    service: str
    x: float
    y: float
    width: float
    height: float


@record
class Path:
    """The line of a link, from what is needed to who needs it, as SVG draws it."""

    link: Link
    line: str


@record
class Layout:
    """Every card and every line; ``is_dense`` where cards hold little."""

    width: float
    height: float
    cards: tuple[Card, ...]
    paths: tuple[Path, ...]
    is_dense: bool


def lay_out(scene: Scene, width: float = WIDE) -> Layout:
    """The layout of a scene for a window; it is wider only where it must be."""
    names = [box.service for box in scene.boxes]
    columns = _order(_make_columns(names, scene.links), scene.links)
    shown = _split(columns, _count_slots(width))
    is_dense = len(names) > _MANY
    wide, gap = _choose_width(len(shown), width)
    lanes = _add_lanes(shown, scene.links)
    standing = _stand(lanes, wide, gap, _LOW if is_dense else _HIGH)
    cards = {each.service: each for each in standing.cards}
    return Layout(
        width=2 * _MARGIN + len(shown) * (wide + gap) - (gap if shown else 0),
        height=standing.height,
        cards=tuple(cards[name] for name in names),
        paths=_draw_paths(scene.links, cards, standing.lanes, gap),
        is_dense=is_dense,
    )


# Columns


def _make_columns(names: Iterable[str], links: Iterable[Link]) -> list[list[str]]:
    """The services in columns, each to the right of all that it needs."""
    needs: dict[str, list[str]] = {name: [] for name in names}
    for link in links:
        needs[link.service].append(link.needed)
    depths: dict[str, int] = {}

    def measure(name: str) -> int:
        waiting = [name]
        while waiting:
            last = waiting[-1]
            unknown = [each for each in needs[last] if each not in depths]
            if unknown:
                waiting += unknown
                continue
            depths[last] = max((depths[each] + 1 for each in needs[last]), default=0)
            waiting.pop()
        return depths[name]

    columns: list[list[str]] = []
    for name in needs:
        depth = measure(name)
        while len(columns) <= depth:
            columns.append([])
        columns[depth].append(name)
    return columns


def _order(columns: list[list[str]], links: Iterable[Link]) -> list[list[str]]:
    """The columns with each service next to its neighbours, as far as that goes."""
    near: dict[str, list[str]] = {name: [] for column in columns for name in column}
    for link in links:
        near[link.service].append(link.needed)
        near[link.needed].append(link.service)
    for sweep in range(_SWEEPS):
        passing = columns if sweep % 2 else columns[::-1]
        for column in passing:
            place = _place(columns)
            middles = {name: _find_middle(name, near[name], place) for name in column}
            column.sort(key=middles.__getitem__)
    return columns


def _place(columns: Iterable[Sequence[str]]) -> dict[str, float]:
    """How far down each service is in its column, from 0 to 1."""
    return {
        name: (row + 0.5) / len(column)
        for column in columns
        for row, name in enumerate(column)
    }


def _find_middle(name: str, near: list[str], place: Mapping[str, float]) -> float:
    if not near:
        return place[name]
    return sum(place[each] for each in near) / len(near)


def _count_slots(width: float) -> int:
    return max(1, int((width - 2 * _MARGIN + _GAP) // (_NARROWEST + _GAP)))


def _split(columns: list[list[str]], slots: int) -> list[list[str]]:
    """The columns, tall ones as several where there is room next to them."""
    parts = [1] * len(columns)
    while sum(parts) < slots:
        heights = [
            math.ceil(len(column) / part)
            for column, part in zip(columns, parts, strict=True)
        ]
        tallest = max(range(len(columns)), key=heights.__getitem__, default=None)
        if tallest is None or heights[tallest] <= _ROWS:
            break
        parts[tallest] += 1
    return [
        column[start : start + math.ceil(len(column) / part)]
        for column, part in zip(columns, parts, strict=True)
        for start in range(0, len(column), math.ceil(len(column) / part))
    ]


def _choose_width(columns: int, width: float) -> tuple[float, float]:
    """How wide a card and a gap are, so that all columns fit where that is possible."""
    if not columns:
        return _WIDEST, _GAP
    wide, gap = 0.0, _GAP
    for gap in (_GAP, _NARROW_GAP):
        room = (width - 2 * _MARGIN - (columns - 1) * gap) / columns
        wide = min(_WIDEST, math.floor(room))
        if wide >= _NARROW:
            break
    return max(_NARROWEST_OF_ALL, wide), gap


# Lanes: lines that pass a column pass between its cards, not behind them

_Lane: TypeAlias = tuple[str, str]
"""What is needed and the kind of the links: these share a lane in each column."""


def _add_lanes(
    columns: list[list[str]], links: Iterable[Link]
) -> list[list[str | _Lane]]:
    """The columns with a lane where lines pass between cards."""
    at = {name: row for row, column in enumerate(columns) for name in column}
    place = _place(columns)
    passing: list[dict[_Lane, list[float]]] = [{} for _ in columns]
    for link in links:
        first, last = at[link.needed], at[link.service]
        for row in range(first + 1, last):
            share = (row - first) / (last - first)
            start, end = place[link.needed], place[link.service]
            lane = (link.needed, link.kind)
            middle = start + (end - start) * share
            passing[row].setdefault(lane, []).append(middle)
    return [
        _merge(column, place, lanes)
        for column, lanes in zip(columns, passing, strict=True)
    ]


def _merge(
    column: list[str], place: Mapping[str, float], lanes: Mapping[_Lane, list[float]]
) -> list[str | _Lane]:
    items: list[tuple[float, str | _Lane]] = [(place[name], name) for name in column]
    items += [(sum(all_) / len(all_), lane) for lane, all_ in lanes.items()]
    return [item for _, item in sorted(items, key=lambda each: each[0])]


@record
class _Standing:
    """Where cards stand, and the height of each lane by its column."""

    cards: tuple[Card, ...]
    lanes: Mapping[tuple[int, _Lane], float]
    height: float


def _stand(
    columns: list[list[str | _Lane]], wide: float, gap: float, high: float
) -> _Standing:
    """Every card and every lane in its place, the columns around one middle line."""
    heights = [
        sum(high if isinstance(item, str) else _LANE for item in column)
        + _ROW_GAP * (len(column) - 1)
        for column in columns
    ]
    tallest = max(heights, default=0)
    cards, lanes = [], {}
    for number, column in enumerate(columns):
        x = _MARGIN + number * (wide + gap)
        y = _MARGIN + (tallest - heights[number]) / 2
        for item in column:
            if isinstance(item, str):
                cards.append(Card(service=item, x=x, y=y, width=wide, height=high))
            else:
                lanes[number, item] = y + _LANE / 2
            y += (high if isinstance(item, str) else _LANE) + _ROW_GAP
    return _Standing(
        cards=tuple(cards),
        lanes=lanes,
        height=tallest + 2 * _MARGIN,
    )


# Lines


def _draw_paths(
    links: Sequence[Link],
    cards: Mapping[str, Card],
    lanes: Mapping[tuple[int, _Lane], float],
    gap: float,
) -> tuple[Path, ...]:
    leaving, coming = _spread(links, cards), _spread(links, cards, comes=True)
    paths = []
    for number, link in enumerate(links):
        start, end = cards[link.needed], cards[link.service]
        y = start.y + leaving[number]
        line = f"M{start.x + start.width:.1f} {y:.1f}"
        x, step = start.x, start.width + gap
        while x + 1.5 * step < end.x:
            x += step
            column = round((x - _MARGIN) / step)
            lane = lanes[column, (link.needed, link.kind)]
            line += f"{_bend(x - gap, y, x, lane)}L{x + start.width:.1f} {lane:.1f}"
            y = lane
        line += _bend(end.x - gap, y, end.x, end.y + coming[number])
        paths.append(Path(link=link, line=line))
    return tuple(paths)


def _spread(
    links: Sequence[Link], cards: Mapping[str, Card], *, comes: bool = False
) -> dict[int, float]:
    """How far below the top of its card each line ends, so that lines stay apart."""
    by_card: dict[str, list[int]] = {}
    for number, link in enumerate(links):
        own = link.service if comes else link.needed
        by_card.setdefault(own, []).append(number)
    found = {}
    for name, numbers in by_card.items():
        numbers.sort(
            key=lambda number: (
                cards[links[number].needed if comes else links[number].service].y
            )
        )
        for position, number in enumerate(numbers):
            share = (position + 1) / (len(numbers) + 1)
            found[number] = cards[name].height * (0.2 + 0.6 * share)
    return found


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
