"""What a dependent service gets where the optional ones that it needs are excluded."""

from composegen.model import Service
from composegen.needs import Condition, Need, Otherwise
from composegen.planning.fallbacks import choose_fallback


def make_service(*needs, replicas=4):
    return Service(name="web", needs=needs, replicas=replicas)


def need(service, *, env=None, otherwise=None):
    return Need(
        service=service,
        env=env or {},
        until=Condition.HEALTHY,
        otherwise=otherwise,
    )


CACHE = need(
    "cache",
    env={"CACHE_URL": "{url}"},
    otherwise=Otherwise(env={"CACHE": "memory", "MODE": "a"}, replicas=2),
)
QUEUE = need(
    "queue",
    env={"QUEUE_URL": "{url}"},
    otherwise=Otherwise(env={"MODE": "b"}, replicas=1),
)


def test_with_everything_included_nothing_changes():
    taken = choose_fallback(make_service(CACHE), frozenset({"web", "cache"}))

    assert (taken.env, taken.absent, taken.replicas) == ({}, (), 4)


def test_an_excluded_service_brings_its_fallback_and_takes_its_variables():
    service = make_service(CACHE, QUEUE)
    taken = choose_fallback(service, frozenset({"web", "queue"}))

    assert taken.env == {"CACHE": "memory", "MODE": "a"}
    assert taken.absent == ("CACHE_URL",)
    assert taken.replicas == 2


def test_of_two_fallbacks_the_later_variable_and_the_fewest_replicas_count():
    taken = choose_fallback(make_service(CACHE, QUEUE), frozenset({"web"}))

    assert taken.env == {"CACHE": "memory", "MODE": "b"}
    assert taken.absent == ("CACHE_URL", "QUEUE_URL")
    assert taken.replicas == 1
