"""What runs leave for each other: records that outlive no run, locks that do not."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from composegen.errors import FileRefused
from composegen.places.processes.records import (
    RunFolder,
    RunRecord,
    ServiceRecord,
)
from composegen.places.status import format_now
from composegen.records import as_dict
from composegen.system.identity import Identity, identify, identify_self
from tests.runs import ROOT

HOLD = """
import sys, signal
from pathlib import Path
from composegen.places.processes.records import RunFolder
lock = RunFolder(Path(sys.argv[1])).make_lock("app")
print(lock.take(), flush=True)
signal.pause()
"""


ALIVE, GONE = "0123456789abcdef", "fedcba9876543210"


def make_run(name, supervisor, socket=None):
    """A run with its socket next to the record, where it is not elsewhere."""
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
    alive = make_run(ALIVE, identify_self(), find_socket(runs, ALIVE))
    with subprocess.Popen(["sleep", "600"]) as process:
        gone = make_run(GONE, identify(process.pid), find_socket(runs, GONE))
        process.kill()
    find_socket(runs, GONE).touch()
    runs.write_run(alive)
    runs.write_run(gone)

    assert runs.list_runs() == [alive]
    assert not find_socket(runs, GONE).exists()
    assert [path.name for path in runs.path.glob("run-*.json")] == [f"run-{ALIVE}.json"]
    runs.remove_run(ALIVE)
    assert runs.list_runs() == []


def find_socket(runs, run):
    return runs.path / f"run-{run}.sock"


def make_record(runs, **values):
    """What a run notes of its service app, but for what is said otherwise."""
    return ServiceRecord(
        **{
            "service": "app",
            "run": ALIVE,
            "process": identify_self(),
            "supervisor": identify_self(),
            "config": "c",
            "port": 1,
            "log": str(runs.folder / "logs" / "app.log"),
            "since": format_now(),
            "container": "composegen-app-0123abcd",
            **values,
        }
    )


def write_data(path, data, mode=0o600):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    path.chmod(mode)


def explain(runs):
    """Why each file that is not used is not, by name."""
    return {each.path.name: each.reason for each in runs.list_distrusted()}


def test_a_services_record_is_read_back_and_rubbish_is_none(tmp_path):
    runs = RunFolder(tmp_path)
    runs.make_lock("app").take()
    for record in (
        make_record(runs),
        make_record(runs, log=None, container=None, port=None),
    ):
        runs.write_service(record)
        assert runs.read_service("app") == record
        assert runs.list_services() == [record]
    assert explain(runs) == {}
    for rubbish in ("", "[1]", "{}", '{"service": "app"}', "\x00", "[" * 99_999):
        write_data(runs.path / "app.json", rubbish)
        assert runs.read_service("app") is None
        assert list(explain(runs)) == ["app.json"]
    assert runs.read_service("never") is None


# What this user's composegen cannot have written


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "../../notes"},
        {"service": "web"},
        {"run": ""},
        {"run": "*"},
        {"process": {"pid": 0, "start": 0, "boot": ""}},
        {"process": {"pid": 1, "start": 0, "boot": ""}},
        {"process": {"pid": -1, "start": 0, "boot": ""}},
        {"process": {"pid": 1 << 40, "start": 0, "boot": ""}},
        {"process": {"pid": "7", "start": 0, "boot": ""}},
        {"process": {"pid": 7, "start": -1, "boot": ""}},
        {"process": {"pid": 7, "start": 0, "boot": "../x"}},
        {"process": {"pid": 7}},
        {"process": 7},
        {"process": None},
        {"supervisor": {"pid": 0, "start": 0, "boot": ""}},
        {"container": "somebodys-database"},
        {"container": "composegen-web-0123abcd"},
        {"container": "--all"},
        {"container": 7},
        {"log": "/etc/passwd"},
        {"log": "../../etc/passwd"},
        {"log": 7},
        {"config": None},
        {"port": "80"},
        {"port": True},
        {"since": 7},
        {"more": 7},
    ],
    ids=str,
)
def test_a_service_record_of_a_stranger_is_none(fields, tmp_path):
    runs = RunFolder(tmp_path)
    runs.make_lock("app").take()
    write_data(runs.path / "app.json", {**as_dict(make_record(runs)), **fields})

    assert runs.read_service("app") is None
    assert runs.list_services() == []
    [name] = fields
    assert f"`{name}" in explain(runs)["app.json"]


@pytest.mark.parametrize(
    "fields",
    [
        {"socket": "{folder}/precious"},
        {"socket": "{folder}/.composegen/run/../../precious"},
        {"socket": "{folder}/.composegen/run/run-fedcba9876543210.sock"},
        {"socket": "run-0123456789abcdef.sock"},
        {"socket": "/tmp/run.sock"},
        {"socket": "/tmp/composegen-nowhere/run.sock"},
        {"socket": "\ud800"},
        {"socket": "a\0b"},
        {"socket": ""},
        {"socket": None},
        {"run": "fedcba9876543210"},
        {"run": "../../x"},
        {"names": "app"},
        {"names": [1]},
        {"terminal": None},
        {"since": 1},
        {"is_library": 1},
        {"supervisor": {"pid": 0, "start": 0, "boot": ""}},
        {"supervisor": {}},
        {"supervisor": []},
    ],
    ids=str,
)
def test_a_run_record_of_a_stranger_is_none_and_removes_nothing(fields, tmp_path):
    runs = RunFolder(tmp_path)
    (tmp_path / "precious").touch()
    find_socket(runs, GONE).touch()
    dead = Identity(pid=2, start=0, boot="a")
    data = as_dict(make_run(ALIVE, dead, find_socket(runs, ALIVE)))
    data |= {
        name: value.format(folder=tmp_path) if name == "socket" and value else value
        for name, value in fields.items()
    }
    write_data(runs.path / f"run-{ALIVE}.json", data)

    assert runs.list_runs() == []
    assert (tmp_path / "precious").exists()
    assert find_socket(runs, GONE).exists()
    [name] = fields
    assert f"`{name}" in explain(runs)[f"run-{ALIVE}.json"]


def test_a_socket_in_a_temporary_folder_of_this_user_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    runs = RunFolder(tmp_path)
    folder = Path(tempfile.mkdtemp(prefix="composegen-"))
    record = make_run(ALIVE, identify_self(), folder / "run.sock")
    runs.write_run(record)
    assert runs.list_runs() == [record]

    folder.chmod(0o755)
    assert runs.list_runs() == []
    folder.chmod(0o700)
    folder.rename(tmp_path / "real")
    folder.symlink_to("real")
    assert runs.list_runs() == []
    other = make_run(ALIVE, identify_self(), tmp_path / "real" / "run.sock")
    runs.write_run(other)
    assert runs.list_runs() == []


def test_a_folder_that_is_reached_by_a_link_has_the_same_records(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    runs = RunFolder(tmp_path / "real")
    run = make_run(ALIVE, identify_self(), find_socket(runs, ALIVE))
    runs.write_run(run)
    runs.write_service(make_record(runs))
    other = RunFolder.find(tmp_path / "link")
    assert other.list_runs() == [run]
    assert other.read_service("app") == make_record(runs, since=ANY)


class _Any:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


ANY = _Any()

LAST = {
    "statuses": [{"service": "app", "state": "failed", "exit_code": 3}],
    "is_up": False,
    "needs": {"app": ["db"]},
    "left_out": [{"service": "x", "reason": "r", "instead": ["app: y"]}],
    "failures": {"app": {"service": "app", "reason": "died", "lines": ["a", "b"]}},
    "answers": {"app": "no"},
}


def test_how_the_last_run_ended_is_read_back(tmp_path):
    runs, begin = RunFolder(tmp_path), format_now()
    assert runs.read_last() == {}
    for data in (LAST, {"ending": "it could not begin"}):
        runs.write_last(data)
        last = runs.read_last()
        assert last.pop("at") >= begin
        assert last == data
        assert explain(runs) == {}
    runs.write_last({"ending": "\x1b]0;title\x07\x1b[1mbold\nline"})
    assert runs.read_last()["ending"] == "\\x1b]0;title\\x07\x1b[1mbold\nline"
    runs.forget_last()
    assert runs.read_last() == {}


@pytest.mark.parametrize("name", LAST)
@pytest.mark.parametrize(
    "value", [7, "x", None, ["x"], [[]], [{}], {"a": 7}, {"a": {}}, {"a": [None]}]
)
def test_the_end_of_a_run_in_another_form_is_none(name, value, tmp_path):
    runs = RunFolder(tmp_path)
    write_data(runs.path / "last.json", {**LAST, name: value})
    assert runs.read_last() == {}
    assert f"`{name}" in explain(runs)["last.json"]


@pytest.mark.parametrize(
    "data",
    [
        {"ending": 7},
        {"ending": ["x"]},
        {**LAST, "statuses": [{"service": "app", "state": "dancing"}]},
        {**LAST, "statuses": [{"service": "app", "state": []}]},
        {**LAST, "statuses": [{"service": "a", "state": "ready", "log": "/etc/x"}]},
        {**LAST, "statuses": [{"service": "a", "state": "ready", "since": 1}]},
        {**LAST, "failures": {"app": {"service": "app"}}},
        {**LAST, "failures": {"app": {"service": "a", "reason": "b", "lines": "c"}}},
        {**LAST, "left_out": [{"service": "x", "reason": "r", "instead": [1]}]},
    ],
    ids=str,
)
def test_no_part_of_the_end_of_a_run_may_have_another_form(data, tmp_path):
    runs = RunFolder(tmp_path)
    write_data(runs.path / "last.json", data)
    assert runs.read_last() == {}
    assert list(explain(runs)) == ["last.json"]


def test_records_that_others_may_have_written_are_none(tmp_path):
    runs = RunFolder(tmp_path)
    runs.make_lock("app").take()
    runs.write_service(make_record(runs))
    runs.write_run(make_run(ALIVE, identify_self(), find_socket(runs, ALIVE)))
    runs.write_last(LAST)
    for path in runs.path.glob("*.json"):
        path.chmod(0o644)

    assert runs.list_services() == []
    assert runs.list_runs() == []
    assert runs.read_last() == {}
    assert set(explain(runs)) == {"app.json", f"run-{ALIVE}.json", "last.json"}

    # The next run writes its own.
    runs.write_service(make_record(runs))
    assert runs.read_service("app") is not None


def test_a_folder_of_records_that_others_may_write_into_is_none(tmp_path):
    runs = RunFolder(tmp_path)
    runs.path.chmod(0o775)
    assert RunFolder.find(tmp_path) is None
    assert RunFolder(tmp_path).path.stat().st_mode & 0o777 == 0o755
    assert RunFolder.find(tmp_path) is not None


def test_a_link_in_place_of_a_lock_is_refused(tmp_path):
    runs = RunFolder(tmp_path)
    (runs.path / "app.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match="is a link"):
        runs.make_lock("app").take()
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_in_which_nothing_has_run_stays_untouched(tmp_path):
    assert RunFolder.find(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
