"""What runs leave for each other: records that outlive nobody, locks that do not."""

import subprocess
import sys
from pathlib import Path

from composegen.processes import identify
from composegen.runfiles import (
    RunFolder,
    RunRecord,
    ServiceRecord,
    format_now,
    identify_self,
)
from tests.runs import ROOT

HOLD = """
import sys, time
from pathlib import Path
from composegen.runfiles import RunFolder
lock = RunFolder(Path(sys.argv[1])).make_lock("app")
print(lock.take(), flush=True)
time.sleep(600)
"""


def make_run(name, supervisor, socket="/nowhere"):
    return RunRecord(
        run=name,
        supervisor=supervisor,
        socket=str(socket),
        names=("app",),
        terminal="",
        since=format_now(),
    )


def test_a_lock_is_held_by_one_run_and_given_back_by_its_death(tmp_path):
    own = RunFolder(tmp_path).make_lock("app")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "True\n"
        assert not own.take()
        other.kill()
        other.wait()
        assert own.take()
        assert own.take()
    own.give_back()
    second = RunFolder(tmp_path).make_lock("app")
    assert second.take()
    second.give_back()


def test_records_are_read_back_and_those_of_dead_runs_go(tmp_path):
    runs = RunFolder(tmp_path)
    alive = make_run("alive", identify_self())
    with subprocess.Popen(["sleep", "600"]) as process:
        gone = make_run("gone", identify(process.pid), tmp_path / "gone.sock")
        process.kill()
    (tmp_path / "gone.sock").touch()
    runs.write_run(alive)
    runs.write_run(gone)

    assert runs.list_runs() == [alive]
    assert not (tmp_path / "gone.sock").exists()
    assert [path.name for path in runs.path.glob("run-*.json")] == ["run-alive.json"]
    runs.remove_run("alive")
    assert runs.list_runs() == []


def test_a_services_record_is_read_back_and_rubbish_is_none(tmp_path):
    runs = RunFolder(tmp_path)
    record = ServiceRecord(
        service="app",
        run="r",
        process=identify_self(),
        supervisor=identify_self(),
        config="c",
        port=1,
        log=None,
        since=format_now(),
    )
    runs.make_lock("app").take()
    runs.write_service(record)

    assert runs.read_service("app") == record
    assert runs.list_services() == [record]
    for rubbish in ("", "[1]", "{}", '{"service": "app"}', "\x00"):
        Path(runs.path / "app.json").write_text(rubbish)
        assert runs.read_service("app") is None
    assert runs.read_service("never") is None


def test_a_folder_in_which_nothing_has_run_stays_untouched(tmp_path):
    assert RunFolder.find(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
