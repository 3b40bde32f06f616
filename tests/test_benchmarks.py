"""Every benchmark's figures come into one table, and what failed stands in it too."""

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.journal import Journal
from benchmarks.measure_all import (
    Measured,
    Moment,
    note,
    run_benchmark,
    write_results,
)
from benchmarks.run import servers
from benchmarks.table import Limit, Row, describe, divide, make_table
from composegen.places.events import Event, Ready

ROOT = Path(__file__).parents[1]
MONDAY, TUESDAY = Moment(on="a machine", at="Monday"), Moment(on="it", at="Tuesday")
ROW = {"figure": "time", "ours": "1.00 s (0.90 to 1.20)"}


def write_script(folder: Path, text: str) -> Path:
    path = folder / "bench_it.py"
    path.write_text(text)
    return path


def measured(title: str, *rows: dict[str, object]) -> Measured:
    return Measured(groups=[{"title": title, "rows": list(rows)}])


def test_a_figure_is_the_median_with_its_range():
    assert describe([3.0, 1.0, 2.0], " s") == "2.00 s (1.00 to 3.00)"
    assert describe([1234.5], digits=0) == "1,234 (1,234 to 1,234)"


def test_ratios_are_of_pairs():
    assert divide([1.0, 4.0], [2.0, 1.0]) == [0.5, 4.0]
    with pytest.raises(ValueError, match="shorter"):
        divide([1.0, 2.0], [1.0])


def test_a_limit_judges_the_median():
    most, least = Limit(value=5, unit=" ms"), Limit(value=20, is_floor=True)
    assert most.judge([1, 5, 9]) == {"wanted": "at most 5 ms", "is_reached": True}
    assert most.judge([5.1]) == {"wanted": "at most 5 ms", "is_reached": False}
    assert least.judge([19.9]) == {"wanted": "at least 20", "is_reached": False}
    assert least.judge([20.0]) == {"wanted": "at least 20", "is_reached": True}


def test_all_figures_stand_in_one_table():
    row = Row(figure="a", ours="1", wanted="at most 0", is_reached=False)
    table = make_table([("First", [row]), ("Second", [Row(figure="b|c", ours="2\n3")])])
    lines = table.splitlines()
    assert lines[2].startswith("| **First** |")
    assert lines[3] == r"| a | 1 |  |  | at most 0 | no |  |"
    assert lines[5].startswith(r"| b\|c | 2 3 |")
    unescaped = {line.replace(r"\|", "").count("|") for line in lines}
    assert unescaped == {8}


def test_a_benchmark_measured_again_leaves_the_others(tmp_path):
    kept = note({}, "bench_a", measured("A", ROW), MONDAY)
    kept = note(kept, "bench_b", measured("B", ROW), MONDAY)
    kept = note(kept, "bench_b", measured("B", {**ROW, "ours": "2.00 s"}), TUESDAY)
    text = write_results(kept, "## Notes")
    assert "On a machine:\n\n- bench_a: Monday\n" in text
    assert "On it:\n\n- bench_b: Tuesday\n" in text
    assert text.count("1.00 s (0.90 to 1.20)") == text.count("2.00 s") == 1
    assert text.endswith("## Notes\n")


def test_what_was_measured_before_is_kept(tmp_path):
    path = tmp_path / "it.jsonl"
    journal = Journal(path)
    journal.add("chat", took=1.5, rows=[("a", "b")])
    journal.add("ends", took=2)
    with path.open("a") as file:
        file.write('{"part": "chat", "to')  # it was ended there

    again = Journal(path)
    again.add("chat", took=3)

    first = {"part": "chat", "took": 1.5, "rows": [["a", "b"]]}
    for each in (again, Journal(path)):
        assert each.list("chat") == [first, {"part": "chat", "took": 3}]
    assert [each["took"] for each in Journal(path).list("ends")] == [2]
    assert Journal().list("chat") == []


def test_a_script_gets_the_words_that_are_for_it(tmp_path):
    script = write_script(
        tmp_path, "import sys\nraise SystemExit(' '.join(sys.argv[2:]))"
    )
    assert run_benchmark(script, words=("--keep", "a")).reason == "--keep a"


def test_what_a_script_hands_over_is_taken(tmp_path):
    line = json.dumps({"title": "A", "rows": [ROW]})
    script = write_script(
        tmp_path,
        f"import sys\nassert '--json' in sys.argv\nprint('talk')\nprint({line!r})",
    )
    assert run_benchmark(script) == measured("A", ROW)


def test_a_benchmark_that_fails_stands_in_the_table_with_its_reason(tmp_path):
    line = json.dumps({"title": "A", "rows": [ROW]})
    script = write_script(tmp_path, f"print({line!r})\nraise SystemExit('no docker')")
    found = run_benchmark(script)
    assert found.reason == "no docker"
    text = write_results(note({}, "bench_it", found, MONDAY), "")
    assert "| time | 1.00 s (0.90 to 1.20) |" in text
    assert "| could not be measured |  | no docker |" in text


def test_a_benchmark_that_takes_too_long_is_interrupted_and_keeps_what_it_had(tmp_path):
    line = json.dumps({"title": "A", "rows": [ROW]})
    script = write_script(
        tmp_path,
        f"import pathlib, time\nprint({line!r}, flush=True)\n"
        "try:\n    pathlib.Path('began').touch()\n    time.sleep(600)\n"
        "finally:\n    pathlib.Path('cleaned').touch()\n",
    )
    for longest in (2, 10, 50):  # a busy machine is slow to begin
        found = run_benchmark(script, longest=longest)
        assert found.reason == f"it took longer than {longest} s"
        if (tmp_path / "began").exists():
            break
    assert found.groups == measured("A", ROW).groups
    assert (tmp_path / "cleaned").exists()


def test_the_results_are_those_that_are_kept():
    folder = ROOT / "benchmarks"
    kept = json.loads((folder / "results.json").read_text())
    notes = (folder / "NOTES.md").read_text()
    assert set(kept) == {path.stem for path in folder.glob("*/bench_*.py")}
    assert (folder / "RESULTS.md").read_text() == write_results(kept, notes)


def test_the_services_that_are_measured_come_up_as_in_a_run(tmp_path: Path) -> None:
    events: list[Event] = []

    async def bring_up() -> None:
        path, _ = servers.write_chain(tmp_path, [0.0, 0.0])
        async with servers.carry_out(path, events.append) as supervisor:
            await supervisor.bring_up()

    servers.write_server(tmp_path)
    asyncio.run(bring_up())

    assert len([event for event in events if isinstance(event, Ready)]) == 2
