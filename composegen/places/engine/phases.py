"""Which calls of Compose bring a stack up: what can be started together, with what.

Where nothing can be excluded it is one call. Otherwise each call gets the services
whose optional needs are settled, with the fallbacks of those that are excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Protocol

from composegen.needs import Condition, Later
from composegen.planning.asking import find_helper
from composegen.planning.exclusion import Fallbacks, list_exclusions, vary_plan
from composegen.planning.plan import Gate, Plan, Step
from composegen.records import field, record, replace

Words = tuple[str, ...]


@record
class Call:
    """A call of Compose: its words, the text that it reads, and what it starts.

    Without a text it is that of the project.
    """

    names: tuple[str, ...]
    words: Words
    text: str | None = None


class Seen(Protocol):
    """What is known of the services while they boot."""

    def is_open(self, gate: Gate, /) -> bool:
        """Whether what a gate waits for is so."""
        ...

    def runs_before(self, name: str, /) -> bool:
        """Whether a container of a service runs that was made before this boot."""
        ...


class Calls(Protocol):
    """What decides which calls are made."""

    makes_containers: bool
    """Whether containers are made and replaced."""
    can_exclude: bool
    """Whether services that fail are excluded."""

    @property
    def waiting(self) -> Collection[str]:
        """The services that no call has started yet."""
        ...

    def choose(self, seen: Seen, /) -> Call | None:
        """The next call; None while there is nothing to start."""
        ...

    def give_back(self, names: Iterable[str], *, finished: Iterable[str] = ()) -> None:
        """A call has not started these; those that have finished are done."""
        ...

    def exclude(self, failed: Mapping[str, str], /) -> Mapping[str, str]:
        """Exclude failed services, and what follows; what is excluded now."""
        ...

    def find_without(self, name: str, /) -> tuple[str, ...]:
        """The exclusions that a service's container is made with, or was."""
        ...

    def list_instead(self, name: str, seen: Seen, /) -> tuple[str, ...]:
        """What each service does that needs an excluded one."""
        ...


class OneCall:
    """One call with words of its own; again where it was cut."""

    can_exclude = False

    def __init__(
        self, names: Iterable[str], words: Words, *, makes_containers: bool = False
    ) -> None:
        self.makes_containers = makes_containers
        self._waiting = tuple(names)
        self._words = words

    @property
    def waiting(self) -> Collection[str]:
        """The services, until the call is made."""
        return self._waiting

    def choose(self, _: Seen) -> Call | None:
        """The call, unless it was made."""
        if not self._waiting:
            return None
        call = Call(names=self._waiting, words=self._words)
        self._waiting = ()
        return call

    def give_back(self, names: Iterable[str], *, finished: Iterable[str] = ()) -> None:
        """Make the call again."""
        self._waiting += tuple(name for name in names if name not in {*finished})

    def exclude(self, _: Mapping[str, str]) -> Mapping[str, str]:
        """Nothing is excluded where services are named."""
        return {}

    def find_without(self, _: str) -> tuple[str, ...]:
        """Nothing is made."""
        return ()

    def list_instead(self, _name: str, _seen: Seen) -> tuple[str, ...]:
        """Nothing is excluded."""
        return ()


@record
class Before:
    """What was made before: ``without`` are the exclusions of each service then.

    ``is_replaced`` asks whether Compose would replace a service's containers to make
    them what a text says.
    """

    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_replaced: Callable[[str, str], bool] = lambda *_: True


class Phases:
    """The calls that bring a plan up, its fallbacks taken as services are excluded.

    ``render`` makes a plan the text that Compose reads, ``words`` are the call for all.
    """

    makes_containers = can_exclude = True

    def __init__(
        self,
        plan: Plan,
        render: Callable[[Plan], str],
        words: Words,
        *,
        before: Before | None = None,
        recreate: bool = False,
    ) -> None:
        self.plan = plan
        self.fallbacks = Fallbacks(plan)
        self.excluded: Mapping[str, str] = {}
        self.without: dict[str, tuple[str, ...]] = {}
        self._failed: dict[str, str] = {}
        self._render = render
        self._words = words
        self._before = before or Before()
        self._unmade = frozenset(plan.names) if recreate else frozenset()
        self._finished: frozenset[str] = frozenset()
        self._is_first = True
        self._waiting = dict.fromkeys(plan.names)

    @property
    def waiting(self) -> Collection[str]:
        """The services that no call has started yet."""
        return self._waiting.keys() - self.excluded.keys()

    def find_without(self, name: str) -> tuple[str, ...]:
        """The exclusions that a service's container is made with, or was."""
        if name in self.without:
            return self.without[name]
        return self._before.without.get(name, ())

    def give_back(self, names: Iterable[str], *, finished: Iterable[str] = ()) -> None:
        """A call has not started these; those that have finished are done."""
        self._finished |= {*finished}
        self._waiting |= dict.fromkeys(n for n in names if n not in self._finished)

    def exclude(self, failed: Mapping[str, str]) -> Mapping[str, str]:
        """Exclude failed services, and what follows; what is excluded now."""
        self._failed |= failed
        before = self.excluded
        self.excluded = self.fallbacks.close(self._failed)
        return {n: why for n, why in self.excluded.items() if n not in before}

    def choose(self, seen: Seen) -> Call | None:
        """The next call; None while there is nothing to start."""
        names = self.fallbacks.list_startable(self.waiting, seen.is_open, self.excluded)
        if not names:
            return None
        for name in names:
            del self._waiting[name]
            self.without[name] = self._choose_without(name, seen)
        words = self._words if self._is_first else _spare_orphans(self._words)
        self._is_first = False
        if self._unmade.intersection(names):
            words = (*words, "--force-recreate")
            self._unmade -= {*names}
        # Without names it is all of the text: what was excluded before is in it too.
        is_all = len(names) == len(self.plan.names)
        return Call(
            names=names,
            words=words if is_all else (*words, *names, *self._list_helpers(names)),
            text=self._render(self._vary(names)),
        )

    def _list_helpers(self, names: Collection[str]) -> Iterator[str]:
        """The containers that ask these services from outside."""
        for step in self.plan.steps:
            if step.name in names and (helper := find_helper(step.service)):
                yield helper

    def list_instead(self, name: str, seen: Seen) -> tuple[str, ...]:
        """What each service does that needs an excluded one."""
        [out] = list_exclusions(self.plan, {name: self.excluded[name]})
        return tuple(
            f"{each.service}: {each}"
            if self._uses_fallback(each.service, name, seen)
            else f"{each.service}: keeps running as it is"
            for each in out.fallbacks
            if each.service not in self.excluded
        )

    def _uses_fallback(self, name: str, lost: str, seen: Seen) -> bool:
        if name in self.without:
            return lost in self.without[name]
        is_new = not seen.runs_before(name)
        return is_new or lost in self._before.without.get(name, ())

    def _choose_without(self, name: str, seen: Seen) -> tuple[str, ...]:
        """Which exclusions a service is made with: one that runs is left as it is.

        It is made again where it would be in any case, or where it says so.
        """
        wanted = self.fallbacks.list_without(name, self.excluded)
        had = self._before.without.get(name, ())
        kept = tuple(each for each in wanted if each in had)
        if kept == wanted or not seen.runs_before(name):
            return wanted
        if {*kept} != {*had} or self._restarts(name, {*wanted} - {*kept}):
            return wanted
        varied = vary_plan(self.plan, {**self.without, name: kept})
        text = self._render(cut_gates(varied, (name,), self.excluded))
        return wanted if self._before.is_replaced(name, text) else kept

    def _restarts(self, name: str, lost: Collection[str]) -> bool:
        """Whether a service is to be restarted when one of these is lost."""
        step = next(each for each in self.plan.steps if each.name == name)
        return any(
            gate.later is Later.RESTART and gate.service in lost for gate in step.gates
        )

    def _vary(self, names: Collection[str]) -> Plan:
        """The plan as a call gets it: its services with what they start without."""
        varied = vary_plan(self.plan, self.without)
        return cut_gates(varied, names, self.excluded)


def cut_gates(plan: Plan, names: Collection[str], off: Collection[str]) -> Plan:
    """The plan with the gates among these services alone; nothing of ``off`` starts.

    What was started before is up, or is waited for no more: Compose would wait half a
    second to see it. It stays in the text as something that has started, for Compose
    keeps the order in which to stop. A job would run again.
    """
    jobs = {each.name for each in plan.steps if each.service.job}
    return replace(
        plan, steps=tuple(_cut_step(step, names, {*off}, jobs) for step in plan.steps)
    )


def _cut_step(
    step: Step, names: Collection[str], off: Collection[str], jobs: Collection[str]
) -> Step:
    if step.name in names and all(gate.service in names for gate in step.gates):
        return step
    gates = (
        gate
        if {step.name, gate.service} <= {*names}
        else replace(gate, condition=Condition.STARTED)
        for gate in step.gates
        if gate.service not in off
        and (gate.service not in jobs or {step.name, gate.service} <= {*names})
    )
    return replace(step, gates=tuple(gates))


def _spare_orphans(words: Words) -> Words:
    """A later call: the first one has removed what is no part of the stack."""
    return tuple(word for word in words if word != "--remove-orphans")
