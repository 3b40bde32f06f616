"""`.composegen/drill.json`: what a drill has done, and which files are believed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from composegen.drill.ground import Undo
from composegen.drill.notes import (
    DrillFile,
    DrillNotes,
    Journal,
    describe_undo,
    has_notes,
    read_notes,
)
from composegen.drill.trials import Fault
from composegen.places.engine.links import Link, Links
from composegen.system.identity import identify_self
from composegen.workspace.state import NotTrusted

ID = "a" * 64
UNDO = Undo(
    service="cache",
    fault=Fault.CUT,
    containers=(ID,),
    links=(
        Links(
            container=ID,
            links=(
                Link(
                    network="b" * 64,
                    name="demo_default",
                    aliases=("cache",),
                    address4="172.20.0.9",
                    options={"a": "b"},
                ),
            ),
        ),
    ),
    processes=(identify_self(),),
    dependents=("web",),
    replicas=2,
    made=("secret/demo-env-7b2t", "configmap/web-files-1"),
)


def make_notes() -> DrillNotes:
    return DrillNotes(place="engine", mark="0" * 16, drill=identify_self())


def test_what_is_begun_can_be_read_back_until_it_is_forgotten(tmp_path: Path) -> None:
    file = DrillFile(tmp_path)
    journal = Journal(file, make_notes())
    journal.begin(UNDO)
    notes = read_notes(tmp_path)

    assert notes is not None
    assert (notes.undo, notes.is_done) == (UNDO, False)
    assert not journal.is_clean
    assert (tmp_path / ".composegen" / "drill.json").stat().st_mode & 0o777 == 0o600

    journal.note_done()
    journal.forget()
    notes = read_notes(tmp_path)
    assert notes is not None
    assert notes.undo is None
    assert journal.is_clean

    file.remove()
    assert not has_notes(tmp_path)
    assert read_notes(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("containers", ["; rm -rf /"]),
        ("service", "../x"),
        ("dependents", ["a b"]),
        ("processes", [{"pid": 1, "start": 0, "boot": ""}]),
        ("replicas", -1),
        ("made", ["deployment/web"]),
        ("made", ["secret/--all"]),
    ],
)
def test_a_file_that_a_drill_cannot_have_written_is_refused(
    name: str, value: object, tmp_path: Path
) -> None:
    journal = Journal(DrillFile(tmp_path), make_notes())
    journal.begin(UNDO)
    path = tmp_path / ".composegen" / "drill.json"
    data = json.loads(path.read_text())
    data["undo"][name] = value
    path.write_text(json.dumps(data))

    with pytest.raises(NotTrusted):
        read_notes(tmp_path)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Journal(DrillFile(tmp_path), make_notes())
    os.chmod(tmp_path / ".composegen" / "drill.json", 0o644)  # noqa: PTH101

    with pytest.raises(NotTrusted):
        read_notes(tmp_path)


def test_one_drill_holds_the_lock_of_a_folder(tmp_path: Path) -> None:
    first, second = DrillFile(tmp_path), DrillFile(tmp_path)

    assert first.lock.take()
    assert not second.lock.take()
    first.lock.give_back()
    assert second.lock.take()


def test_what_was_done_is_said_in_words() -> None:
    assert describe_undo(UNDO) == "cache is cut off from its networks"
    assert describe_undo(Undo(service="a")) == "a is being restarted"
