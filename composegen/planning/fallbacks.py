"""The fallback that a dependent service gets where an optional one is excluded."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.model import Service, Stack
from composegen.needs import Need, Otherwise
from composegen.records import record
from composegen.text import count


@record
class Fallback:
    """What changes in a dependent service because another one is excluded."""

    service: str
    env: Mapping[str, str]
    replicas: int | None
    note: str

    def __str__(self) -> str:
        parts = [f"{name}={value}" for name, value in self.env.items()]
        if self.replicas is not None:
            parts.append(count(self.replicas, "replica"))
        text = ", ".join(parts) or "starts without it"
        return f"{text}; {self.note}" if self.note else text


def make_fallback(dependent: str, otherwise: Otherwise) -> Fallback:
    """What a dependent service does instead, as its need declares it."""
    return Fallback(
        service=dependent,
        env=otherwise.env,
        replicas=otherwise.replicas,
        note=otherwise.note,
    )


@record
class Excluded:
    """An excluded service, why, and what its dependent services do instead."""

    service: str
    reason: str
    fallbacks: tuple[Fallback, ...] = ()


@record
class Instead:
    """What a service has instead of the optional services that are excluded.

    ``absent`` are the variables that those would have set.
    """

    env: Mapping[str, str]
    absent: tuple[str, ...]
    replicas: int


def choose_fallback(service: Service, included: frozenset[str]) -> Instead:
    """What the needs of a service say for those that are not included, put together.

    A later need's variables lie over an earlier one's; the fewest replicas count.
    """
    excluded = [need for need in service.needs if need.service not in included]
    taken = [need.otherwise for need in excluded if need.otherwise is not None]
    fewer = [each.replicas for each in taken if each.replicas is not None]
    return Instead(
        env={name: text for each in taken for name, text in each.env.items()},
        absent=tuple(dict.fromkeys(name for need in excluded for name in need.env)),
        replicas=min(fewer, default=service.replicas),
    )


def list_excluded(
    stack: Stack, reasons: Mapping[str, str], included: frozenset[str]
) -> tuple[Excluded, ...]:
    """The excluded services with their reasons, and what others do without them."""
    needs: dict[str, list[tuple[str, Need]]] = {}
    for name in stack.services:
        if name in included:
            for need in stack.services[name].needs:
                needs.setdefault(need.service, []).append((name, need))
    return tuple(
        Excluded(
            service=name,
            reason=reason,
            fallbacks=tuple(
                make_fallback(dependent, need.otherwise)
                for dependent, need in needs.get(name, ())
                if need.otherwise is not None
            ),
        )
        for name, reason in reasons.items()
    )
