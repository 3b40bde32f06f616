"""A network that is shared ends with its owner, and a new start brings a new one."""

from pathlib import Path

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.joined import Joined, read_joins
from composegen.places.engine.sharing import list_outlived, list_sharing
from composegen.places.engine.status import make_seen
from composegen.places.engine.why import find_engine_reasons
from composegen.places.status import State
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

NOTES = make_notes(make_noted("web"), make_noted("side"))
LATE, EARLY = 100.0, 90.0


def share(kind="network", *, started_at=EARLY, **owner):
    """A sidecar, and its owner, which was started at 95."""
    joins = (Joined(kind=kind, id="id-web"),)
    return [
        make_container("web", **{"started_at": 95.0, **owner}),
        make_container("side", joins=joins, health="none", started_at=started_at),
    ]


def find_state(containers):
    return make_seen(NOTES, containers, 110.0).find("side").state


def test_the_engine_names_the_owner_by_its_id():
    host = {"NetworkMode": "container:abc", "PidMode": "host", "IpcMode": "private"}
    assert read_joins(host) == (Joined(kind="network", id="abc"),)


@pytest.mark.parametrize("kind", ["network", "pid", "ipc"])
def test_one_that_was_started_before_its_owner_has_failed(kind):
    assert find_state(share(kind)) is State.FAILED


def test_one_that_was_started_after_its_owner_is_ready():
    containers = share(started_at=LATE)
    assert find_state(containers) is State.READY
    assert list(list_outlived(containers)) == []


def test_where_the_owner_is_down_the_owner_alone_is_to_blame():
    containers = share(status=Status.EXITED)
    assert find_state(containers) is State.READY
    assert list(list_outlived(containers)) == []


def test_status_says_what_to_type():
    [line] = list_outlived(share())
    assert line == (
        "side shares the network of web, which was started again since: "
        "composegen restart side"
    )


def test_why_names_the_cause_and_the_help():
    [reason] = find_engine_reasons(FakeEngine(share()), NOTES, Path())

    assert reason.failure.reason == "side runs in the network that web had before"
    assert reason.failure.cause == (
        "it shares the network of `web`, which was started again since and has a new "
        "one"
    )
    assert reason.failure.help == "composegen restart side"


def test_what_runs_in_the_namespaces_of_a_container_is_found():
    assert list_sharing(share(), {"id-web"}) == ("id-side",)
    assert list_sharing(share(), {"id-other"}) == ()
