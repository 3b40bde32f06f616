"""When a running service is restarted with its fallback, and when it gets back.

``later: restart`` in a need asks for it. Nothing here waits or acts; times are seconds
on one clock, passed in. Processes and containers share these rules: ``Pace`` decides,
and each place reports through ``Turn`` what has changed, and since when.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from composegen.records import record

BACK_AFTER = 30.0
"""For how many seconds a service has to be well until those that need it get back."""
MOST_CHANGES, WINDOW = 3, 600.0
"""How often a service may change in how many seconds."""


@record
class RestartNeed:
    """A service that is restarted when one that it needs is away for ``boot``."""

    service: str
    needed: str
    boot: float


@record
class Change:
    """A service that is to be restarted without one that it needs, or with it again.

    ``is_refused``: it has changed too often and stays as it is.
    """

    service: str
    needed: str
    is_back: bool
    is_refused: bool = False


@record
class Turn:
    """A needed service is away, or healthy again, ``since`` a moment.

    ``is_back``: the other service runs without it, and it is healthy.
    """

    need: RestartNeed
    is_back: bool
    since: float

    @property
    def moment(self) -> float:
        """When the other service is to be restarted, if nothing happens."""
        return self.since + (BACK_AFTER if self.is_back else self.need.boot)


class Pace:
    """How often the services of a run have changed, and so what may change now.

    A service gets back only if it could be changed again, so that after three changes
    in ten minutes it ends with its fallback.
    """

    def __init__(self) -> None:
        self._made: dict[str, list[float]] = {}
        self._refused: set[tuple[str, str]] = set()

    def find_due(self, turns: Iterable[Turn], now: float) -> list[Change]:
        """What is to be changed now, at most one thing of each service.

        A refusal comes once.
        """
        due: dict[str, Change] = {}
        for turn in turns:
            name, needed = turn.need.service, turn.need.needed
            if name in due or now < turn.moment:
                continue
            is_refused = turn.is_back and self._count(name, now) >= MOST_CHANGES - 1
            if is_refused and (name, needed) in self._refused:
                continue
            if is_refused:
                self._refused.add((name, needed))
            due[name] = Change(
                service=name,
                needed=needed,
                is_back=turn.is_back,
                is_refused=is_refused,
            )
        return list(due.values())

    def note(self, change: Change, now: float) -> None:
        """A change was made."""
        self._made.setdefault(change.service, []).append(now)
        self._refused.discard((change.service, change.needed))

    def find_next(self, turns: Iterable[Turn], now: float) -> float:
        """When time alone makes something due next; infinite where it does not."""
        moments = [turn.moment for turn in turns]
        moments += [
            made + WINDOW for name, _ in self._refused for made in self._made[name]
        ]
        return min((each for each in moments if each > now), default=math.inf)

    def _count(self, name: str, now: float) -> int:
        """How often a service was changed in the last ten minutes."""
        recent = [each for each in self._made.get(name, ()) if each > now - WINDOW]
        self._made[name] = recent
        return len(recent)


class Changes:
    """The needs with ``later: restart`` of a stack, as its events report them."""

    def __init__(self, needs: Iterable[RestartNeed]) -> None:
        self.needs = tuple(needs)
        self._well: dict[str, bool] = {}
        self._since: dict[str, float] = {}
        self._pace = Pace()

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
        return self._pace.find_due(self._list_turns(without), now)

    def note(self, change: Change, now: float) -> None:
        """A change was made."""
        self._pace.note(change, now)

    def find_next(self, without: Mapping[str, Collection[str]], now: float) -> float:
        """When time alone makes something due next; infinite where it does not."""
        return self._pace.find_next(self._list_turns(without), now)

    def _list_turns(self, without: Mapping[str, Collection[str]]) -> Iterator[Turn]:
        for need in self.needs:
            is_out = need.needed in without.get(need.service, ())
            if self._well.get(need.needed) is is_out:
                yield Turn(need=need, is_back=is_out, since=self._since[need.needed])
