"""What other commands say of a drill that goes on."""

import re

import pytest

from composegen.drill.ground import Undo
from composegen.drill.leftover import describe_drill
from composegen.drill.notes import DrillFile, DrillNotes
from composegen.drill.trials import Fault
from composegen.records import replace
from composegen.system.identity import identify_self
from composegen.workspace.workspace import Workspace

NOTES = DrillNotes(place="engine", mark="0" * 16, drill=identify_self())


@pytest.fixture
def describe(tmp_path):
    """What is said of a folder with these notes."""

    def describe(notes):
        if notes is not None:
            DrillFile(tmp_path).keep(notes)
        return describe_drill(Workspace(tmp_path / "stack.yaml"))

    return describe


def test_a_drill_is_described_by_its_process_and_what_it_does(describe):
    undo = Undo(service="cache", fault=Fault.FREEZE)
    pid = NOTES.drill.pid

    said = describe(replace(NOTES, undo=undo))

    begun = rf"a drill is going on, pid {pid}, since \d\d:\d\d"
    assert re.fullmatch(rf"{begun}: cache is frozen", said)
    assert re.fullmatch(begun, describe(NOTES))


def test_a_drill_that_was_killed_does_not_go_on(describe):
    gone = replace(NOTES.drill, start=1)

    assert describe(replace(NOTES, drill=gone)) == ""


def test_without_notes_there_is_no_drill(describe):
    assert describe(None) == ""
