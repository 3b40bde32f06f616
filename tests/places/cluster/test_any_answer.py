"""An answer of the API server that lacks fields is read, judged and shown all the same.

Servers of other versions omit what others write, and a moment after an object was made
most of its status is not there yet.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from composegen.places.cluster.judge import Judge
from composegen.places.cluster.status import make_seen
from composegen.places.cluster.troubles import find_trouble
from composegen.places.status import State
from tests.clusterfakes import (
    NOW,
    end,
    ended,
    gate,
    make_claim,
    make_deployment,
    make_event,
    make_job,
    make_noted,
    make_notes,
    make_pod,
    make_ready,
    make_replica_set,
    make_starting,
    running,
    take,
    waiting,
)

NOTES = make_notes(
    make_noted("web", "db", optional=("cache",)),
    make_noted("cache", is_required=False),
    make_noted("db"),
    make_noted("work", is_job=True, is_asked=False),
)
OBJECTS = [
    *make_ready("db"),
    make_claim("data-db-0", "db"),
    *make_starting(
        "web", running(restarts=2, last=end(1)), gates=[gate("db", ended(0))]
    ),
    make_deployment("cache", ready=0),
    make_replica_set("cache"),
    make_pod("cache", main=waiting("ErrImagePull", "no"), unscheduled="0/1 nodes"),
    make_job("work", "Failed", message="BackoffLimitExceeded"),
    make_pod("work", main=ended(3), owner="uid-work"),
]
EVENTS = [make_event("Pod", "cache-h1-1", "Failed", "pull")]
KEPT = {"kind", "metadata", "name"}
"""What every object has."""


def list_paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every field that an answer may lack."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for key, value in items:
        if isinstance(value, dict | list):
            found += list_paths(value, (*path, key))
        if key not in KEPT and not isinstance(key, int):
            found.append((*path, key))
    return found


PATHS = list_paths(OBJECTS)


def remove(data: Any, path: tuple[Any, ...]) -> None:
    """Remove a field, if nothing above it was removed before."""
    for key in path[:-1]:
        if isinstance(data, dict) and key not in data:
            return
        data = data[key]
    data.pop(path[-1], None)


@given(paths=st.sets(st.sampled_from(PATHS), max_size=40), events=st.booleans())
def test_no_field_has_to_be_there(paths: set[tuple[Any, ...]], events: bool) -> None:
    objects = copy.deepcopy(OBJECTS)
    for path in paths:
        remove(objects, path)

    snapshot = take(objects, events=EVENTS if events else ())
    seen = make_seen(NOTES, snapshot)
    judge = Judge(NOTES)
    happened = list(judge.look(snapshot, 1.0))

    assert [each.service for each in seen.statuses] == ["web", "cache", "db", "work"]
    assert all(each.service in judge.candidates for each in happened)
    for noted in NOTES.services:
        workload = snapshot.find_workload(noted.object)
        trouble = None
        if workload is not None:
            trouble = find_trouble(snapshot, NOTES, noted, workload)
        assert trouble is None or seen.find(noted.name).state is not State.FINISHED
        assert trouble is None or trouble.reason.startswith(f"{noted.name} ")


@given(when=st.lists(st.floats(0, 400), min_size=1, max_size=6).map(sorted))
def test_a_service_that_is_ready_stays_it_whenever_it_is_looked_at(
    when: list[float],
) -> None:
    notes = make_notes(make_noted("db"))
    judge = Judge(notes)

    for at in when:
        list(judge.look(take(make_ready("db"), now=NOW + at), at))
        assert judge.is_done
        assert judge.candidates["db"].state is State.READY
    assert judge.failed == ()
