"""A guest passes on what it can read, and stays for the rest."""

import pytest

from composegen.errors import ExitCode
from composegen.model import Stack
from composegen.places.event_data import describe_event
from composegen.places.events import Attached, Detached, Message
from composegen.places.processes import run
from composegen.places.processes.records import RunRecord
from composegen.system.identity import identify_self


@pytest.fixture
def host():
    return RunRecord(
        run="mark",
        supervisor=identify_self(),
        socket="nowhere",
        names=(),
        terminal="/dev/pts/1",
        since="2026-01-01T00:00:00Z",
        is_library=False,
    )


@pytest.mark.parametrize(
    "strange", [{"event": "exploded"}, {"event": "message", "words": "t"}, [], "text"]
)
def test_an_event_of_a_newer_version_does_not_end_a_guest(strange, host, monkeypatch):
    known = Message(service="web", text="it waits")
    lines = [strange, describe_event(known), strange]
    monkeypatch.setattr(run, "follow_run", lambda path: iter(lines))
    events = []
    stack = Stack(name="demo", file="stack.yaml", services={})

    code = run.attach_guest(host, stack, events.append)

    assert code == ExitCode.FINE
    assert [type(event) for event in events] == [Attached, Message, Detached]
    assert events[1] == known
