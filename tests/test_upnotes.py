"""What `up` notes is there for whoever asks later, and never half."""

import json

import pytest

from composegen.statefolder import STATE_FOLDER
from composegen.upnotes import read_notes, remove_notes, write_notes
from tests.enginefakes import make_noted, make_notes


@pytest.fixture
def notes():
    return make_notes(
        make_noted("web", "db", "cache?", port=80, is_http=True),
        make_noted("db", password_file=".secrets/db-password"),
        host="tcp://x:1",
        settings={"DOCKER_TLS_VERIFY": "1"},
        flags="--without cache",
        complaint="it said no",
        left_out=({"service": "cache", "reason": "r", "instead": ["web: A=b"]},),
    )


def test_what_is_written_is_read_back(notes, tmp_path):
    write_notes(tmp_path, notes)
    assert read_notes(tmp_path) == notes


def test_only_its_owner_reads_it(notes, tmp_path):
    write_notes(tmp_path, notes)
    path = tmp_path / STATE_FOLDER / "up.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_was_noted(tmp_path):
    assert read_notes(tmp_path) is None
    remove_notes(tmp_path)


def test_what_is_removed_is_gone(notes, tmp_path):
    write_notes(tmp_path, notes)
    remove_notes(tmp_path)
    assert read_notes(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "not JSON", '{"form": 99}', '{"form": 1, "services": [1]}']
)
def test_a_broken_file_is_no_note(text, tmp_path):
    (tmp_path / STATE_FOLDER).mkdir()
    (tmp_path / STATE_FOLDER / "up.json").write_text(text)
    assert read_notes(tmp_path) is None


def test_no_value_of_a_variable_is_noted(notes, tmp_path):
    write_notes(tmp_path, notes)
    data = json.loads((tmp_path / STATE_FOLDER / "up.json").read_text())
    assert set(data["services"][0]) == {
        *("name", "is_required", "is_job", "is_asked", "is_http"),
        *("is_restarted", "boot", "replicas", "port", "needs", "password_file"),
    }


def test_the_dependants_of_a_service_are_known(notes):
    assert notes.list_dependants("db") == ("web",)
    assert notes.list_dependants("web") == ()
    assert notes.find("db").password_file == ".secrets/db-password"
    assert notes.find("nobody") is None
