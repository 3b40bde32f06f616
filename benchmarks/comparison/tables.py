"""The tables of docs/comparison.md, from what was measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.comparison.faults import FAULTS

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "comparison.md"
NOT_MEASURED = "not measured"
_TABLE = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
Found = Mapping[str, Any]


def write_tables(results: Found, page: Path = PAGE) -> None:
    """Write both tables of the page."""
    peers = {title: results["peers"][title] for title in results["peers"]}
    tables = {"stack": make_stack_table(peers), "faults": make_fault_table(peers)}
    text = page.read_text()
    page.write_text(_TABLE.sub(lambda m: f"{m[1]}\n{tables[m[2]]}\n{m[3]}", text))


def make_stack_table(peers: Mapping[str, Found]) -> str:
    """The ten services: a row for each question, a column for each tool."""
    rows: Mapping[str, Callable[[Found], str]] = {
        "version": lambda each: str(each["version"]),
        "all ten come up": _say_up,
        "edges that held": _say_held,
        "until all are ready": _say_seconds,
        "starts in all": _say_starts,
        "the optional one cannot start": _say_without,
        "`kill -9` of a service": _say_killed,
        "`kill -9` of the tool": _say_tool,
    }
    made = [[name, *map(say, peers.values())] for name, say in rows.items()]
    return _make_table(["", *peers], made)


def make_fault_table(peers: Mapping[str, Found]) -> str:
    """The twelve faults, and how many causes each tool names."""
    rows = []
    for fault in FAULTS:
        found = [each.get("faults", {}).get(fault.title) for each in peers.values()]
        rows.append([fault.title, *map(_say_fault, found)])
    counts = []
    for each in peers.values():
        verdicts = [found["verdict"] for found in each.get("faults", {}).values()]
        counts.append(f"**{verdicts.count('cause')} of {len(verdicts)}**")
    rows.append(["**the cause is named**", *counts])
    return _make_table(["", *peers], rows)


def _make_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _say_up(found: Found) -> str:
    boots = found.get("boots")
    if not boots:
        return NOT_MEASURED
    return f"{sum(each['is_up'] for each in boots)} of {len(boots)} times"


def _say_held(found: Found) -> str:
    if not found.get("boots"):
        return NOT_MEASURED
    worst = min(found["boots"], key=lambda each: each["held"])
    return f"{worst['held']} of {worst['edges']}"


def _say_seconds(found: Found) -> str:
    boots = found.get("boots")
    if not boots:
        return NOT_MEASURED
    seconds = [each["seconds"] for each in boots if each["is_up"]]
    if not seconds:
        return "never"
    median = statistics.median(seconds)
    spread = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(seconds) > 1 else ""
    return f"{median:.1f} s{spread}"


def _say_starts(found: Found) -> str:
    starts = [each["starts"] for each in found.get("boots", [])]
    return str(max(starts)) if starts else NOT_MEASURED


def _say_without(found: Found) -> str:
    without = found.get("without")
    if without is None:
        return NOT_MEASURED
    if not without["is_up"]:
        return "the others are not up"
    ended = ", and it ends with 1" if without["code"] == 1 else ""
    return f"the others are up after {without['seconds']:.1f} s{ended}"


def _say_killed(found: Found) -> str:
    killed = found.get("killed")
    if killed is None:
        return NOT_MEASURED if not found.get("boots") else "-"
    if killed["tool_ended"]:
        return "it ends all the others"
    if not killed["back"]:
        return "it is not started again"
    others = f", {killed['others']} others too" if killed["others"] > 0 else ""
    return f"ready again after {killed['after']:.1f} s{others}"


def _say_tool(found: Found) -> str:
    if not found["stays"]:
        return "it has ended by then"
    killed = found.get("killed") or {}
    if "survivors" not in killed:
        return "-"
    left = killed["survivors"]
    return f"{left} services go on" if left else "no service is left"


def _say_fault(found: Found | None) -> str:
    if found is None:
        return "-"
    if found["verdict"] == "nothing":
        return "no"
    word = {"cause": "cause", "service": "the service"}[found["verdict"]]
    return f"{word}, asked" if found["asked"] else word
