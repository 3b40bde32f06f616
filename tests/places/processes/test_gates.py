"""Gates look at the present: what is away holds up what starts meanwhile."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from composegen.health import HealthKind
from composegen.needs import Condition
from composegen.places.events import Exited, Ready, Started
from composegen.places.processes.gates import Gates, Verdict, judge_gate
from composegen.places.processes.supervisor import StartFailed
from composegen.planning.plan import Gate
from tests import runs
from tests.places.processes.services import make_running
from tests.places.processes.test_supervisor import until
from tests.runs import carry_out, find_events, make_service

BOOT = 5.0


@pytest.fixture
def ports():
    return runs.Ports()


def judge(service, *, condition=Condition.HEALTHY, is_optional=False, later=0.0):
    gate = Gate(service="app", condition=condition, is_optional=is_optional)
    return judge_gate(gate, service, time.monotonic() + later)


@pytest.mark.parametrize(
    ("moment", "kind", "verdict"),
    [
        ("waiting", HealthKind.TCP, Verdict.CLOSED),
        ("started", HealthKind.TCP, Verdict.CLOSED),
        ("ready", HealthKind.TCP, Verdict.OPEN),
        ("ready", HealthKind.NONE, Verdict.OPEN),
        ("reused", HealthKind.TCP, Verdict.OPEN),
        ("unhealthy", HealthKind.TCP, Verdict.CLOSED),
        ("restarting", HealthKind.TCP, Verdict.CLOSED),
        ("finished", HealthKind.NONE, Verdict.OPEN),
        ("failed", HealthKind.TCP, Verdict.SHUT),
        ("over", HealthKind.TCP, Verdict.SHUT),
        ("stopped", HealthKind.TCP, Verdict.SHUT),
    ],
)
def test_a_required_gate_is_open_while_the_service_is_well(moment, kind, verdict):
    assert judge(make_running(moment, kind=kind)) is verdict


def test_a_gate_for_the_start_asks_only_whether_it_runs():
    starting = make_running("started")
    restarting = make_running("restarting")

    assert judge(starting, condition=Condition.STARTED) is Verdict.OPEN
    assert judge(restarting, condition=Condition.STARTED) is Verdict.CLOSED


@pytest.mark.parametrize("moment", ["failed", "over", "stopped"])
def test_an_optional_gate_opens_when_the_service_is_over(moment):
    assert judge(make_running(moment), is_optional=True) is Verdict.OPEN


@pytest.mark.parametrize("is_optional", [True, False])
def test_only_an_optional_service_that_is_away_is_waited_for_up_to_its_boot(
    is_optional,
):
    away = make_running("restarting", boot=BOOT)
    late = Verdict.OPEN if is_optional else Verdict.CLOSED

    assert judge(away, is_optional=is_optional) is Verdict.CLOSED
    assert judge(away, is_optional=is_optional, later=BOOT + 1) is late


@pytest.mark.parametrize("moment", ["waiting", "started", "ready", "unhealthy"])
@pytest.mark.parametrize("is_gone", [False, True])
def test_one_that_the_user_stops_is_away_whatever_it_did(moment, is_gone):
    app = make_running(moment, boot=BOOT)
    app.stopped_by_user()
    if is_gone:
        app.stopped(())

    assert judge(app) is Verdict.CLOSED
    assert judge(app, condition=Condition.STARTED) is Verdict.CLOSED
    assert judge(app, later=BOOT + 1) is Verdict.CLOSED
    assert judge(app, is_optional=True) is Verdict.CLOSED
    assert judge(app, is_optional=True, later=BOOT + 1) is Verdict.OPEN


def test_one_that_comes_back_is_waited_for_afresh_when_it_goes_again():
    app = make_running("unhealthy")
    first = app.away_since
    app.recovered()

    assert first is not None
    assert app.away_since is None


def test_a_gate_that_time_opens_after_the_look_is_not_waited_for():
    """The look was a moment before the end of its patience, the wait is after it."""
    app = make_running("unhealthy")
    app.away_since = time.monotonic() - app.unit.probe.boot - 1
    gate = Gate(service="app", condition=Condition.HEALTHY, is_optional=True)
    gates = Gates(SimpleNamespace(gates=(gate,)), {"app": app})

    async def wait():
        look = time.monotonic() - 2
        assert gates.find_closed(look) == ("app",)
        async with asyncio.timeout(20):
            await gates.wait_for_change(look)
        return gates.find_closed(time.monotonic())

    assert asyncio.run(wait()) == ()


# A real run; files stand for moments

FALLIBLE = (
    """
import os, time
def wait(name):
    while not os.path.exists(name):
        time.sleep(0.005)
name = os.environ["NAME"]
while os.path.exists("dead-" + name) and not os.path.exists("back-" + name):
    time.sleep(0.005)
import threading
def die():
    wait("die-" + name)
    if not os.path.exists("dead-" + name):
        open("dead-" + name, "w").close()
        os._exit(7)
threading.Thread(target=die, daemon=True).start()
wait("go-" + name)
"""
    + runs.SERVER
)


def write_fallible(folder, ports, needs, **names):
    """Services that become ready with go-NAME, die with die-NAME, return with back-."""
    text = "".join(
        make_service(
            name, ports[name], command="fallible.py", env=f"NAME: {name}", boot="60s"
        )
        for name in names
    )
    web = make_service(
        "web", ports["web"], command="fallible.py", env="NAME: web", extra=needs
    )
    path = runs.write_stack(folder, "services:\n" + web + text, fallible=FALLIBLE)
    for name, moments in names.items():
        for moment in moments:
            (folder / f"{moment}-{name}").touch()
    return path


def list_starts(events, service):
    return [e for e in find_events(events, Started) if e.service == service]


def is_ready(events, service, times=1):
    return len([e for e in find_events(events, Ready) if e.service == service]) >= times


def has_exited(events, service):
    return any(e.service == service for e in find_events(events, Exited))


def test_all_gates_are_open_at_the_moment_of_the_start(tmp_path, ports):
    path = write_fallible(tmp_path, ports, "needs: [a, b]", a=["go"], b=[])
    (tmp_path / "go-web").touch()

    async def go():
        async with carry_out(path) as (supervisor, events):
            up = asyncio.ensure_future(supervisor.bring_up())
            await until(lambda: is_ready(events, "a"))
            (tmp_path / "die-a").touch()
            await until(lambda: has_exited(events, "a"))
            (tmp_path / "go-b").touch()
            await until(lambda: is_ready(events, "b"))
            await asyncio.sleep(0)
            (tmp_path / "back-a").touch()
            await up
        return events

    events = asyncio.run(go())

    [web] = list_starts(events, "web")
    back = [e for e in find_events(events, Ready) if e.service == "a"][1]
    assert events.index(web) > events.index(back)


def test_one_that_died_starts_again_when_what_it_needs_is_back(tmp_path, ports):
    path = write_fallible(tmp_path, ports, "needs: [a]", a=["go"])
    (tmp_path / "go-web").touch()

    async def go():
        async with carry_out(path) as (supervisor, events):
            await supervisor.bring_up()
            (tmp_path / "die-a").touch()
            await until(lambda: has_exited(events, "a"))
            (tmp_path / "back-web").touch()
            (tmp_path / "die-web").touch()
            await until(lambda: supervisor.services["web"].closed_gates == ("a",))
            (tmp_path / "back-a").touch()
            await until(lambda: is_ready(events, "web", times=2))
        return events

    events = asyncio.run(go())

    again = list_starts(events, "web")[1]
    back = [e for e in find_events(events, Ready) if e.service == "a"][1]
    assert events.index(again) > events.index(back)
    assert "waits for a before it restarts" in [
        getattr(event, "text", "") for event in events
    ]


def test_a_required_service_that_is_gone_for_good_fails_those_that_wait(
    tmp_path, ports
):
    path = write_fallible(tmp_path, ports, "needs: [a, b]", a=["go"], b=[])

    async def go():
        async with carry_out(path, restart=False) as (supervisor, events):
            up = asyncio.ensure_future(supervisor.bring_up())
            await until(lambda: is_ready(events, "a"))
            (tmp_path / "die-a").touch()
            with pytest.raises(StartFailed, match="cannot start without a"):
                await up
            return list_starts(events, "web")

    assert asyncio.run(go()) == []
