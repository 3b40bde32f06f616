"""The port that each service has as a process, in place of the one in a container."""

from __future__ import annotations

import re

from composegen.errors import CannotRun
from composegen.health import Health
from composegen.model import Service, Stack
from composegen.places.processes.environment import Surroundings
from composegen.planning.numbers import fill_numbers
from composegen.ports import Port, parse_published_port
from composegen.records import replace
from composegen.system.listeners import find_free_port
from composegen.values import find_default


def fill_stack(
    stack: Stack, around: Surroundings
) -> tuple[Stack, dict[str, CannotRun]]:
    """The stack with its numbers and published ports as variables say them here.

    Where one is not what it must be, the service comes with an error.
    """
    services: dict[str, Service] = {}
    refused: dict[str, CannotRun] = {}
    for name, service in stack.services.items():
        try:
            services[name] = _fill_ports(_fill_numbers(service, around), around)
        except CannotRun as error:
            services[name] = fill_numbers(service, find_default)
            refused[name] = error
    return replace(stack, services=services), refused


def _fill_numbers(service: Service, around: Surroundings) -> Service:
    try:
        return fill_numbers(service, lambda text: around.fill(text, service.name))
    except ValueError as error:
        raise CannotRun(
            f"`{service.name}` cannot run here: {error}",
            help="correct the variable in .env or in the environment",
        ) from None


def move_ports(written: Stack, filled: Stack) -> Stack:
    """The stack with each service on the port that it has here.

    That is ``local.port``, else the one it publishes, else its own; a free one where
    the published port is ``written`` as a random one.
    """
    services = {name: _move_port(each) for name, each in filled.services.items()}
    taken = {each.port for each in services.values() if each.port is not None}
    for name, service in written.services.items():
        if _wants_any_port(service):
            new = find_free_port(taken)
            taken.add(new)
            services[name] = _change_port(services[name], new)
    return replace(filled, services=services)


def _wants_any_port(service: Service) -> bool:
    """Whether its port is one that an engine would choose."""
    published = _find_published(service)
    has_own = service.local is not None and service.local.port is not None
    return (
        not has_own
        and published is not None
        and published.is_random
        and published.first_target in {service.port, None}
    )


def _find_published(service: Service) -> Port | None:
    return next((port for port in service.publish if port.protocol == "tcp"), None)


def _fill_ports(service: Service, around: Surroundings) -> Service:
    """A service with the variables of its published ports filled. Raises CannotRun."""
    ports = []
    for port in service.publish:
        filled = around.fill(port.published, service.name)
        try:
            if filled:  # else the engine would choose one
                parse_published_port(filled)
        except ValueError as error:
            raise CannotRun(
                f"`{service.name}` cannot be published on {filled!r}", help=str(error)
            ) from None
        inside = around.fill(port.target, service.name)
        ports.append(replace(port, published=filled, target=inside))
    return replace(service, publish=tuple(ports))


def _move_port(service: Service) -> Service:
    old = service.port
    published = _find_published(service)
    new = old
    if service.local is not None and service.local.port is not None:
        new = service.local.port
    elif published is not None and published.first_target in {old, None}:
        new = next(iter(published.host_ports), old)
    return _change_port(service, new)


def _change_port(service: Service, new: int | None) -> Service:
    """The service on another port, which its health check asks too."""
    old, publish = service.port, service.publish
    published = _find_published(service)
    if published is not None and new is not None:
        moved = replace(published, published=str(new))
        publish = tuple(moved if port is published else port for port in publish)
    health = service.health
    if health is not None and old is not None and new is not None and new != old:
        health = _move_health(health, old, new, is_recipe=bool(service.recipe))
    return replace(service, port=new, publish=publish, health=health)


def _move_health(health: Health, old: int, new: int, *, is_recipe: bool) -> Health:
    port = new if health.port in {old, None} else health.port
    command = health.command
    if is_recipe:  # its check names the port that it knows
        number = re.compile(rf"\b{old}\b")
        if isinstance(command, str):
            command = number.sub(str(new), command)
        else:
            command = tuple(number.sub(str(new), word) for word in command)
    return replace(health, port=port, command=command)
