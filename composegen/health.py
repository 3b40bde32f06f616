"""The health check of a service: how it is asked whether it is ready, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from composegen.records import field, record
from composegen.values import Duration


class HealthKind(StrEnum):
    """How a service is asked whether it is ready."""

    HTTP = "http"
    TCP = "tcp"
    COMMAND = "command"
    IMAGE = "image"
    NONE = "none"


DEFAULT_BOOT = Duration("60s", 60)
"""How long a service may take to become ready, where nothing else is said."""
_INTERVAL = Duration("10s", 10)
_TIMEOUT = Duration("2s", 2)


@record
class Health:
    """One health check.

    ``path`` is the path of an HTTP check; ``command`` a list of words, or one text
    for a shell; ``reason`` why there is no check. ``start_interval`` is set where a
    recipe knows that the probe is cheap or heavy. ``texts`` holds what was written of
    ``port`` and ``retries`` where a variable says them: they are its default then.
    ``is_outside`` says that another container asks, over the network.
    """

    kind: HealthKind
    path: str = ""
    command: tuple[str, ...] | str = ()
    reason: str = ""
    port: int | None = None
    boot: Duration = DEFAULT_BOOT
    interval: Duration = _INTERVAL
    timeout: Duration = _TIMEOUT
    retries: int = 3
    host: str = ""
    tools: tuple[str, ...] = ()
    start_interval: Duration | None = None
    is_outside: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def written_port(self) -> int | str | None:
        """The port as it is rendered: a text where a variable says it."""
        return self.texts.get("port", self.port)

    @property
    def can_be_asked(self) -> bool:
        """Whether another service can wait for it."""
        return self.kind is not HealthKind.NONE
