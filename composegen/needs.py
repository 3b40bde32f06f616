"""What a service needs of another one, and what it does without an optional one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from composegen.records import field, record


class Condition(StrEnum):
    """What a dependent service waits for."""

    STARTED = "started"
    HEALTHY = "healthy"
    FINISHED = "finished"


class Later(StrEnum):
    """What a dependent service does when an optional one fails after it was ready."""

    COPE = "cope"
    RESTART = "restart"


@record
class Otherwise:
    """What changes in a dependent service when the optional one is excluded.

    ``later`` says what it does when that one fails after it was ready.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    replicas: int | None = None
    note: str = ""
    later: Later = Later.COPE


@record
class Need:
    """One edge: ``env`` maps variables to templates that speak of ``service``.

    ``choice`` is the name of the choice that ``service`` was chosen for, if it was.
    ``waits_on_cluster`` is false where a pod starts without waiting for ``service``.
    """

    service: str
    env: Mapping[str, str] = field(default_factory=dict)
    until: Condition
    otherwise: Otherwise | None = None
    choice: str = ""
    waits_on_cluster: bool = True

    @property
    def written(self) -> str:
        """The name that the need has in the stack file."""
        return self.choice or self.service

    @property
    def is_optional(self) -> bool:
        """Whether the service may be excluded."""
        return self.otherwise is not None
