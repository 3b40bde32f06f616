"""Ids: in order, whatever clocks do; the same key gives the same ending."""

import re

from router.ids import SUFFIX, IdMaker, milliseconds_of, suffix_for
from tests.fakes import Clock

UUID_7 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


def test_each_id_is_greater_than_the_one_before() -> None:
    clock = Clock()
    make = IdMaker(clock)
    made = []
    for number in range(10_000):
        clock.advance((-5, 0, 0, 0.001)[number % 4])
        made.append(make("key" if number % 3 else ""))
    assert made == sorted(set(made))
    assert all(UUID_7.fullmatch(id) for id in made)


def test_an_id_begins_with_its_time() -> None:
    assert milliseconds_of(IdMaker(Clock(1.7e9))()) == 1_700_000_000_000


def test_no_id_is_smaller_than_one_that_was_observed() -> None:
    late, early = IdMaker(Clock(2000)), IdMaker(Clock(1000))
    seen = late()
    early.observe(seen)
    assert early() > seen
    assert milliseconds_of(early()) - milliseconds_of(seen) <= 1


def test_an_older_id_or_none_changes_nothing() -> None:
    make, other = IdMaker(Clock(2000)), IdMaker(Clock(1000))
    before = make()
    for id in (other(), "", "no id", "~" * 36):
        make.observe(id)
    assert before < make()
    assert milliseconds_of(make()) == 2_000_000


def test_ids_follow_the_clock_that_they_are_aligned_with() -> None:
    clock = Clock(1000)
    make = IdMaker(clock)
    make.align(5000)
    clock.advance(7)
    assert milliseconds_of(make()) == 5_007_000


def test_ids_of_one_key_end_alike_and_those_of_another_do_not() -> None:
    make, other = IdMaker(), IdMaker()
    assert make("a")[SUFFIX] == other("a")[SUFFIX] == suffix_for("a")
    assert make("a")[SUFFIX] != make("b")[SUFFIX] != make()[SUFFIX]
    assert suffix_for("\ud800")


def test_two_that_have_observed_the_same_id_make_different_ones() -> None:
    one, other = IdMaker(Clock(1000)), IdMaker(Clock(1000))
    last = IdMaker(Clock(2000))()
    for make in (one, other):
        make.observe(last)
    assert len({make() for make in (one, other) for _ in range(100)}) == 200
