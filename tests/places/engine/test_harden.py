"""Which starts show that a relaxation is not needed."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.errors import CannotHarden, ExitCode, Interrupted
from composegen.places.engine.harden import Tried, _Ending, _Hardener
from composegen.places.engine.trials import Started
from composegen.places.events import Failure
from composegen.places.reasons import Reason


class Trials:
    """Starts of a service that needs some relaxations, on any or on old volumes."""

    def __init__(
        self, needs: str = "", on_old: str = "", *, has_data: bool = True
    ) -> None:
        self.needs = {*needs.split()}
        self.on_old = {*on_old.split()}
        self.data = has_data
        self.starts: list[str] = []

    def start(self, plan: Any, service: str, *, is_fresh: bool) -> Started:
        lost = plan & (self.needs if is_fresh else self.needs | self.on_old)
        names = "+".join(sorted(plan)) or "as-it-is"
        self.starts.append(f"{names} {'new' if is_fresh else 'old'}")
        if not lost:
            return Started(seconds=1.0)
        failure = Failure(service=service, reason=f"{service} misses {min(lost)}")
        return Started(seconds=1.0, reason=Reason(failure=failure))

    def has_data(self, service: str) -> bool:
        return self.data


def harden(trials: Trials, *names: str) -> dict[str, str]:
    hardener: Any = _Hardener("web", lambda taken: taken, trials, lambda _: None)
    return {
        each.name: "taken" if each.is_taken else str(each.seen).strip()
        for each in hardener.carry_out(names)
    }


def test_all_that_passes_at_once_needs_three_starts() -> None:
    trials = Trials()

    assert harden(trials, "a", "b") == {"a": "taken", "b": "taken"}
    assert trials.starts == ["as-it-is new", "a+b old", "a+b new"]


def test_one_that_is_needed_remains_and_the_others_are_tried_together() -> None:
    trials = Trials("a")

    assert harden(trials, "a", "b", "c") == {
        "a": "web misses a",
        "b": "taken",
        "c": "taken",
    }
    assert trials.starts[2:] == [
        "a new",
        *("b new", "as-it-is new", "b old"),
        *("b+c new", "as-it-is new", "b+c old"),
    ]


def test_what_fails_on_volumes_that_were_filled_before_remains() -> None:
    trials = Trials(on_old="b")

    assert harden(trials, "a", "b") == {"a": "taken", "b": "web misses b"}


def test_a_single_one_is_not_tried_again_by_itself() -> None:
    trials = Trials("a")

    assert harden(trials, "a") == {"a": "web misses a"}
    assert trials.starts == ["as-it-is new", "a old"]


def test_without_volumes_the_second_start_follows_at_once() -> None:
    trials = Trials("a", has_data=False)

    harden(trials, "a", "b")

    assert trials.starts[2:] == ["a new", "b new", "b old"]


def test_a_service_that_does_not_start_as_it_is_shows_nothing() -> None:
    class Broken(Trials):
        def start(self, plan: Any, service: str, *, is_fresh: bool) -> Started:
            return super().start({"x"}, service, is_fresh=is_fresh)

    with pytest.raises(CannotHarden, match="`web` does not start as it is"):
        harden(Broken("x"), "a")


def test_only_the_first_signal_interrupts() -> None:
    ending = _Ending()
    with pytest.raises(Interrupted):
        ending.interrupt(ExitCode.INTERRUPTED)
    ending.interrupt(ExitCode.INTERRUPTED)


@pytest.mark.parametrize(
    ("reason", "cause", "why"),
    [
        (
            "web exited with 1",
            "it writes /x/y, and the file system is read-only",
            "writes /x/y",
        ),
        (
            "web exited with 1",
            "it may not use /x: open /x?key=abc: permission denied",
            "may not use /x",
        ),
        ("web exited with 1", "", "tried: exited with 1"),
        ("web exited with 1", "it writes /${HOME}", "tried: exited with 1"),
        ("web " + "x" * 200, "", "tried: " + "x" * 93 + ".."),
    ],
)
def test_what_was_found_is_one_short_line_without_the_log(
    reason: str, cause: str, why: str
) -> None:
    failure = Failure(service="web", reason=reason, cause=cause)
    tried = Tried(name="init", is_taken=False, seen=Reason(failure=failure))

    assert tried.why == why
