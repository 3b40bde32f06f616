"""Events survive the way to another terminal."""

import json

import pytest

from composegen.places import events
from composegen.places.event_data import describe_event, read_event
from composegen.places.events import Address, Failure, Standing
from composegen.places.status import ExcludedNote, State
from composegen.places.timeline import Boot

EVENTS = [
    events.Created(service="a", at=0.25),
    events.Started(service="a", at=0.5, pid=7, command="x y", restarts=2),
    events.Reused(service="a", pid=None, note="n"),
    events.Message(service="a", text="t"),
    events.Line(service="a", text="é\x1b[1m"),
    events.Ready(service="a", after=0.25, address="http://127.0.0.1:1"),
    events.Finished(service="a", after=1.5),
    events.Failed(
        service="a",
        failure=Failure(service="a", reason="r", exit_code=3, lines=("x", "y")),
        is_required=False,
        dependents=("b",),
    ),
    events.Excluded(
        service="a", reason="r", cause="c", instead=("b: X=1",), lines=("l",)
    ),
    events.Exited(service="a", exit_code=-9, restart_in=None, dependents=("b", "c")),
    events.BecameUnhealthy(service="a", reason="r"),
    events.HealthyAgain(service="a"),
    events.Stopped(service="a", left=(3, 4)),
    events.Pulling(service="a", image="redis:8"),
    events.Planned(services=("a", "b"), text="1. a\n2. b\n"),
    events.Noted(text="t"),
    events.Wrote(file="compose.yaml", how="renewed"),
    events.FileKept(file="compose.yaml", flags="--with a"),
    events.FileIgnored(file="compose.override.yaml", stack="stack.yaml"),
    events.SecretEmpty(file=".secrets/a", help="fill it"),
    events.OtherBegins(),
    events.Attached(services=("a",), pid=7, terminal="", since="2026-01-01T00:00:00Z"),
    events.Detached(has_ended=True),
    events.Output(text="50 %\r"),
    events.ComposeWarned(text="t"),
    events.Progress(
        at=1.5,
        standings=(
            Standing(service="a", state=State.STARTING, boot=60.0, started=0.25),
            Standing(service="b", state=State.WAITING, boot=9.0, waits_for=("a",)),
        ),
    ),
    events.BootOver(at=2.0),
    events.Up(
        boots=(Boot(service="b", created=0.0, ready=None, waited_for=("a",)),),
        addresses=(Address(service="a", url="http://127.0.0.1:1"),),
        excluded=(ExcludedNote(service="c", reason="r", instead=("a: X=1",)),),
        is_held=True,
        again="composegen up",
        hints=("a: b",),
    ),
    events.NotUp(text="a: failed\n", help="look"),
    events.EndAsked(),
    events.Ending(has_failed=True),
    events.Killing(),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_described_is_read_back(event):
    assert read_event(json.loads(json.dumps(describe_event(event)))) == event


def test_every_kind_of_event_is_tested():
    kinds = {kind.__name__ for kind in events.Event.__subclasses__()}

    assert {type(event).__name__ for event in EVENTS} == kinds


def test_a_state_is_read_back_as_one():
    [progress] = [each for each in EVENTS if isinstance(each, events.Progress)]
    read = read_event(json.loads(json.dumps(describe_event(progress))))

    assert [each.state for each in read.standings] == [State.STARTING, State.WAITING]
    assert all(isinstance(each.state, State) for each in read.standings)


@pytest.mark.parametrize(
    "data",
    [
        {"event": "exploded", "service": "a"},
        {"event": "message"},
        {"event": "message", "text": {"of": "another form"}},
        {"event": "progress", "standings": [{"service": "a", "state": "flying"}]},
        {},
        [],
    ],
)
def test_what_a_newer_version_reports_is_no_event_and_no_error(data):
    assert read_event(data) is None


def test_what_a_newer_version_adds_to_an_event_is_passed_over():
    read = read_event(
        {"event": "message", "service": "a", "text": "t", "colour": "red"}
    )

    assert read == events.Message(service="a", text="t")
