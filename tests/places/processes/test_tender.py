"""A service from its gates to its end: what `status` and `why` say at each moment."""

import asyncio
import re
import socket
import subprocess
import time

import pytest

from composegen.health import HealthKind
from composegen.model import Service
from composegen.needs import Condition
from composegen.places.events import Failure
from composegen.places.processes.claims import Found
from composegen.places.processes.describing import describe_failure, describe_service
from composegen.places.processes.readiness import Probe
from composegen.places.processes.refusals import Refused
from composegen.places.processes.service import RunningService
from composegen.places.processes.tender import Tender
from composegen.places.status import State
from composegen.planning.plan import Gate
from composegen.system.arrivals import Arrivals
from composegen.system.identity import identify
from tests.places.processes.services import PID, FakeProcess, make_unit, move
from tests.places.processes.test_supervisor import until


class FakeProcesses:
    """Starts fake processes, the first with the number 4711."""

    def __init__(self):
        self.arrivals = Arrivals()
        self.started = []

    def start(self, launch):
        process = FakeProcess(PID + len(self.started))
        process.exited = asyncio.get_running_loop().create_future()
        self.started.append(process)
        return process

    def make_marks(self, service):
        return {}


class FakeClaims:
    """Claims that find what a test puts there: a process, a refusal, or nothing."""

    def __init__(self):
        self.found = None
        self.refusal = None
        self.ended = []

    async def claim(self, unit, waiting):
        if self.refusal is not None:
            raise Refused(self.refusal)
        return self.found

    def note_started(self, unit, process):
        pass

    def note_ended(self, unit):
        self.ended.append(unit.name)


class NoExclusions:
    """Nothing may be excluded."""

    def is_fallback(self, gate):
        return False

    def find_unit(self, name, without):
        return None


class Scene:
    """The service `web`, which may need `db`, with a port that a test opens."""

    def __init__(
        self,
        *,
        job=False,
        is_asked=True,
        needs_db=False,
        required=True,
        restart=True,
        policy="always",
    ):
        self.events = []
        self.lost = []
        self.processes = FakeProcesses()
        self.claims = FakeClaims()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.server = None
        gate = Gate(service="db", condition=Condition.HEALTHY, is_optional=False)
        gates = (gate,) if needs_db else ()
        kind = HealthKind.TCP if is_asked and not job else HealthKind.NONE
        probe = Probe(kind=kind, port=self.port, boot=60, interval=0.02, retries=2)
        service = Service(name="web", job=job)
        unit = make_unit(service, probe, gates, is_required=required, restart=policy)
        self.web = RunningService(unit, begin=time.monotonic())
        other = Probe(kind=HealthKind.NONE)
        self.db = RunningService(make_unit(Service(name="db"), other))
        self.tender = Tender(
            self.web,
            {"web": self.web, "db": self.db},
            self.processes,
            self.claims,
            self.events.append,
            exclusions=NoExclusions(),
            lose=lambda name, _: self.lost.append(name),
            restart=restart,
        )

    def open(self):
        self.server = socket.create_server(("127.0.0.1", self.port))

    def close(self):
        self.server.close()

    def show(self):
        """What is said of `web` now, its seconds replaced by N."""
        status, failure = describe_service(self.web), describe_failure(self.web)
        assert status.pid == self.web.pid
        reason = None
        if failure is not None:
            reason = re.sub(r"\d+\.\d+ s", "N s", failure.reason)
            reason = reason.replace(str(self.port), "PORT")
        return (
            str(status.state),
            status.health,
            status.pid,
            status.restarts,
            status.exit_code,
            status.reused,
            reason,
        )


def play(act, **options):
    """Tend `web` while ``act`` lets things happen; what it has collected."""

    async def go():
        scene = Scene(**options)
        tending = asyncio.create_task(scene.tender.tend())
        try:
            return await act(scene)
        finally:
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)
            if scene.server is not None:
                scene.server.close()

    return asyncio.run(go())


def make_gone():
    return {"web": asyncio.Event(), "db": asyncio.Event()}


# state, health, pid, restarts, exit code, reused, why it is not up


def test_from_its_gates_over_a_restart_to_its_stop():
    gone_reason = "web exited with 7 after it had been ready; "

    async def act(scene):
        web, seen = scene.web, {}
        await asyncio.sleep(0)
        seen["waiting"] = scene.show()
        move(scene.db, "starts", "started", "became_ready")
        await until(lambda: web.process is not None)
        seen["starting"] = scene.show()
        scene.open()
        await until(lambda: web.state is State.READY)
        seen["ready"] = scene.show()
        scene.close()
        await until(lambda: web.health == "unhealthy")
        seen["unhealthy"] = scene.show()
        scene.open()
        await until(lambda: web.health == "healthy")
        seen["healthy again"] = scene.show()
        scene.close()
        move(scene.db, "died")
        web.process.end(7)
        await until(lambda: web.again_at is not None)
        seen["restarts after a pause"] = scene.show()
        await until(lambda: web.restarts == 1)
        await asyncio.sleep(0)
        seen["restarts when db is back"] = scene.show()
        move(scene.db, "starts", "started", "became_ready")
        await until(lambda: len(scene.processes.started) == 2 and web.last_answer)
        seen["was restarted"] = scene.show()
        scene.open()
        await until(lambda: web.state is State.READY)
        seen["ready again"] = scene.show()
        gone = make_gone()
        gone["db"].set()
        await scene.tender.stop(gone)
        seen["stopped"] = scene.show()
        assert gone["web"].is_set()
        return seen

    assert play(act, needs_db=True) == {
        "waiting": ("waiting", None, None, 0, None, False, None),
        "starting": ("starting", "starting", PID, 0, None, False, None),
        "ready": ("ready", "healthy", PID, 0, None, False, None),
        "unhealthy": ("failed", "unhealthy", PID, 0, None, False, None),
        "healthy again": ("ready", "healthy", PID, 0, None, False, None),
        "restarts after a pause": (
            *("failed", None, None, 0, 7, False),
            gone_reason + "it is restarted in N s",
        ),
        "restarts when db is back": (
            *("failed", None, None, 1, 7, False),
            gone_reason + "it is restarted when db is back",
        ),
        "was restarted": (
            *("starting", "starting", PID + 1, 1, None, False),
            gone_reason + "it was restarted and is not ready yet: "
            "nothing listens on 127.0.0.1:PORT",
        ),
        "ready again": ("ready", "healthy", PID + 1, 1, None, False, None),
        "stopped": ("stopped", None, None, 1, None, False, None),
    }


def test_a_restart_that_fails_is_tried_again():
    async def act(scene):
        await until(lambda: scene.web.process is not None)
        scene.open()
        await until(lambda: scene.web.state is State.READY)
        scene.claims.refusal = Failure(service="web", reason="its port is taken")
        scene.web.process.end(7)
        await until(lambda: "next try" in getattr(scene.events[-1], "text", ""))
        return scene.events[-1].text, scene.show()

    text, shown = play(act)

    assert text == "its port is taken; next try in 1 s"
    assert shown == (
        *("failed", None, None, 1, 7, False),
        "its port is taken; it is restarted in N s",
    )


def end_with(code):
    async def act(scene):
        await until(lambda: scene.processes.started)
        scene.processes.started[0].end(code)
        await until(lambda: scene.claims.ended)
        await asyncio.sleep(0)
        return scene.show()

    return act


def test_a_job_finishes():
    finished = ("finished", None, None, 0, 0, False, None)
    assert play(end_with(0), job=True) == finished


def test_a_job_fails():
    failed = ("failed", None, None, 0, 3, False, "web exited with 3")
    assert play(end_with(3), job=True) == failed


def test_a_start_fails():
    reason = "web exited with 3 before it was ready"
    failed = ("failed", None, None, 0, 3, False, reason)

    assert play(end_with(3)) == failed
    assert play(end_with(3), required=False) == failed


def test_a_service_that_dies_without_restarts_is_over():
    def die_with(code):
        async def act(scene):
            scene.open()
            await until(lambda: scene.web.state is State.READY)
            scene.web.process.end(code)
            await until(lambda: scene.claims.ended)
            return scene.show()

        return act

    failed, stopped = (play(die_with(code), restart=False) for code in (7, 0))

    reason = "web exited with {} after it had been ready"
    assert failed == ("failed", None, None, 0, 7, False, reason.format(7))
    assert stopped == ("stopped", None, None, 0, 0, False, reason.format(0))


@pytest.mark.parametrize(
    ("policy", "code", "comes_back"),
    [
        ("always", 0, True),
        ("unless-stopped", 0, True),
        ("no", 7, False),
        ("no", 0, False),
        ("on-failure", 7, True),
        ("on-failure", 0, False),
        ("on-failure:1", 7, True),
    ],
)
def test_a_service_is_started_again_as_its_policy_says(policy, code, comes_back):
    async def act(scene):
        scene.open()
        await until(lambda: scene.web.state is State.READY)
        scene.web.process.end(code)
        await until(lambda: scene.claims.ended or scene.web.again_at is not None)
        return scene.web.again_at is not None

    assert play(act, policy=policy) is comes_back


def test_a_policy_with_a_number_allows_as_many_restarts():
    async def act(scene):
        scene.open()
        for number in (1, 2):
            await until(lambda: scene.web.state is State.READY)
            assert len(scene.processes.started) == number
            scene.web.process.end(7)
            await until(lambda: scene.web.state is not State.READY)
        await until(lambda: scene.claims.ended)
        return scene.show()[0], scene.web.restarts

    assert play(act, policy="on-failure:1") == ("failed", 1)


def test_a_restart_that_fails_counts_as_one_of_those_that_are_allowed():
    async def act(scene):
        await until(lambda: scene.web.process is not None)
        scene.open()
        await until(lambda: scene.web.state is State.READY)
        scene.claims.refusal = Failure(service="web", reason="its port is taken")
        scene.web.process.end(7)
        await until(lambda: scene.claims.ended)
        return scene.show()[0], scene.show()[-1]

    assert play(act, policy="on-failure:1") == ("failed", "its port is taken")


def test_a_dependency_that_will_not_come_fails_it():
    async def act(scene):
        move(scene.db, "gave_up")
        await until(lambda: scene.claims.ended)
        return scene.show()

    reason = "cannot start without db"
    failed = ("failed", None, None, 0, None, False, reason)
    assert play(act, needs_db=True) == failed


def test_a_reused_process_is_watched_and_started_here_when_it_is_gone():
    async def act(scene):
        web, seen = scene.web, {}
        scene.open()
        with subprocess.Popen(["sleep", "600"]) as other:
            scene.claims.found = Found(process=identify(other.pid), note="by hand")
            await until(lambda: web.state is State.READY)
            seen["reused"] = scene.show()
            assert web.pid == other.pid
            scene.claims.found = None
            other.kill()
        await until(lambda: web.again_at is not None)
        seen["gone"] = scene.show()
        await until(lambda: web.state is State.READY)
        seen["ours"] = scene.show()
        return seen, other.pid

    seen, pid = play(act)

    assert seen == {
        "reused": ("ready", "healthy", pid, 0, None, True, None),
        "gone": (
            *("failed", None, None, 0, None, False),
            "web, which was used here, is not running any more; it is restarted in N s",
        ),
        "ours": ("ready", "healthy", PID, 1, None, False, None),
    }


def test_a_reused_process_is_never_stopped():
    async def act(scene):
        scene.open()
        with subprocess.Popen(["sleep", "600"]) as other:
            scene.claims.found = Found(process=identify(other.pid))
            await until(lambda: scene.web.state is State.READY)
            gone = make_gone()
            await scene.tender.stop(gone)
            is_alive = other.poll() is None
            other.kill()
        return is_alive, scene.show(), scene.processes.started

    stopped = ("stopped", None, None, 0, None, False, None)
    assert play(act) == (True, stopped, [])
