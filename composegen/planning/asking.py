"""What a probe needs, and which tool of an image can run it where a tool has to."""

from __future__ import annotations

from composegen.model import Health, HealthKind

TOOLS = ("python3", "python", "node", "wget", "curl", "bash", "php")
"""What can fetch a page, and connect to a port, inside an image."""


def asks_a_port(health: Health) -> bool:
    """Whether the probe is a request to a port, which any prober could make.

    A target whose probes run inside the container needs a tool of the image for it.
    """
    return health.kind in {HealthKind.HTTP, HealthKind.TCP}


def choose_tool(health: Health) -> str:
    """The first tool that can run the probe, or empty."""
    return next((tool for tool in health.tools if tool in TOOLS), "")
