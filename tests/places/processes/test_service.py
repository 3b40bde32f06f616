"""A running service is a state machine: its transitions in every state."""

import ast
import asyncio
from pathlib import Path

import pytest

import composegen
from composegen.health import HealthKind
from composegen.places.events import (
    BecameUnhealthy,
    Exited,
    Failed,
    Finished,
    HealthyAgain,
    Message,
    Ready,
    Reused,
    Started,
    Stopped,
)
from composegen.places.processes.describing import describe_service
from composegen.places.processes.plan import Way
from tests.places.processes.services import (
    FAILURE,
    MOMENTS,
    PID,
    TRANSITIONS,
    build_running,
    make_running,
    move,
)

# The state after each transition at each moment; a dash is an impossible transition.
TABLE = """
                  waiting   starting  started   ready     reused    unhealthy restarting finished  failed    over      stopped
waits_for         waiting   starting  starting  -         -         -         starting   -         -         -         -
starts            starting  starting  starting  -         -         -         starting   -         -         -         -
answered          waiting   starting  starting  ready     ready     ready     starting   finished  failed    failed    stopped
reused            -         starting  starting  -         -         -         starting   -         -         -         -
started           -         starting  starting  -         -         -         starting   -         -         -         -
became_ready      -         ready     ready     -         -         -         ready      -         -         -         -
exited            -         starting  starting  -         -         -         starting   -         -         -         -
finished          -         finished  finished  -         -         -         finished   -         -         -         -
gave_up           failed    failed    failed    -         -         -         failed     -         -         -         -
became_unhealthy  -         -         -         ready     ready     -         -          -         -         -         -
recovered         -         -         -         -         -         ready     -          -         -         -         -
died              -         -         -         starting  starting  starting  -          -         -         -         -
died_for_good     -         -         -         failed    failed    failed    -          -         -         -         -
pauses            -         starting  starting  -         -         -         starting   -         -         -         -
tries_again       -         starting  starting  -         -         -         starting   -         -         -         -
stopped           stopped   stopped   stopped   stopped   stopped   stopped   stopped    finished  failed    failed    stopped
stopped_by_user   waiting   starting  starting  ready     ready     ready     starting   -         -         -         -
started_by_user   -         -         -         -         -         -         -          waiting   waiting   waiting   waiting
"""  # noqa: E501
_HEADS, *_ROWS = [line.split() for line in TABLE.splitlines() if line]
CELLS = [
    (moment, transition, cell)
    for transition, *cells in _ROWS
    for moment, cell in zip(_HEADS, cells, strict=True)
]


def test_the_table_has_every_transition_at_every_moment():
    assert list(MOMENTS) == _HEADS
    assert [row[0] for row in _ROWS] == list(TRANSITIONS)


@pytest.mark.parametrize(("moment", "transition", "state"), CELLS)
def test_a_transition_leads_to_a_state_or_is_impossible(moment, transition, state):
    service = make_running(moment)
    if state == "-":
        with pytest.raises(AssertionError, match=r"^app: "):
            move(service, transition)
    else:
        move(service, transition)
        assert str(service.state) == state


# health, pid, exit code, restarts, whether it is away, the failure's reason
@pytest.mark.parametrize(
    ("moment", "fields"),
    [
        ("waiting", (None, None, None, False, None)),
        ("starting", ("starting", None, None, False, None)),
        ("started", ("starting", PID, None, False, None)),
        ("ready", ("healthy", PID, None, False, None)),
        ("reused", ("healthy", None, None, False, None)),
        ("unhealthy", ("unhealthy", PID, None, True, None)),
        ("restarting", (None, None, 7, True, FAILURE)),
        ("finished", (None, PID, 0, False, None)),
        ("failed", (None, None, 7, False, FAILURE)),
        ("over", (None, None, 7, True, FAILURE)),
        ("stopped", (None, PID, None, True, None)),
    ],
)
def test_the_fields_at_each_moment(moment, fields):
    service = make_running(moment)

    assert (
        service.health,
        service.pid,
        service.exit_code,
        service.away_since is not None,
        service.failure,
    ) == fields


@pytest.mark.parametrize(
    ("moment", "transition", "kind", "facts"),
    [
        ("waiting", "waits_for", type(None), {}),
        (
            "restarting",
            "waits_for",
            Message,
            {"text": "waits for db before it restarts"},
        ),
        ("waiting", "starts", type(None), {}),
        ("starting", "reused", Reused, {"pid": None, "command": "", "note": "by hand"}),
        ("starting", "started", Started, {"pid": PID, "command": "run it"}),
        ("started", "became_ready", Ready, {"after": 1.5}),
        ("started", "exited", type(None), {}),
        ("started", "finished", Finished, {"after": 1.5}),
        ("started", "gave_up", Failed, {"failure": FAILURE, "dependents": ("web",)}),
        ("ready", "became_unhealthy", BecameUnhealthy, {"reason": "refused"}),
        ("unhealthy", "recovered", HealthyAgain, {}),
        ("ready", "died", Exited, {"restart_in": 0.5, "dependents": ("web",)}),
        ("ready", "died_for_good", Exited, {"exit_code": 7, "restart_in": None}),
        (
            "restarting",
            "pauses",
            Message,
            {"text": f"{FAILURE.reason}; next try in 0.5"},
        ),
        ("restarting", "tries_again", type(None), {}),
        ("ready", "stopped", Stopped, {"left": (), "by": ""}),
        ("ready", "stopped_by_user", type(None), {}),
        ("failed", "started_by_user", type(None), {}),
    ],
)
def test_a_transition_returns_the_event_to_report(moment, transition, kind, facts):
    event = move(make_running(moment), transition)

    assert type(event) is kind
    if event is not None:
        assert event.service == "app"
        assert 0 <= event.at < 60
    for name, fact in facts.items():
        said = getattr(event, name)
        assert said.startswith(fact) if name == "text" else said == fact


def test_closed_gates_are_reported_once_and_only_before_a_restart():
    service = make_running("restarting")

    assert service.waits_for(("db",)) is not None
    assert service.waits_for(("db", "cache")) is None
    assert service.closed_gates == ("db", "cache")
    assert service.waits_for(()) is None
    assert service.waits_for(("db",)) is not None


@pytest.mark.parametrize(
    ("moment", "transition", "wakes"),
    [
        ("waiting", "waits_for", False),
        ("waiting", "starts", True),
        ("starting", "answered", False),
        ("starting", "reused", False),  # it is ready at once, and that wakes
        ("starting", "started", True),
        ("started", "became_ready", True),
        ("started", "exited", False),
        ("started", "finished", True),
        ("started", "gave_up", True),
        ("ready", "became_unhealthy", True),
        ("unhealthy", "recovered", True),
        ("ready", "died", True),
        ("restarting", "pauses", True),
        ("restarting", "tries_again", False),
        ("ready", "stopped", True),
        ("failed", "stopped", False),
        ("ready", "stopped_by_user", True),
        ("failed", "started_by_user", True),
    ],
)
def test_what_gates_look_at_wakes_those_who_wait(moment, transition, wakes):
    async def change():
        service = build_running(moment)
        waiting = service.wait_for_change()
        move(service, transition)
        return waiting.done()

    assert asyncio.run(change()) is wakes


@pytest.mark.parametrize(
    ("moment", "outcome"),
    [
        *((moment, "open") for moment in ("waiting", "starting", "started")),
        *((moment, None) for moment in ("ready", "reused", "finished")),
        *((moment, None) for moment in ("unhealthy", "restarting", "over", "stopped")),
        ("failed", FAILURE),
    ],
)
def test_the_outcome_is_that_of_the_first_start_whatever_comes_later(moment, outcome):
    future = make_running(moment).outcome
    assert (future.result() if future.done() else "open") == outcome


def test_a_restart_keeps_the_first_boot_and_forgets_the_failure():
    service = make_running("restarting")
    boot = service.boot
    service.pauses(0.5)
    assert service.again_at is not None

    service.tries_again()
    move(service, "starts", "answered", "started", "became_ready")

    assert service.again_at is None
    assert (service.restarts, service.failure, service.last_answer) == (1, None, "")
    assert service.exit_code is None
    assert service.boot == boot


@pytest.mark.parametrize("moment", ["waiting", "started", "ready", "restarting"])
def test_one_that_the_user_stops_is_away_from_that_moment_on(moment):
    service = make_running(moment)

    service.stopped_by_user()

    assert not service.is_well
    assert service.away_since is not None
    assert service.outcome.done()
    assert describe_service(service).by is None  # not before it is stopped
    event = service.stopped(())
    assert event.by == "user"
    assert describe_service(service).by == "user"
    assert (service.failure, service.again_at, service.exit_code) == (None, None, None)


def test_one_that_the_user_starts_again_begins_as_at_first():
    service = make_running("restarting")
    service.pauses(0.5)
    service.tries_again()
    service.stopped_by_user()
    service.stopped(())

    service.started_by_user()

    assert (service.by, service.restarts, service.failure) == (None, 0, None)
    assert service.waits_for(("db",)).text == "waits for db"
    move(service, "starts", "started", "became_ready")
    assert service.is_well


def test_the_end_of_the_run_keeps_when_the_user_stopped_a_service():
    service = make_running("ready")
    service.stopped_by_user()
    service.stopped(())
    since = service.since = "2026-01-01T00:00:00Z"

    service.stopped(())

    assert (service.since, describe_service(service).by) == (since, "user")


def test_only_the_first_answer_of_a_start_is_new():
    service = make_running("starting")

    assert service.answered("refused")
    assert not service.answered("refused")


@pytest.mark.parametrize(
    ("kind", "way", "health"),
    [
        (HealthKind.TCP, Way.PROCESS, "healthy"),
        (HealthKind.NONE, Way.PROCESS, "none"),
        (HealthKind.TCP, Way.COMMAND, "none"),
    ],
)
def test_only_what_is_asked_is_healthy(kind, way, health):
    assert make_running("ready", kind=kind, way=way).health == health


def test_no_field_is_set_from_outside():
    fields = vars(make_running("waiting")).keys()
    folder = Path(composegen.__file__).parent
    set_outside = [
        f"{path.relative_to(folder)}:{node.lineno}: {ast.unparse(node)}"
        for name in ("places/processes", "terminal", "library.py")
        for path in sorted((folder / name).rglob("*.py")) or [folder / name]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and node.attr in fields
        and ast.unparse(node.value) != "self"
    ]

    assert set_outside == []
