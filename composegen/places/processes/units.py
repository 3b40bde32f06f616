"""The steps of a local plan as they run here: what to start, how to ask it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from composegen.errors import CannotRun
from composegen.health import Health, HealthKind
from composegen.model import Service
from composegen.places.processes.environment import (
    HOST,
    Surroundings,
    find_folder,
    make_env,
)
from composegen.places.processes.plan import LocalPlan, Way
from composegen.places.processes.readiness import Probe
from composegen.places.processes.stores import make_store_launch
from composegen.planning.plan import Step
from composegen.planning.restarts import find_policy
from composegen.records import record, replace
from composegen.system.launch import Launch
from composegen.system.logfiles import find_log
from composegen.system.shellwords import quote_inside
from composegen.values import Restart, parse_duration, parse_restart
from composegen.workspace.state import make_state_folder

_DEFAULT_GRACE = 10.0
_ASKED = frozenset({HealthKind.HTTP, HealthKind.TCP, HealthKind.COMMAND})


@record
class Unit:
    """One step as it runs here; ``launch`` is None where it is only found."""

    step: Step
    way: Way
    probe: Probe
    launch: Launch | None
    address: str = ""
    is_named: bool = False
    restart: Restart = Restart("unless-stopped")

    @property
    def name(self) -> str:
        """The name of its service."""
        return self.step.name

    @property
    def port(self) -> int | None:
        """Where it listens."""
        return self.step.service.port


def make_units(
    local: LocalPlan, around: Surroundings, *, colours: bool = False
) -> tuple[Unit, ...]:
    """Every step of the plan as it runs here. Raises CannotRun."""
    return tuple(
        make_unit(local, step, around, colours=colours) for step in local.plan.steps
    )


def make_unit(
    local: LocalPlan, step: Step, around: Surroundings, *, colours: bool = False
) -> Unit:
    """A step of the plan, or a variant of one, as it runs here. Raises CannotRun."""
    way = local.ways[step.name]
    service = step.service
    env = make_env(step, around, colours=colours)
    launch: Launch | None = None
    if way is Way.DOCKER:
        launch = make_store_launch(
            local.plan, step, around, inside=local.written[step.name].port
        )
    elif way is Way.COMMAND:
        launch = Launch(
            service=step.name,
            command=local.asked.command,
            folder=Path.cwd(),
            env=env,
            grace=find_grace(service, around),
        )
    elif way is Way.PROCESS:
        launch = _make_launch(service, env, around)
    return Unit(
        step=step,
        way=way,
        probe=make_probe(
            service if way is not Way.DOCKER else _go_inside(local, service),
            way,
            env,
            launch,
            around,
        ),
        launch=launch,
        address=find_address(service),
        is_named=step.name in local.asked.names,
        restart=_find_restart(service, around),
    )


def _find_restart(service: Service, around: Surroundings) -> Restart:
    """When a service is restarted. Raises CannotRun for a policy that is none."""
    text = around.fill(find_policy(service), service.name)
    try:
        return parse_restart(text)
    except ValueError as error:
        raise CannotRun(
            f"`{service.name}`: {text!r} is not a restart policy", help=str(error)
        ) from None


def _make_launch(service: Service, env: dict[str, str], around: Surroundings) -> Launch:
    local = service.local
    if local is None:
        raise CannotRun(f"`{service.name}` has no `local`")
    data = ""
    if "{data}" in str(local.command):
        data = str(make_state_folder(around.folder, "data", service.name))
    if isinstance(local.command, str):
        text = _fill_command(local.command, service, data, is_shell=True)
        command: tuple[str, ...] = ("/bin/sh", "-c", around.fill(text, service.name))
    else:
        command = tuple(
            around.fill(_fill_command(word, service, data), service.name)
            for word in local.command
        )
    return Launch(
        service=service.name,
        command=command,
        folder=find_folder(service, around),
        env=env,
        log=find_log(around.folder, service.name),
        grace=find_grace(service, around),
        stop_signal=find_stop_signal(service, around),
    )


def _fill_command(
    text: str, service: Service, data: str, *, is_shell: bool = False
) -> str:
    port = "" if service.port is None else str(service.port)
    first, *rest = text.replace("{port}", port).split("{data}")
    filled = first
    for part in rest:
        path = quote_inside(filled, data) if is_shell else data
        filled += path.replace("$", "$$") + part
    return filled


def find_grace(service: Service, around: Surroundings) -> float:
    """Seconds between a service's stop signal and the kill. Raises CannotRun."""
    text = _find_setting(service, "stop_grace_period", around)
    try:
        return parse_duration(text).seconds if text else _DEFAULT_GRACE
    except ValueError as error:
        raise CannotRun(
            f"`{service.name}`: {text!r} is not a stop_grace_period", help=str(error)
        ) from None


def find_stop_signal(service: Service, around: Surroundings) -> int:
    """The signal that asks a service to stop. Raises CannotRun for an unknown one."""
    text = _find_setting(service, "stop_signal", around) or "SIGTERM"
    if text.isdigit():
        return int(text)
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    try:
        return signal.Signals[name]
    except KeyError:
        raise CannotRun(f"`{service.name}`: there is no signal {text}") from None


def _find_setting(service: Service, key: str, around: Surroundings) -> str:
    """A setting of Compose with its variables filled; empty where it is not made."""
    value = service.compose.get(key) or service.passed.get(key)
    return around.fill(str(value), service.name) if value else ""


def find_address(service: Service) -> str:
    """What to call a service by: a URL where it speaks HTTP, else host and port."""
    if service.port is None:
        return ""
    health = service.health
    is_http = health is not None and health.kind is HealthKind.HTTP
    return f"{'http://' if is_http else ''}{HOST}:{service.port}"


def make_probe(
    service: Service,
    way: Way,
    env: Mapping[str, str],
    launch: Launch | None,
    around: Surroundings,
) -> Probe:
    """How a service is asked here; a job, and what has no check, is not asked."""
    health = service.health
    is_http = health is not None and health.kind is HealthKind.HTTP
    if way is Way.FOUND and service.port is not None and not is_http:
        # Its own check may need what is not installed.
        return Probe(kind=HealthKind.TCP, port=service.port)
    if health is None or service.job or health.kind not in _ASKED:
        return Probe(kind=HealthKind.NONE)
    command: tuple[str, ...] = ()
    if health.kind is HealthKind.COMMAND:
        command = _make_check(health, service, around)
        if way is Way.DOCKER and launch is not None:
            name = launch.command[launch.command.index("--name") + 1]
            command = ("docker", "exec", name, *command)
    return Probe(
        kind=health.kind,
        port=health.port or service.port,
        path=health.path or "/",
        host_header=health.host,
        command=command,
        env=env,
        folder=find_folder(service, around),
        boot=health.boot.seconds,
        timeout=health.timeout.seconds,
        interval=health.interval.seconds,
        retries=health.retries,
    )


def _go_inside(local: LocalPlan, service: Service) -> Service:
    """A service whose check is asked in its container, where its port is its own."""
    health, written = service.health, local.written[service.name].health
    if health is None or written is None or health.kind is not HealthKind.COMMAND:
        return service
    return replace(service, health=written)


def _make_check(
    health: Health, service: Service, around: Surroundings
) -> tuple[str, ...]:
    if isinstance(health.command, str):
        return ("/bin/sh", "-c", around.fill(health.command, service.name))
    return tuple(around.fill(word, service.name) for word in health.command)
