"""Notes of some services are merged with those of the whole, in each place."""

from __future__ import annotations

import pytest

from composegen.places.cluster import noting as cluster
from composegen.places.cluster.notes import NotedExclusion as ClusterExclusion
from composegen.places.engine import noting as engine
from composegen.places.engine.notes import NotedExclusion as EngineExclusion
from composegen.records import replace
from tests import clusterfakes, enginefakes


class OnEngine:
    merge = staticmethod(engine.merge_notes)
    make_noted = staticmethod(enginefakes.make_noted)
    make_notes = staticmethod(enginefakes.make_notes)

    @staticmethod
    def exclude(name):
        return EngineExclusion(service=name, reason="r", at=1.0)


class OnCluster:
    merge = staticmethod(cluster.merge_notes)
    make_noted = staticmethod(clusterfakes.make_noted)
    make_notes = staticmethod(clusterfakes.make_notes)

    @staticmethod
    def exclude(name):
        return ClusterExclusion(service=name, reason="r")


@pytest.fixture(params=[OnEngine, OnCluster])
def place(request):
    return request.param


def test_a_service_that_is_brought_up_again_stays_as_required_as_in_the_whole(place):
    whole = place.make_notes(
        place.make_noted("web"), place.make_noted("cache", is_required=False)
    )
    part = place.make_notes(
        place.make_noted("cache", replicas=2), place.make_noted("new")
    )

    merged = place.merge(whole, part)

    assert merged.names == ("web", "cache", "new")
    assert not merged.find("cache").is_required
    assert merged.find("cache").replicas == 2
    assert merged.find("new").is_required


def test_only_those_that_are_brought_up_again_lose_their_exclusion(place):
    names = ("web", "cache", "queue")
    services = [place.make_noted(name) for name in names]
    old = (place.exclude("cache"), place.exclude("queue"))
    whole = place.make_notes(*services, excluded=old)
    part = place.make_notes(services[1], excluded=(place.exclude("web"),))

    merged = place.merge(whole, part)

    assert [each.service for each in merged.excluded] == ["queue", "web"]
    assert merged.find_exclusion("cache") is None
    assert merged.find_exclusion("queue").reason == "r"


def test_what_a_service_requires_comes_with_it_and_what_it_can_do_without_does_not(
    place,
):
    noted = place.make_noted("web", "db")
    cache = replace(noted.needs[0], service="cache", is_optional=True)
    notes = place.make_notes(
        place.make_noted("disk"),
        place.make_noted("db", "disk"),
        place.make_noted("cache"),
        replace(noted, needs=(*noted.needs, cache)),
        place.make_noted("other", "web"),
    )

    assert notes.close_over(["web"]) == ("disk", "db", "web")


def test_those_that_need_a_service_are_listed_in_the_order_of_the_plan(place):
    notes = place.make_notes(
        place.make_noted("web", "db"),
        place.make_noted("db"),
        place.make_noted("worker", "web", "db"),
    )

    assert notes.list_dependents("db") == ("web", "worker")
    assert notes.list_dependents("worker") == ()
