"""Running services in every state that they go through, made by their transitions."""

import asyncio
import time
from pathlib import Path

from composegen.health import HealthKind
from composegen.model import Service
from composegen.places.events import Failure
from composegen.places.processes.claims import Found
from composegen.places.processes.plan import Way
from composegen.places.processes.readiness import Probe
from composegen.places.processes.service import RunningService
from composegen.places.processes.units import Unit
from composegen.planning.plan import Step
from composegen.system.launch import Launch
from composegen.values import parse_restart

PID = 4711
FAILURE = Failure(service="app", reason="app exited with 7", exit_code=7)

_READY = ("starts", "started", "became_ready")
MOMENTS = {
    "waiting": (),
    "starting": ("starts",),
    "started": ("starts", "started"),
    "ready": _READY,
    "reused": ("starts", "reused", "became_ready"),
    "unhealthy": (*_READY, "became_unhealthy"),
    "restarting": (*_READY, "died"),
    "finished": ("starts", "started", "exited", "finished"),
    "failed": ("starts", "gave_up"),
    "over": (*_READY, "died_for_good"),
    "stopped": (*_READY, "stopped"),
}
"""The transitions that lead to a moment in the life of a service."""

LOOPING = (*_READY, "died", "pauses", "tries_again", "starts", "started")
"""The same of one whose restart failed too, and that boots again."""

TRANSITIONS = {
    "waits_for": lambda service: service.waits_for(("db",)),
    "starts": lambda service: service.starts(),
    "answered": lambda service: service.answered("refused"),
    "reused": lambda service: service.reused(Found(process=None, note="by hand")),
    "started": lambda service: service.started(FakeProcess(PID)),
    "became_ready": lambda service: service.became_ready(1.5),
    "exited": lambda service: service.exited(0),
    "finished": lambda service: service.finished(1.5),
    "gave_up": lambda service: service.gave_up(FAILURE),
    "became_unhealthy": lambda service: service.became_unhealthy("refused"),
    "recovered": lambda service: service.recovered(),
    "died": lambda service: _die(service, restart_in=0.5),
    "died_for_good": lambda service: _die(service, restart_in=None),
    "pauses": lambda service: service.pauses(0.5, FAILURE),
    "tries_again": lambda service: service.tries_again(),
    "stopped": lambda service: service.stopped(()),
    "stopped_by_user": lambda service: service.stopped_by_user(),
    "started_by_user": lambda service: service.started_by_user(),
}


class FakeProcess:
    """A process that runs until a test lets it end."""

    def __init__(self, pid):
        self.launch = make_launch("app")
        self.pid = pid
        self.identity = None
        self.log_start = 0
        self.started_at = time.monotonic()
        self.is_alive = True
        self.exited = None

    def end(self, code):
        self.is_alive = False
        if self.exited is not None:
            self.exited.set_result(code)

    def find_all(self):
        return [self.pid] if self.is_alive else []

    async def stop(self):
        if self.is_alive:
            self.end(-15)
        return []


def _die(service, *, restart_in):
    if service.process is not None:
        service.process.end(7)
    return service.died(7, FAILURE, restart_in=restart_in)


def make_launch(name):
    return Launch(service=name, command=("run", "it"), folder=Path(), env={})


def make_unit(
    service, probe, gates=(), *, is_required=True, way=Way.PROCESS, restart="always"
):
    step = Step(service=service, gates=gates, is_required=is_required)
    launch = make_launch(service.name)
    policy = parse_restart(restart)
    return Unit(step=step, way=way, probe=probe, launch=launch, restart=policy)


def make_running(moment, **options):
    """The service `app` at a moment of its life, outside of a loop."""

    async def make():
        return build_running(moment, **options)

    return asyncio.run(make())


def build_running(moment, *, kind=HealthKind.TCP, boot=60.0, way=Way.PROCESS):
    """The service `app` at a moment of its life, within a loop."""
    unit = make_unit(Service(name="app"), Probe(kind=kind, port=1, boot=boot), way=way)
    service = RunningService(unit, dependents=("web",), begin=time.monotonic())
    move(service, *(LOOPING if moment == "looping" else MOMENTS[moment]))
    return service


def move(service, *transitions):
    """Take a service through transitions; what the last one returns."""
    last = None
    for name in transitions:
        last = TRANSITIONS[name](service)
    return last
