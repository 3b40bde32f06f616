"""A boot as it is noted and reported, from the events of either place."""

from __future__ import annotations

import pytest

from composegen.board.html import write_report
from composegen.board.recorder import Recorded, Recorder
from composegen.board.scene import Box, Scene
from composegen.places.events import (
    Address,
    Ending,
    Event,
    Excluded,
    Failed,
    Failure,
    Line,
    NotUp,
    Progress,
    Ready,
    Standing,
    Started,
    Up,
)
from composegen.places.status import ExcludedNote, State
from composegen.places.timeline import Boot

NEEDS = {"web": ("db",), "db": ()}
FAILURE = Failure(
    service="web",
    reason="exited with 1",
    cause="the port is taken",
    help="stop the other program",
    lines=("<b>boom</b>",),
)


def see(*events: Event) -> Recorded:
    recorder = Recorder("processes", NEEDS, flags="--without redis")
    found = [recorder.see(event) for event in events]
    assert found[:-1] == [None] * (len(found) - 1)
    last = found[-1]
    assert last is not None
    return last


def test_a_boot_that_is_up_is_noted_with_its_total() -> None:
    boots = (
        Boot(service="db", started=0.1, ready=1.23456),
        Boot(service="web", started=1.3, ready=2.0, waited_for=("db",)),
    )
    note = see(Started(service="db", at=0.1), Up(boots=boots)).note

    assert (note.place, note.flags, note.total) == ("processes", "--without redis", 2.0)
    assert [each.ready for each in note.services] == [1.235, 2.0]
    assert note.services[1].after == ("db",)


def test_a_boot_that_fails_has_no_total_and_keeps_how_far_it_came() -> None:
    recorded = see(
        Started(service="db", at=0.1),
        Ready(service="db", at=1.0, after=0.9),
        Started(service="web", at=1.1),
        Failed(service="web", at=2.0, failure=FAILURE, is_required=True),
        Ending(has_failed=True),
    )

    assert recorded.note.total is None
    assert [(each.service, each.ready) for each in recorded.boots] == [
        ("db", 1.0),
        ("web", None),
    ]
    assert recorded.boots[1].waited_for == ("db",)
    assert recorded.states == {"db": State.READY, "web": State.FAILED}


def test_a_boot_that_a_signal_ends_is_noted_as_interrupted() -> None:
    note = see(Started(service="db", at=0.1), Ending()).note

    assert note.total is None
    assert note.interrupted is not None
    assert note.interrupted >= 0


def test_an_interrupt_after_the_boot_is_none_of_it() -> None:
    recorder = Recorder("engine", NEEDS)
    recorder.see(Up(boots=()))

    assert recorder.interrupt() is None


def test_a_report_of_an_interrupted_boot_says_so() -> None:
    recorded = see(Started(service="db", at=0.1), Ending())
    page = write_report(
        Scene(name="shop", boxes=(Box(service="db"),), links=()), recorded
    )

    assert "it was interrupted after 0.0 s" in page


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("processes", "as processes"),
        ("engine", "on the engine"),
        ("kubernetes", "on the cluster"),
    ],
)
def test_a_report_says_where_it_came_up(place: str, words: str) -> None:
    recorded = Recorder(place, NEEDS).see(Up(boots=()))
    assert recorded is not None
    page = write_report(Scene(name="shop", boxes=(), links=()), recorded)

    assert f"up in 0.0 s {words}, " in page


def test_the_progress_of_an_engine_is_a_boot_too() -> None:
    standings = (
        Standing(service="db", state=State.READY, boot=60, started=0.5, ready=1.5),
        Standing(service="web", state=State.STARTING, boot=60, started=1.6),
    )
    recorded = see(Progress(standings=standings), NotUp(text="web: no answer"))

    assert [(each.started, each.ready) for each in recorded.boots] == [
        (0.5, 1.5),
        (1.6, None),
    ]
    assert recorded.text == "web: no answer"


def test_what_happens_after_the_boot_changes_nothing() -> None:
    recorder = Recorder("engine", NEEDS)
    recorder.see(Up(boots=()))

    assert recorder.see(NotUp(text="later")) is None


def test_a_line_of_a_log_is_no_part_of_a_boot() -> None:
    assert see(Line(service="db", text="hello"), Up(boots=())).boots == ()


def test_a_report_says_how_it_ended_and_why() -> None:
    recorded = see(
        Started(service="web", at=1.1),
        Failed(service="web", at=2.0, failure=FAILURE, is_required=True),
        Ending(has_failed=True),
    )
    page = write_report(
        Scene(name="shop", boxes=(Box(service="web"),), links=()), recorded
    )

    assert "it did not come up as processes, --without redis" in page
    assert "cause: the port is taken" in page
    assert "help: stop the other program" in page
    assert "&lt;b&gt;boom&lt;/b&gt;" in page
    assert "<script" not in page


def test_a_report_shows_addresses_and_what_was_excluded() -> None:
    out = ExcludedNote(service="db", reason="not healthy within 60s", instead=())
    recorded = see(
        Excluded(service="db", reason="not healthy within 60s"),
        Up(
            boots=(Boot(service="web", started=0.0, ready=1.0),),
            addresses=(Address(service="web", url="http://127.0.0.1:8080"),),
            excluded=(out,),
        ),
    )
    boxes = (Box(service="db"), Box(service="web"))
    page = write_report(Scene(name="shop", boxes=boxes, links=()), recorded)

    assert "up in 1.0 s as processes" in page
    assert "http://127.0.0.1:8080" in page
    assert "<td>excluded: not healthy within 60s</td>" in page
