"""What comes in during a boot is taken in its order, up to the end of the events."""

from composegen.errors import EngineUnreachable
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.inbox import Gone, Inbox

DEADLINE = 10.0
STARTED = Happened(id="a", service="web", action=Action.START, at=1.0)
DIED = Happened(id="a", service="web", action=Action.DIE, at=2.0)


class Broken:
    """A watch whose engine goes away after one event."""

    def __iter__(self):
        yield STARTED
        raise EngineUnreachable("no Docker engine answers")


def take(inbox, count):
    """So many things that come in, however they come together."""
    found = []
    while len(found) < count:
        got = list(inbox.wait(DEADLINE))
        assert got, "nothing has come before the deadline"
        found += got
    return found


def test_events_come_in_order_and_their_end_is_one_more():
    inbox = Inbox()

    inbox.listen([STARTED, DIED])

    first, second, gone = take(inbox, 3)
    assert (first, second) == (STARTED, DIED)
    assert isinstance(gone, Gone)
    assert "was lost" in gone.error.message


def test_an_engine_that_goes_away_says_why():
    inbox = Inbox()

    inbox.listen(Broken())

    first, gone = take(inbox, 2)
    assert first == STARTED
    assert gone.error.message == "no Docker engine answers"


def test_nothing_comes_where_nothing_happens():
    assert list(Inbox().wait(0.0)) == []
