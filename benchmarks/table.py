"""The figures of every benchmark in one form, so that they stand in one table.

A script under `benchmarks/` hands its rows to `report`: as a table for whoever started
it, or as JSON (``--json``) for `measure_all`, which puts all of them together.
"""

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

HEAD = (
    *("figure", "composegen", "peer", "ratio"),
    *("target", "reached", "measured"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: the median, in brackets the smallest and the largest value.

    ``beside`` is whom it was measured beside, and what came out there. ``is_reached``
    tells whether the median is what was wanted, None where nothing was.
    """

    figure: str
    ours: str
    beside: str = ""
    ratio: str = ""
    wanted: str = ""
    is_reached: bool | None = None
    times: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the table."""
        reached = {None: "", True: "yes", False: "no"}[self.is_reached]
        shown = (self.figure, self.ours, self.beside, self.ratio, self.wanted, reached)
        return tuple(
            " ".join(cell.split()).replace("|", r"\|") for cell in (*shown, self.times)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a figure must not be above, or below where it is to be large."""

    value: float
    unit: str = ""
    is_floor: bool = False

    def __str__(self) -> str:
        word = "at least" if self.is_floor else "at most"
        return f"{word} {self.value:g}{self.unit}"

    def holds(self, value: float) -> bool:
        """Whether a figure is within it."""
        return value >= self.value if self.is_floor else value <= self.value

    def judge(self, values: Sequence[float]) -> dict[str, object]:
        """The fields of a row that say what was wanted, and whether it came."""
        return {
            "wanted": str(self),
            "is_reached": self.holds(statistics.median(values)),
        }


def describe(values: Sequence[float], unit: str = "", digits: int = 2) -> str:
    """The median, and the range that it is from."""
    middle = statistics.median(values)
    low, high = min(values), max(values)
    return f"{middle:,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def name_peer(name: str, values: Sequence[float], unit: str, digits: int = 2) -> str:
    """A peer with its figure."""
    return f"{name}: {describe(values, unit, digits)}"


def divide(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """The ratios pair by pair."""
    return [one / two for one, two in zip(ours, theirs, strict=True)]


def make_table(groups: Iterable[tuple[str, Sequence[Row]]]) -> str:
    """One Markdown table; each group begins with a row that has its title alone."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for title, rows in groups:
        lines.append(f"| **{title}** |{' |' * (len(HEAD) - 1)}")
        lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    return "\n".join(lines) + "\n"


def report(title: str, rows: Sequence[Row]) -> None:
    """Print the rows of one benchmark: a table, or a line of JSON with ``--json``."""
    if "--json" in sys.argv:
        data = {"title": title, "rows": [asdict(row) for row in rows]}
        print(json.dumps(data), flush=True)
    else:
        print(make_table([(title, rows)]), flush=True)


def read_count(place: int, default: int, quick: int = 1) -> int:
    """How often to measure: the number at a place of the command line, if there."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if len(numbers) > place:
        return numbers[place]
    return quick if "--quick" in sys.argv else default
