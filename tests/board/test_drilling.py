"""A drill that was begun on the page: its table, what goes on, its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from composegen.board.drilling import Drilling
from composegen.board.shared import Shared
from composegen.errors import UsageError
from tests.boards import HOSTILE
from tests.leaks import wait_for

HEADS = ["need", "fault", "errors", "slowest", "away for", "verdict"]
WAITS = ["web -> db", "stop", "-", "-", "-", "not yet"]
HOLDS = ["web -> db", "stop", "0 of 9", "0.10 s", "-", "holds"]
FAILS = ["web -> db", "kill", "3 of 9", "2.00 s", "1.00 s", "fails"]
BEGUN = {
    "step": "begun",
    "heads": HEADS,
    "faults": 2,
    "rows": [
        {"cells": WAITS, "evidence": []},
        {"cells": ["web -> db", "kill", *WAITS[2:]], "evidence": []},
    ],
}
JUDGED = {"step": "rows", "rows": [{"cells": HOLDS, "evidence": []}]}
OVER = {
    "step": "over",
    "rows": [
        {"cells": HOLDS, "evidence": []},
        {"cells": FAILS, "evidence": [HOSTILE]},
    ],
    "sum": "1 hold, 1 fail; 2 faults in 9 s",
    "text": "need  fault\n\n1 hold, 1 fail",
}


def fault(name: str, stage: str) -> dict[str, Any]:
    return {"step": "fault", "service": "db", "fault": name, "stage": stage}


class Stand:
    """A drill the steps of which a test says; it goes on until the test ends it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "steps"
        self.file.touch()
        self.shared = Shared()
        self.told: list[str] = []
        program = f"""
import signal, sys, time
ended = []
signal.signal(signal.SIGINT, lambda *_: ended.append(1))
print("this will be done", file=sys.stderr, flush=True)
with open({str(self.file)!r}) as steps:
    while not ended:
        line = steps.readline()
        if line == "end\\n": sys.exit(1)
        sys.stdout.write(line); sys.stdout.flush()
        line or time.sleep(0.002)
print("undone", file=sys.stderr)
sys.exit(130)
"""
        command = (sys.executable, "-S", "-c", program)
        self.drilling = Drilling(command, self.shared, self.told.append)

    def step(self, *steps: dict[str, Any]) -> None:
        with self.file.open("a") as file:
            file.writelines(json.dumps(step) + "\n" for step in steps)

    def end(self) -> None:
        with self.file.open("a") as file:
            file.write("end\n")

    def wait_for(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What goes on, once something holds."""
        wait_for(lambda: holds(self.shared.get("drill") or {}))
        found: dict[str, Any] = self.shared.get("drill")
        return found

    def read_cells(self) -> list[list[str]]:
        return [row["cells"] for row in self.shared.get("drill-rows")]


@pytest.fixture
def stand(tmp_path: Path) -> Any:
    made = Stand(tmp_path)
    yield made
    made.drilling.close()
    made.end()  # where closing has not ended it


def test_its_table_is_there_from_the_beginning_and_fills(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.step(BEGUN, fault("stop", "begins"), fault("stop", "stands"))
    drill = stand.wait_for(lambda drill: (drill["now"] or {}).get("stage") == "stands")

    assert drill["heads"] == HEADS
    assert (drill["number"], drill["faults"]) == (1, 2)
    assert stand.read_cells() == [WAITS, ["web -> db", "kill", *WAITS[2:]]]

    stand.step(JUDGED, fault("kill", "begins"))
    drill = stand.wait_for(lambda drill: drill["number"] == 2)
    assert drill["now"]["fault"] == "kill"
    assert stand.read_cells()[0] == HOLDS


def test_it_ends_with_its_sum_and_its_table_in_the_terminal(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.step(BEGUN, OVER)
    stand.end()
    drill = stand.wait_for(lambda drill: drill.get("going") is False)

    assert (drill["sum"], drill["code"], drill["now"]) == (OVER["sum"], 1, None)
    assert stand.read_cells() == [HOLDS, FAILS]
    table = [line for line in stand.told if "will be done" not in line]
    assert table == ["drill: need  fault", "drill:", "drill: 1 hold, 1 fail"]


def test_what_a_service_said_steers_nothing(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.step(BEGUN, OVER)
    stand.end()
    stand.wait_for(lambda drill: drill.get("going") is False)

    [evidence] = stand.shared.get("drill-rows")[1]["evidence"]
    assert evidence == "</script><img src=x onerror=alert(1)>"


def test_what_is_no_step_is_a_line_for_people(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.file.write_text("Traceback\n[1]\n")
    stand.end()
    drill = stand.wait_for(lambda drill: drill.get("going") is False)

    assert sorted(drill["lines"]) == ["Traceback", "[1]", "this will be done"]
    assert "drill: Traceback" in stand.told


def test_it_is_ended_as_by_ctrl_c_and_only_one_goes_on(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.wait_for(lambda drill: "this will be done" in drill["lines"])
    with pytest.raises(UsageError, match="goes on already"):
        stand.drilling.begin([])
    stand.drilling.end()
    drill = stand.wait_for(lambda drill: drill.get("going") is False)

    assert drill["code"] == 130
    assert drill["lines"][-1] == "undone"
    with pytest.raises(UsageError, match="no drill goes on"):
        stand.drilling.end()


def test_a_new_one_begins_with_an_empty_table(stand: Stand) -> None:
    stand.drilling.begin([])
    stand.step(BEGUN)
    stand.wait_for(lambda drill: bool(drill["heads"]))
    stand.drilling.end()
    stand.wait_for(lambda drill: drill.get("going") is False)
    stand.file.write_text("")
    stand.drilling.begin([])

    assert stand.shared.get("drill-rows") is None
