"""A note that fails is reported once and ends nothing; what was removed is back."""

import shutil

import pytest

from composegen.places.processes.records import RunFolder, RunRecord
from composegen.places.processes.upkeep import Upkeep
from composegen.system.identity import identify_self

RUN = "0123456789abcdef"


@pytest.fixture
def notes(tmp_path):
    """A run's folder, its upkeep, and what was told."""
    runs, told = RunFolder(tmp_path), []
    upkeep = Upkeep(runs, RUN, told.append)
    record = RunRecord(
        run=RUN,
        supervisor=identify_self(),
        socket="",
        names=(),
        terminal="",
        since="2026-01-01T00:00:00Z",
    )
    upkeep.keep(lambda: runs.write_run(record))
    runs.write_run(record)
    return runs, upkeep, told


def test_a_note_is_written(notes):
    runs, upkeep, told = notes

    assert upkeep.attempt(lambda: runs.write_last({"ending": "1"}))
    assert runs.read_last()["ending"] == "1"
    assert told == []


def test_a_folder_that_was_removed_is_made_again_with_what_is_kept(notes):
    runs, upkeep, told = notes
    shutil.rmtree(runs.path.parent)

    assert upkeep.attempt(lambda: runs.write_last({"ending": "1"}))
    assert runs.read_last()["ending"] == "1"
    assert runs.has_run(RUN)
    assert told == [
        f"{runs.path} was removed while this run was active; it is created again"
    ]


def test_a_note_that_cannot_be_written_is_reported_once_until_one_can_be(notes):
    runs, upkeep, told = notes
    shutil.rmtree(runs.path.parent)
    runs.path.parent.write_text("in the way")

    assert not upkeep.attempt(lambda: runs.write_last({"ending": "1"}))
    assert not upkeep.attempt(lambda: runs.write_last({"ending": "2"}))
    assert len(told) == 1

    runs.path.parent.unlink()
    assert upkeep.attempt(lambda: runs.write_last({"ending": "3"}))
    assert len(told) == 2
