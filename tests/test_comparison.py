"""The comparison judges by what tools print, and its stacks are ones that they read."""

import json
import sys
import time

import pytest
import yaml

from benchmarks.comparison import compare
from benchmarks.comparison.faults import FAULTS, OTHER
from benchmarks.comparison.noted import (
    count_held,
    count_starts,
    hide_paths,
    list_down,
    read_lines,
)
from benchmarks.comparison.stack import (
    TEN,
    THREE,
    Service,
    Stack,
    write_compose,
    write_procfile,
    write_stack,
    write_supervisor,
)
from benchmarks.comparison.tables import PAGE, RESULTS, write_tables
from composegen.errors import Level
from composegen.stackfile.load import load_stack
from tests.runs import ROOT

STACKS = {"ten": TEN, "three": THREE} | {each.title: each.make() for each in FAULTS}
FAULT = {each.title: each for each in FAULTS}
each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)


def test_the_stack_has_an_optional_service_a_job_and_a_slow_one():
    assert len(TEN.services) == 10
    assert [each.name for each in TEN.services if each.is_optional] == ["cache"]
    assert [each.name for each in TEN.services if each.is_job] == ["migrate"]
    assert TEN.find("model").boot == 4


def test_there_are_twelve_faults():
    assert len({each.title for each in FAULTS}) == 12


@each_stack
def test_the_stack_file_is_right(stack, tmp_path):
    (tmp_path / "stack.yaml").write_text(write_stack(stack, "it", tmp_path))
    problems = load_stack(tmp_path / "stack.yaml", "stack.yaml").problems
    assert [each for each in problems if each.level is Level.ERROR] == []


@each_stack
def test_the_compose_file_waits_for_the_same(stack):
    services = yaml.safe_load(write_compose(stack))["services"]
    edges = [
        (name, need)
        for name in services
        for need in services[name].get("depends_on", {})
    ]
    assert edges == stack.list_edges()


@each_stack
def test_tools_without_gates_get_the_same_commands(stack, tmp_path):
    procfile = write_procfile(stack).splitlines()
    assert [line.partition(":")[0] for line in procfile] == [
        each.name for each in stack.services
    ]
    assert write_supervisor(stack, tmp_path).count("[program:") == len(stack.services)


# What is said of a fault


@pytest.mark.parametrize(
    ("title", "text", "verdict"),
    [
        ("it listens on another port", f"it listens on port {OTHER}, not", "cause"),
        ("it listens on another port", "container it-api-1 is unhealthy", "service"),
        ("it listens on another port", "started 3 services", "nothing"),
        ("it exits with 0 too early", "api exited with 0 before it was", "cause"),
        ("it exits with 0 too early", "container it-api-1 exited (0)", "cause"),
        ("it exits with 0 too early", "api exited with 1", "service"),
        ("a variable is not set", "required variable TOKEN is missing", "cause"),
        ("its health check gets 500", "GET /health answers 500, and", "cause"),
        ("it boots for longer than allowed", "nothing listens on port 1 yet", "cause"),
        ("its image does not exist", "pull example.invalid/none:1: no such", "cause"),
    ],
)
def test_a_fault_is_judged_by_the_words_about_it(title, text, verdict):
    assert FAULT[title].judge(f"before\n{text}\nafter\n")[0] == verdict


# What is read from the services


PAIR = Stack((Service(name="a", port=1), Service(name="b", port=2, needs=("a",))))


def note(folder, name, *lines):
    with (folder / f"{name}.log").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_an_edge_holds_when_the_need_was_ready_before_the_first_start(tmp_path):
    note(tmp_path, "a", "1.0 start 1", "2.0 ready 1")
    note(tmp_path, "b", "2.5 start 2", "3.0 ready 2")
    assert count_held(tmp_path, PAIR) == (1, 1)


def test_an_edge_does_not_hold_where_only_a_later_start_waited(tmp_path):
    note(tmp_path, "a", "1.0 start 1", "2.0 ready 1")
    note(tmp_path, "b", "1.5 start 2", "2.5 start 3", "3.0 ready 3")
    assert count_held(tmp_path, PAIR) == (0, 1)
    assert count_starts(tmp_path, PAIR) == 3


def test_a_service_is_down_that_was_started_again_and_is_not_ready(tmp_path):
    note(tmp_path, "a", "1.0 start 1", "2.0 ready 1", "3.0 start 4")
    note(tmp_path, "b", "2.5 start 2", "3.0 ready 2")
    assert list_down(tmp_path, PAIR) == ["a"]
    assert read_lines(tmp_path, "a")[-1].pid == 4


# The tables


def make_peer(**changes):
    boot = {"is_up": True, "seconds": 5.0, "held": 14, "edges": 14, "starts": 10}
    killed = {"back": True, "after": 0.9, "others": 0, "tool_ended": False}
    whole = {
        "boots": [boot],
        "killed": killed | {"survivors": 0},
        "without": {"is_up": True, "seconds": 6.0, "code": None},
    }
    faults = {
        "it crashes when it starts": {
            "verdict": "cause",
            "seconds": 1.0,
            "asked": False,
        },
        "its health check gets 500": {
            "verdict": "cause",
            "seconds": 1.0,
            "asked": True,
        },
        "it runs out of memory": {"verdict": "nothing", "seconds": 9.0, "asked": False},
    }
    return {"version": "1", "stays": True, **whole, "faults": faults} | changes


def test_the_tables_are_written_between_their_marks(tmp_path):
    page = tmp_path / "comparison.md"
    page.write_text(
        "a\n<!-- measured: stack -->\nold\n<!-- end -->\nb\n"
        "<!-- measured: faults -->\n<!-- end -->\nc\n"
    )

    write_tables({"peers": {"it": make_peer()}}, page)

    text = page.read_text()
    assert "old" not in text
    assert "| until all are ready | 5.0 s |" in text
    assert "| `kill -9` of the tool | no service is left |" in text
    assert "| it crashes when it starts | cause |" in text
    assert "| its health check gets 500 | cause, asked |" in text
    assert "| it runs out of memory | no |" in text
    assert "| **the cause is named** | **2 of 3** |" in text
    assert text.endswith("c\n")


def test_the_page_has_what_was_measured(tmp_path):
    copy = tmp_path / "comparison.md"
    copy.write_text(PAGE.read_text())

    write_tables(json.loads(RESULTS.read_text()), copy)

    assert copy.read_text() == PAGE.read_text()


def test_a_line_that_is_kept_names_no_path_of_this_machine():
    line = f"port 1 is taken by `{sys.executable} a.py`, in {ROOT}; GET /health: 404"
    kept = hide_paths(line, ROOT)

    assert kept == "port 1 is taken by `python a.py`, in the project; GET /health: 404"


def test_waiting_ends_with_what_was_waited_for():
    began = time.monotonic()
    assert compare.wait_for(lambda: True, 60)
    assert not compare.wait_for(lambda: False, 0)
    assert time.monotonic() - began < 30
