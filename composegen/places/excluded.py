"""What places that keep notes say of a service that they have excluded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from composegen.places.events import Failure
from composegen.places.reasons import Reason
from composegen.places.status import ExcludedNote, ServiceStatus
from composegen.records import replace


class Exclusion(Protocol):
    """What a place notes of an optional service that failed, at the least."""

    @property
    def service(self) -> str:
        """Its name."""

    @property
    def reason(self) -> str:
        """Why, in words that follow `excluded:`."""

    @property
    def failure(self) -> Failure | None:
        """What was found of it, if anything was."""

    @property
    def instead(self) -> tuple[str, ...]:
        """A line for each dependent service."""


def note_excluded(excluded: Iterable[Exclusion]) -> tuple[ExcludedNote, ...]:
    """The services whose fallbacks are used, why, and what is done instead."""
    return tuple(
        ExcludedNote(
            service=each.service,
            reason=each.reason,
            instead=each.instead,
            fallback=True,
        )
        for each in excluded
    )


def explain_exclusion(
    chain: tuple[str, ...],
    status: ServiceStatus,
    exclusion: Exclusion,
    *,
    up: str,
    check: tuple[str, ...] = (),
) -> Reason:
    """Why a service is excluded: what was found before it was stopped.

    ``up`` is the command that tries it again, ``check`` its health check with outputs.
    """
    failure = exclusion.failure or Failure(
        service=exclusion.service,
        reason=f"{exclusion.service} was excluded: {exclusion.reason}",
    )
    help = "\n".join(filter(None, (failure.help, f"try it again: {up}")))
    return Reason(
        chain=chain,
        status=status,
        failure=replace(failure, help=help),
        check=check,
        lines=failure.lines,
    )
