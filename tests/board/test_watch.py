"""What a page is told while a boot goes on, and of what the stack file lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from composegen.board.booting import LiveBoot, describe_note
from composegen.board.folding import fold_event, word_event
from composegen.board.shared import Shared
from composegen.places.events import (
    BecameUnhealthy,
    Created,
    Event,
    Excluded,
    Exited,
    Finished,
    HealthyAgain,
    Ready,
    Started,
    Stopped,
)
from composegen.places.status import ServiceStatus, State
from composegen.records import replace
from composegen.system.identity import identify_self
from composegen.workspace.booting import FILE
from composegen.workspace.boots import BootedService, BootNote
from composegen.workspace.state import make_state_folder
from composegen.workspace.statefile import write_state
from tests.boards import FakePlace, Page, serve

READY = ServiceStatus(service="web", state=State.READY, health="healthy")


@pytest.mark.parametrize(
    ("event", "state", "health"),
    [
        (Created(service="web"), State.WAITING, "healthy"),
        (Started(service="web", pid=7), State.STARTING, "starting"),
        (Ready(service="web", after=1), State.READY, "healthy"),
        (Ready(service="web", after=1, is_asked=False), State.READY, "none"),
        (BecameUnhealthy(service="web", reason=""), State.FAILED, "unhealthy"),
        (HealthyAgain(service="web"), State.READY, "healthy"),
        (Exited(service="web", exit_code=3, restart_in=None), State.FAILED, None),
        (Finished(service="web", after=1), State.FINISHED, None),
        (Excluded(service="web", reason="late"), State.EXCLUDED, "healthy"),
        (Stopped(service="web", by="user"), State.STOPPED, None),
    ],
)
def test_an_event_changes_the_state_at_once(
    event: Event, state: State, health: str | None
) -> None:
    status = fold_event(READY, event)

    assert (status.state, status.health) == (state, health)


def test_one_that_is_excluded_has_its_reason_and_is_replaced_by_a_fallback() -> None:
    status = fold_event(READY, Excluded(service="web", reason="late"))

    assert (status.reason, status.fallback) == ("late", True)


def test_an_event_has_words() -> None:
    assert (
        word_event(Exited(service="web", exit_code=3, restart_in=1)) == "exited with 3"
    )
    assert word_event(Ready(service="web", after=0, ran_before=True)) == ""


def test_a_boot_that_goes_on_grows_until_all_is_ready() -> None:
    starting = ServiceStatus(service="db", state=State.STARTING)
    waiting = ServiceStatus(service="web", state=State.WAITING)
    boot = LiveBoot({"web": ("db",)})
    boot.begin([starting, waiting])
    described = boot.describe()
    assert described is not None
    assert described["going"] is True
    assert [each["started"] is None for each in described["services"]] == [False, True]

    ready = [
        ServiceStatus(service=name, state=State.READY, health="healthy")
        for name in ("db", "web")
    ]
    for each in ready:
        boot.see(each)
    boot.check_end(ready)
    described = boot.describe()
    assert described is not None
    assert described["going"] is False
    assert described["path"] == ["db", "web"]


def test_a_boot_is_over_where_an_interrupted_one_was_noted_meanwhile() -> None:
    boot = LiveBoot({})
    boot.begin([ServiceStatus(service="db", state=State.WAITING)])
    described = boot.describe()
    assert described is not None
    began = datetime.fromtimestamp(described["began"] - 5, UTC).isoformat()
    note = BootNote(at=began, place="engine", flags="", total=None, services=())

    boot.end_with(describe_note(note))
    assert boot.is_going
    boot.end_with(describe_note(replace(note, interrupted=4.0)))
    assert boot.is_going
    boot.end_with(describe_note(replace(note, interrupted=6.0)))
    assert not boot.is_going


def test_what_is_up_already_is_no_boot() -> None:
    boot = LiveBoot({})
    boot.begin([READY])

    assert boot.describe() is None


def test_a_boot_that_was_noted_has_its_critical_path() -> None:
    note = BootNote(
        at="2026-01-01T00:00:00.000Z",
        place="engine",
        flags="--without redis",
        total=2.0,
        services=(
            BootedService(service="db", started=0.0, ready=1.0),
            BootedService(service="web", started=1.0, ready=2.0, after=("db",)),
        ),
    )

    assert describe_note(note)["path"] == ["db", "web"]


def test_values_come_as_a_snapshot_and_then_as_numbered_changes() -> None:
    shared = Shared({"a": 1})
    heard: list[object] = []
    snapshot = shared.join(heard.append)
    shared.change({"a": 1})
    shared.change({"a": 2, "b": 3})
    shared.change({"b": None})

    assert snapshot == {"type": "snapshot", "number": 0, "set": {"a": 1}}
    assert heard == [
        {"type": "change", "number": 1, "set": {"a": 2, "b": 3}},
        {"type": "change", "number": 2, "set": {"b": None}},
    ]
    assert shared.make_snapshot()["set"] == {"a": 2}


def test_a_second_run_is_followed_as_well(tmp_path: Path) -> None:
    place = FakePlace("db", "web")
    runs = tmp_path / ".composegen" / "run"
    runs.mkdir(parents=True)
    (runs / "run-1.json").touch()
    with serve(place, tmp_path) as served, served.open() as page:
        page.wait_for_state("web", "ready")
        before = served.board._watcher.turn
        (runs / "run-2.json").touch()
        place.statuses["web"] = ServiceStatus(service="web", state=State.STARTING)
        page.wait_for_state("web", "starting")

        assert served.board._watcher.turn == before + 1


def test_a_drill_of_another_terminal_is_among_the_notes(tmp_path: Path) -> None:
    place = FakePlace("db", "web")
    place.drill = "a drill is going on, pid 7: db is frozen"
    with serve(place, tmp_path) as served, served.open() as page:
        page.wait_for(lambda page: "place" in page.values)
        assert page.values["place"]["notes"] == [place.drill]

        place.drill = ""
        (tmp_path / "stack.yaml").touch()
        page.wait_for(lambda page: page.values["place"]["notes"] == [])


def test_a_drill_that_the_page_shows_is_not_noted_as_well(tmp_path: Path) -> None:
    place = FakePlace("web")
    place.drill = "a drill is going on, pid 7"
    with serve(place, tmp_path) as served, served.open() as page:
        page.wait_for(lambda page: page.values.get("place", {}).get("notes"))
        served.board._shared.change({"drill": {"going": True}})
        (tmp_path / "stack.yaml").touch()
        page.wait_for(lambda page: page.values["place"]["notes"] == [])


def note_killed(folder: Path) -> None:
    """Note that a process brought the stack up which is not there any more."""
    gone = replace(identify_self(), start=1)
    write_state(make_state_folder(folder) / FILE, {"process": gone})


@pytest.fixture
def booting() -> FakePlace:
    """An engine on which one service waits for another."""
    place = FakePlace("db", "web")
    place.name = "engine"
    place.statuses["web"] = ServiceStatus(service="web", state=State.WAITING)
    return place


def wait_for_boot(page: Page, *, is_going: bool) -> dict[str, Any]:
    """The last boot of a page, when it goes on or does not."""
    page.wait_for(
        lambda page: (
            bool(boots := page.values.get("boots")) and boots[-1]["going"] is is_going
        )
    )
    boot: dict[str, Any] = page.values["boots"][-1]
    return boot


def test_a_boot_is_interrupted_when_its_up_is_killed(
    booting: FakePlace, tmp_path: Path
) -> None:
    with serve(booting, tmp_path) as served, served.open() as page:
        wait_for_boot(page, is_going=True)
        note_killed(tmp_path)
        boot = wait_for_boot(page, is_going=False)

    assert boot["total"] is None
    assert boot["interrupted"] >= 0


def test_a_boot_whose_up_was_killed_before_the_board_began_does_not_go_on(
    booting: FakePlace, tmp_path: Path
) -> None:
    note_killed(tmp_path)
    with serve(booting, tmp_path) as served, served.open() as page:
        assert wait_for_boot(page, is_going=False)["interrupted"] >= 0


def test_a_killed_up_says_nothing_of_a_run_of_processes(
    booting: FakePlace, tmp_path: Path
) -> None:
    booting.name = "processes"
    note_killed(tmp_path)
    with serve(booting, tmp_path) as served, served.open() as page:
        assert wait_for_boot(page, is_going=True)["interrupted"] is None


def test_lines_are_expected_while_a_service_runs_and_can_be_seen(
    tmp_path: Path,
) -> None:
    place = FakePlace("db", "web")
    with serve(place, tmp_path) as served, served.open() as page:
        page.wait_for_state("web", "ready")
        assert served.board._watcher.is_speaking

        for name in ("db", "web"):
            stopped = ServiceStatus(service=name, state=State.STOPPED)
            place.happen(Stopped(service=name, at=1), stopped)
            page.wait_for_state(name, "stopped")
        assert not served.board._watcher.is_speaking
