"""What a probe needs, and which tool of an image can run it where a tool has to."""

from __future__ import annotations

from composegen.health import Health, HealthKind
from composegen.model import Service
from composegen.patterns import make_pattern

TOOLS = ("python3", "python", "node", "wget", "curl", "bash", "php")
"""What can fetch a page, and connect to a port, inside an image."""


GATE_TOOLS = ("python3", "python", "node", "bash", "php", "nc")
"""What can wait inside an image until another service takes a connection."""

_BUSYBOX = make_pattern(r"(?:^|[/:._-])(?:alpine|busybox)(?![a-z])")


def asks_a_port(health: Health) -> bool:
    """Whether the probe is a request to a port, which any prober could make.

    A target whose probes run inside the container needs a tool of the image for it.
    """
    return health.kind in {HealthKind.HTTP, HealthKind.TCP}


def choose_tool(health: Health) -> str:
    """The first tool that can run the probe, or empty."""
    return next((tool for tool in health.tools if tool in TOOLS), "")


def choose_gate_tool(service: Service) -> str:
    """The first tool of a service's image that can open a connection, or empty.

    The one that its health check names is there, and an image of Alpine or BusyBox has
    ``nc``.
    """
    base = service.build.base_image if service.build is not None else service.image
    named = service.health.tools if service.health is not None else ()
    known = {*service.tools, *named, *(("nc",) if _BUSYBOX.search(base) else ())}
    return next((tool for tool in GATE_TOOLS if tool in known), "")


def is_asked_outside(service: Service) -> bool:
    """Whether another container asks a service over the network; none asks a job."""
    health = service.health
    is_outside = health is not None and health.is_outside and asks_a_port(health)
    return is_outside and not service.job


def find_helper(service: Service) -> str:
    """The container that asks a service from outside; empty where none does."""
    return f"{service.name}-health" if is_asked_outside(service) else ""
