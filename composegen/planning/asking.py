"""Whether a health check can be run in an image, and with which of its tools."""

from __future__ import annotations

from composegen.model import Health

TOOLS = ("python3", "python", "node", "wget", "curl", "bash", "php")
"""What can fetch a page, and connect to a port, inside an image."""


def can_ask(health: Health) -> bool:
    """Whether one of the tools can ask in the way that is wanted."""
    return bool(choose_tool(health))


def choose_tool(health: Health) -> str:
    """The first tool that can ask, or empty."""
    return next((tool for tool in health.tools if tool in TOOLS), "")
