"""Events survive the way to another terminal."""

import json

import pytest

from composegen.places import events
from composegen.places.events import Failure, describe_event, read_event

EVENTS = [
    events.Created(service="a", at=0.25),
    events.Started(service="a", at=0.5, pid=7, command="x y", restarts=2),
    events.Reused(service="a", pid=None, note="n"),
    events.Told(service="a", text="t"),
    events.Line(service="a", text="é\x1b[1m"),
    events.Ready(service="a", after=0.25, address="http://127.0.0.1:1"),
    events.Finished(service="a", after=1.5),
    events.Failed(
        service="a",
        failure=Failure(service="a", reason="r", exit_code=3, lines=("x", "y")),
        is_required=False,
        dependants=("b",),
    ),
    events.Exited(service="a", exit_code=-9, restart_in=None, dependants=("b", "c")),
    events.Sickened(service="a", reason="r"),
    events.Recovered(service="a"),
    events.Stopped(service="a", left=(3, 4)),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_described_is_read_back(event):
    assert read_event(json.loads(json.dumps(describe_event(event)))) == event


def test_every_kind_of_event_is_tested():
    kinds = {kind.__name__ for kind in events.Event.__subclasses__()}

    assert {type(event).__name__ for event in EVENTS} == kinds


def test_an_unknown_event_is_refused():
    with pytest.raises(KeyError):
        read_event({"event": "exploded"})
