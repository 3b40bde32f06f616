"""When a service that runs is made again with its fallback, and when it gets back.

A need with ``later: restart`` asks for it. Nothing here waits or acts; times are
seconds on one clock, passed in.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from composegen.records import record

BACK_AFTER = 30.0
"""For how many seconds a service has to be well until those that need it get back."""
MOST_CHANGES, WINDOW = 3, 600.0
"""How often a service may change in how many seconds."""


@record
class RestartNeed:
    """A service that is made again when one that it needs is away for ``boot``."""

    service: str
    needed: str
    boot: float


@record
class Change:
    """A service that is to be made without one that it needs, or with it again.

    ``is_refused``: it has changed too often and stays as it is.
    """

    service: str
    needed: str
    is_back: bool
    is_refused: bool = False


class Changes:
    """The needs with ``later: restart`` of a stack, and what their services have done.

    A service gets back only if it could be changed again, so that after three changes
    in ten minutes it ends with its fallback.
    """

    def __init__(self, needs: Iterable[RestartNeed]) -> None:
        self.needs = tuple(needs)
        self._well: dict[str, bool] = {}
        self._since: dict[str, float] = {}
        self._made: dict[str, list[float]] = {}
        self._refused: set[tuple[str, str]] = set()

    def see(self, name: str, now: float, *, is_well: bool) -> None:
        """A service is well or not; one that was not seen before was not well."""
        if self._well.get(name) is not is_well:
            self._since[name] = now
        self._well[name] = is_well

    def find_due(
        self, without: Mapping[str, Collection[str]], now: float
    ) -> list[Change]:
        """What is to be changed now, at most one thing of each service.

        ``without`` are those that each service runs without. A refusal comes once.
        """
        due: dict[str, Change] = {}
        for need in self.needs:
            is_out = need.needed in without.get(need.service, ())
            if need.service in due or now < self._find_moment(need, is_out=is_out):
                continue
            key = (need.service, need.needed)
            is_refused = is_out and self._count(need.service, now) >= MOST_CHANGES - 1
            if is_refused and key in self._refused:
                continue
            if is_refused:
                self._refused.add(key)
            due[need.service] = Change(
                service=need.service,
                needed=need.needed,
                is_back=is_out,
                is_refused=is_refused,
            )
        return list(due.values())

    def note(self, change: Change, now: float) -> None:
        """A change was made."""
        self._made.setdefault(change.service, []).append(now)
        self._refused.discard((change.service, change.needed))

    def find_next(self, without: Mapping[str, Collection[str]], now: float) -> float:
        """When time alone makes something due next; infinite where it does not."""
        moments = [
            self._find_moment(need, is_out=need.needed in without.get(need.service, ()))
            for need in self.needs
        ]
        moments += [
            made + WINDOW for name, _ in self._refused for made in self._made[name]
        ]
        return min((each for each in moments if each > now), default=math.inf)

    def _find_moment(self, need: RestartNeed, *, is_out: bool) -> float:
        """When a service is to be changed if nothing happens; infinite for never."""
        is_well = self._well.get(need.needed)
        if is_well is None or is_well is not is_out:
            return math.inf
        return self._since[need.needed] + (BACK_AFTER if is_out else need.boot)

    def _count(self, name: str, now: float) -> int:
        """How often a service was changed in the last ten minutes."""
        recent = [each for each in self._made.get(name, ()) if each > now - WINDOW]
        self._made[name] = recent
        return len(recent)
