"""The needs of a stack are a value: built once, asked for closures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from composegen.errors import SelectionError
from composegen.model import Service, Stack
from composegen.needs import Condition, Need, Otherwise
from composegen.planning.needs import Needs
from composegen.planning.selection import Selection, select_services


class CountedNeeds(tuple[Need, ...]):
    """Needs that count how often they are read."""

    __slots__ = ()
    count = 0

    def __iter__(self) -> Iterator[Need]:
        type(self).count += 1
        return super().__iter__()


def make_service(name: str, words: str = "") -> Service:
    """A service with the names of what it needs; ``?`` is optional."""
    needs = [
        Need(
            service=word.rstrip("?"),
            until=Condition.HEALTHY,
            otherwise=Otherwise() if word.endswith("?") else None,
        )
        for word in words.split()
    ]
    return Service(name=name, needs=CountedNeeds(needs))


def make(**services: str) -> Stack:
    return Stack(
        file="stack.yaml",
        services={name: make_service(name, words) for name, words in services.items()},
    )


CHAT = make(web="api cache?", api="db cache?", cache="", db="")


def test_needs_lead_both_ways_in_the_order_of_the_file() -> None:
    needs = Needs(CHAT)

    assert needs.all["web"] == ("api", "cache")
    assert needs.required["web"] == ("api",)
    assert needs.dependents == {
        "web": (),
        "api": ("web",),
        "cache": ("web", "api"),
        "db": ("api",),
    }


def test_a_need_that_is_no_service_is_known_and_has_no_dependents() -> None:
    needs = Needs(make(web="gone"))

    assert needs.all == {"web": ("gone",)}
    assert needs.dependents == {"web": ()}


def test_a_closure_holds_all_or_only_what_is_required() -> None:
    needs = Needs(CHAT)

    assert needs.close(["api"]) == {"api", "db", "cache"}
    assert needs.close_required(["web"]) == {"web", "api", "db"}


def test_a_closure_passes_nothing_that_it_goes_without() -> None:
    needs = Needs(CHAT)

    assert needs.close(["web"], without={"api"}) == {"web", "cache"}
    assert needs.close_required(["web"], without={"db"}) == {"web", "api"}


def test_a_selection_reads_the_needs_once_whatever_advice_it_gives() -> None:
    stack = make(web="api", api="db", db="")
    CountedNeeds.count = 0

    with pytest.raises(SelectionError):
        select_services(Needs(stack), Selection(removed=("db",)))

    assert CountedNeeds.count == len(stack.services)
