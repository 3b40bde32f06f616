"""Drills of a stack that runs as processes."""

import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import leaks
from tests.leaks import find_port, wait_for
from tests.runs import ask_status, make_service, run_cli, start_cli, write_stack

DRILL = ("drill", "--yes", "--format", "json", "--for", "0.2s", "--within", "60s")

SAYS = """
import os
print("started with", os.environ.get("CACHE"), os.environ.get("FROM"), flush=True)
exec(open("server.py").read())
"""


@contextmanager
def run_stack(folder: Path):
    """A run of `web`, which needs `cache` optionally; it is up, and talks to `talk`."""
    ports = find_port(), find_port()
    extra = """
        needs: {cache: {env: {CACHE: "{port}"}, otherwise: {env: {FROM: memory}}}}
        drill: {ask: {http: /}, expect: {contains: PORT}, within: 20s}
    """
    web = make_service("web", ports[0], command="says.py", extra=extra)
    text = "services:\n" + web + make_service("cache", ports[1])
    write_stack(folder, text, says=SAYS)
    talk = folder / "talk"
    with talk.open("w") as said:
        run = start_cli(folder, "run", stderr=said)
    try:
        wait_for(lambda: run.poll() is not None or ask_status(folder)[0] == 0)
        assert run.poll() is None, talk.read_text()
        yield ports
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(60)


def list_starts(folder):
    text = (folder / "logs" / "web.log").read_text()
    return [line for line in text.splitlines() if line.startswith("started with")]


def test_every_fault_but_a_cut_is_done_to_processes_and_undone(tmp_path):
    with run_stack(tmp_path) as (_, cache):
        faults = "--faults=stop,kill,freeze,cut,without"
        code, out, err = run_cli(tmp_path, *DRILL, faults)
        assert code == 0, err
        verdicts = {row["fault"]: row["verdict"] for row in json.loads(out)}
        status = ask_status(tmp_path)

    assert verdicts == {
        "stop": "holds",
        "kill": "holds",
        "freeze": "holds",
        "cut": "skipped",
        "without": "holds",
    }
    assert "not possible as processes" in out
    assert {name: each["state"] for name, each in status[1].items()} == {
        "cache": "ready",
        "web": "ready",
    }
    said = (tmp_path / "talk").read_text()
    assert "\na drill excludes cache\n" in said
    assert "composegen exclude" not in said
    given, taken = f"started with {cache} None", "started with None memory"
    assert list_starts(tmp_path) == [given, taken, given]
    assert not (tmp_path / ".composegen" / "drill.json").exists()


def wait_for_fault(folder, fault):
    def stands():
        try:
            notes = json.loads((folder / ".composegen" / "drill.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(notes["is_done"]) and notes["undo"]["fault"] == fault

    wait_for(stands)
    return json.loads((folder / ".composegen" / "drill.json").read_text())


def read_state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("with_guardian", [True, False])
@pytest.mark.parametrize("fault", ["freeze", "stop", "without"])
def test_a_drill_that_is_killed_is_undone(fault, with_guardian, tmp_path):
    words = ("drill", "--yes", "--for", "600s", "--faults", fault)
    with run_stack(tmp_path):
        pid = ask_status(tmp_path)[1]["cache"]["pid"]
        drill = start_cli(tmp_path, *words)
        notes = wait_for_fault(tmp_path, fault)
        if fault == "freeze":
            wait_for(lambda: read_state(pid) == "T")
        if not with_guardian:
            os.kill(leaks.wait_for_guardian(notes["mark"]), signal.SIGKILL)
        drill.kill()
        drill.wait()
        if with_guardian:
            wait_for(lambda: not (tmp_path / ".composegen" / "drill.json").exists())
        else:
            code, _, err = run_cli(tmp_path, "drill", "--undo")
            assert (code, "undoing what a drill has left" in err) == (0, True), err
        wait_for(lambda: ask_status(tmp_path)[0] == 0)
        status = ask_status(tmp_path)[1]

    assert {each["state"] for each in status.values()} == {"ready"}
    if fault == "freeze":
        assert status["cache"]["pid"] == pid
    if fault == "without":
        assert "memory" not in list_starts(tmp_path)[-1]


def test_ctrl_c_undoes_what_stands(tmp_path):
    with run_stack(tmp_path):
        words = ("drill", "--yes", "--for", "600s", "--faults", "freeze")
        drill = start_cli(tmp_path, *words)
        wait_for_fault(tmp_path, "freeze")
        pid = ask_status(tmp_path)[1]["cache"]["pid"]
        drill.send_signal(signal.SIGINT)

        assert drill.wait(60) == 130
        wait_for(lambda: read_state(pid) != "T")
        assert not (tmp_path / ".composegen" / "drill.json").exists()


def test_where_nothing_runs_there_is_nothing_to_drill(tmp_path):
    write_stack(tmp_path, "services:\n" + make_service("web", find_port()))
    code, _, err = run_cli(tmp_path, *DRILL)

    assert code == 2
    assert "nothing runs here" in err
    assert run_cli(tmp_path, "drill", "--undo")[0] == 0


def test_one_that_no_service_needs_is_refused_with_those_that_can_be_drilled(tmp_path):
    with run_stack(tmp_path):
        code, _, err = run_cli(tmp_path, *DRILL, "web")

    assert code == 2
    assert "there is nothing to drill" in err
    assert "services that can be drilled: cache" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--faults", "stp"), "did you mean `stop`?"),
        (("--faults", ""), "a fault is missing"),
        (("--faults", "stop,"), "a fault is missing"),
        (("--picture", "a.png"), "name it .svg"),
        (("--picture", "no/such/a.svg"), "there is no such folder"),
        (("wbe",), "did you mean `web`?"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_done(words, message, tmp_path):
    write_stack(tmp_path, "services:\n" + make_service("web", find_port()))
    code, _, err = run_cli(tmp_path, *DRILL, *words)

    assert code == 2
    assert message in err
