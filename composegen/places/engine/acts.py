"""Stops, starts and restarts single services on the engine, through Compose.

composegen itself holds back what needs others: Compose's own ``start`` would start
optional services as well, and run jobs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from composegen.errors import NothingRuns, NotPart
from composegen.model import Service
from composegen.places.engine.boot import Booting
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project, run_compose
from composegen.places.engine.compose_lines import check_end
from composegen.places.engine.containers import Status
from composegen.places.engine.helpers import add_helpers, list_idle_helpers
from composegen.places.engine.notes import (
    NotedService,
    NotedStop,
    Notes,
    change_notes,
)
from composegen.places.engine.noting import note_seen
from composegen.places.engine.phases import OneCall
from composegen.places.engine.sharing import find_owners
from composegen.places.engine.status import EngineSeen, make_seen
from composegen.places.events import Message, NotUp, Planned, Report, Stopped
from composegen.places.place import (
    Act,
    Acted,
    Outcome,
    check_services,
    report_dependents,
)
from composegen.places.reasons import format_reasons
from composegen.places.status import BY_USER, FINE, State
from composegen.planning.definition import digest_definition
from composegen.records import replace

_ON = frozenset({Status.RUNNING, Status.PAUSED, Status.RESTARTING})
_NOTHING_TO_DO = ("ps", "--quiet")
"""A command of Compose for where there is only something to wait for."""


class Acts:
    """What a user does with single services of a project.

    ``services`` are those of the stack file; empty where it cannot be read.
    """

    def __init__(
        self,
        engine: Engine,
        project: Project,
        notes: Notes,
        folder: Path,
        services: Mapping[str, Service],
        report: Report,
    ) -> None:
        self._engine = engine
        self._project = project
        self._notes = notes
        self._folder = folder
        self._services = services
        self._report = report

    def perform(self, act: Act, names: Iterable[str]) -> tuple[Acted, ...]:
        """Stop dependent services first; start each when its gates are open."""
        wanted = tuple(dict.fromkeys(names))
        seen = self._look(wanted)
        sharing = () if act is Act.STOP else self._list_sharing(act, wanted, seen)
        wanted = tuple(dict.fromkeys((*wanted, *sharing)))
        concerned = wanted if act is Act.STOP else self._notes.close_over(wanted)
        self._report(Planned(services=concerned))
        if act is not Act.STOP and self._has_changed(wanted):
            text = f"the stack file has changed; {act} does not use the new one: "
            self._report(Message(text=f"{text}composegen up"))
        if act is Act.START:
            if sharing:
                self._stop(sharing, seen)
                seen = self._look(wanted)
            return self._start(wanted, seen)
        self._report_dependents(wanted, seen)
        if act is Act.STOP:
            return self._stop(wanted, seen)
        stopped = self._stop(wanted, seen)
        failed = tuple(each for each in stopped if each.outcome is Outcome.FAILED)
        return failed or self._start(wanted, self._look(wanted))

    # Before anything is done

    def _look(self, names: tuple[str, ...]) -> EngineSeen:
        """How all is doing. Raises UsageError, NothingRuns and NotPart."""
        excluded = {
            str(each["service"]): str(each["reason"]) for each in self._notes.left_out
        }
        check_services(names, (*self._services, *self._notes.names, *excluded))
        containers = self._engine.list_containers(self._notes.project)
        if not containers:
            raise NothingRuns(
                "nothing runs here", help="start it: composegen up, or composegen run"
            )
        seen = make_seen(self._notes, containers, self._engine.read_clock())
        for name in names:
            if name in excluded:
                raise NotPart(
                    f"`{name}` is not part of what runs here; it is excluded: "
                    f"{excluded[name]}",
                    help=f"include it: composegen up --with {name}",
                )
            exclusion = self._notes.find_exclusion(name)
            if exclusion is not None and not seen.list_containers(name):
                raise NotPart(
                    f"`{name}` has no container; it is excluded: {exclusion.reason}",
                    help="again: composegen up",
                )
            if self._notes.find(name) is None or not seen.list_containers(name):
                raise NotPart(
                    f"`{name}` is not part of what runs here",
                    help=f"bring it up: composegen up {name}",
                )
        return seen

    def _report_dependents(self, names: tuple[str, ...], seen: EngineSeen) -> None:
        needs = {
            each.name: [need.service for need in each.needs]
            for each in self._notes.services
        }
        running = {each.service for each in seen.containers if each.status in _ON}
        report_dependents(names, needs, running, self._report)

    def _has_changed(self, names: tuple[str, ...]) -> bool:
        now = self._services
        noted = [each for name in names if (each := self._notes.find(name))]
        return any(
            each.name not in now or digest_definition(now, each.name) != each.definition
            for each in noted
            if now and each.definition
        )

    def _list_sharing(
        self, act: Act, names: tuple[str, ...], seen: EngineSeen
    ) -> tuple[str, ...]:
        """What runs in a namespace of one that is started, which it loses by that."""
        closed = self._notes.close_over(names)
        starting = {name for name in closed if not self._is_on(name, seen)}
        starting |= {*names} if act is Act.RESTART else set()
        found = []
        for name in (each.name for each in self._notes.services):
            owners = self._find_owners(name, seen) if self._is_on(name, seen) else {}
            owner = min(starting & owners.keys(), default="")
            if owner:
                text = f"shares the {owners[owner]} of {owner}, and is restarted"
                self._report(Message(service=name, text=f"{text} with it"))
                found.append(name)
        return tuple(found)

    def _find_owners(self, name: str, seen: EngineSeen) -> Mapping[str, str]:
        """The services whose namespaces it shares, each with the kind."""
        found: dict[str, str] = {}
        for each in seen.list_containers(name):
            found |= find_owners(each, seen.containers)
        noted = self._notes.find(name)
        if noted is not None and noted.shares:
            found[noted.shares] = "network"
        return found

    # Stop

    def _stop(self, names: tuple[str, ...], seen: EngineSeen) -> tuple[Acted, ...]:
        running = [name for name in names if self._is_on(name, seen)]
        if running:
            self._note_stop(running, seen)
            self._compose("stop", *add_helpers(self._notes, running))
        left = self._engine.list_containers(self._notes.project)
        now = make_seen(self._notes, left, self._engine.read_clock())
        # One that kept exiting may have been started again before it was stopped.
        self._note_stop(running, now)
        return tuple(self._see_stopped(name, name in running, now) for name in names)

    def _is_on(self, name: str, seen: EngineSeen) -> bool:
        return any(each.status in _ON for each in seen.list_containers(name))

    def _see_stopped(self, name: str, was_on: bool, now: EngineSeen) -> Acted:
        if not was_on:
            return Acted(service=name, outcome=Outcome.WAS_STOPPED)
        if self._is_on(name, now):
            reason = f"{name} runs again: another program has started it"
            return Acted(service=name, outcome=Outcome.FAILED, reason=reason)
        self._report(Stopped(service=name, by=BY_USER))
        return Acted(service=name, outcome=Outcome.STOPPED)

    def _note_stop(self, names: Iterable[str], seen: EngineSeen) -> None:
        """Note who stops them; also before it is done: it is never seen unnoted."""
        added = _list_stops(names, seen)
        if added:
            there = {each.container for each in added}
            self._change(lambda stop: stop.container not in there, added)

    def _forget_stop(self, names: Iterable[str], seen: EngineSeen) -> None:
        """They were started since; another terminal may have stopped them again."""
        gone = _list_stops(names, seen)
        if {*gone} & {*self._notes.stopped}:
            self._change(lambda stop: stop not in gone)

    def _change(
        self,
        keep: Callable[[NotedStop], bool],
        added: tuple[NotedStop, ...] = (),
    ) -> None:
        def change(notes: Notes) -> Notes:
            kept = tuple(each for each in notes.stopped if keep(each))
            return replace(notes, stopped=(*kept, *added))

        self._notes = change_notes(self._folder, self._notes, change)

    def _compose(self, *words: str) -> None:
        """Run Compose to its end. Raises ComposeFailed with what it said."""
        code, said = run_compose(self._project, *words, show=lambda _: None)
        check_end(words[0], code, said)

    # Start

    def _start(self, names: tuple[str, ...], seen: EngineSeen) -> tuple[Acted, ...]:
        begun: list[str] = []
        failed: dict[str, str] = {}
        for level in self._list_levels(names):
            able = [name for name in level if not self._find_blocked(name, failed)]
            for name in set(level) - set(able):
                failed[name] = (
                    f"cannot start without {self._find_blocked(name, failed)}"
                )
            new = [name for name in able if self._is_to_start(name, names, seen)]
            begun += new
            for name in self._wait_for(able, new, seen):
                failed[name] = ""
        shown = [
            each.name
            for each in self._notes.services
            if each.name in {*names, *begun, *failed}
        ]
        return tuple(_make_acted(name, begun, failed) for name in shown)

    def _list_levels(self, names: tuple[str, ...]) -> Iterator[list[str]]:
        """The services and what they require, each after all that it requires."""
        left = list(self._notes.close_over(names))
        while left:
            level = [
                name for name in left if not {*self._list_required(name)} & {*left}
            ]
            yield level
            left = [name for name in left if name not in level]

    def _list_required(self, name: str) -> list[str]:
        noted = self._notes.find(name)
        needs = noted.needs if noted is not None else ()
        return [need.service for need in needs if not need.is_optional]

    def _find_blocked(self, name: str, failed: Iterable[str]) -> str:
        """The first service that it requires and that is not up; empty for none."""
        blocked = [each for each in self._list_required(name) if each in failed]
        return blocked[0] if blocked else ""

    def _is_to_start(self, name: str, names: tuple[str, ...], seen: EngineSeen) -> bool:
        if self._is_on(name, seen):
            return False
        return name in names or seen.find(name).state is not State.FINISHED

    def _wait_for(
        self, names: list[str], new: list[str], seen: EngineSeen
    ) -> tuple[str, ...]:
        """Start the new ones, and wait until all are up; those that are not."""
        awaited = [
            name for name in names if name in new or seen.find(name).state not in FINE
        ]
        if not awaited:
            return ()
        for name in new:
            if not seen.list_containers(name):
                raise NotPart(
                    f"`{name}`, which is required, has no container",
                    help=f"bring it up: composegen up {name}",
                )
        boot = self._make_boot(awaited, new)
        given_up = boot.carry_out()
        self._forget_stop(new, seen)
        self._notes = change_notes(
            self._folder,
            self._notes,
            lambda noted: note_seen(noted, given_up.notes, awaited),
        )
        if not given_up.reasons:
            return ()
        self._report(NotUp(text=format_reasons(given_up.reasons)))
        states = {name: each.state for name, each in boot.judge.candidates.items()}
        return tuple(name for name in awaited if states[name] not in FINE) or (
            *awaited,
        )

    def _make_boot(self, awaited: list[str], new: list[str]) -> Booting:
        """The boot of these services, each of them required; new ones are started."""
        begun = self._list_begun(awaited, new)
        words = ("restart", "--no-deps", *begun) if begun else _NOTHING_TO_DO
        notes = replace(
            self._notes,
            services=tuple(self._expect(name) for name in awaited),
            complaint="",
            failures=(),
            began=self._engine.read_clock(),
            limit=None,
        )
        return Booting(
            self._engine, self._project, notes, self._report, OneCall(awaited, words)
        )

    def _list_begun(self, awaited: list[str], new: list[str]) -> tuple[str, ...]:
        """What Compose has to start: the new ones, and each helper that is down."""
        containers = self._engine.list_containers(self._notes.project)
        idle = list_idle_helpers(self._notes, awaited, containers)
        return tuple(dict.fromkeys((*add_helpers(self._notes, new), *idle)))

    def _expect(self, name: str) -> NotedService:
        """A service as one that has to come up, by itself."""
        noted = self._notes.find(name)
        assert noted is not None
        return replace(noted, is_required=True, needs=())


def _list_stops(names: Iterable[str], seen: EngineSeen) -> tuple[NotedStop, ...]:
    return tuple(
        NotedStop(container=each.id, started_at=each.started_at or 0.0)
        for name in names
        for each in seen.list_containers(name)
    )


def _make_acted(name: str, begun: list[str], failed: Mapping[str, str]) -> Acted:
    if name in failed:
        return Acted(service=name, outcome=Outcome.FAILED, reason=failed[name])
    outcome = Outcome.STARTED if name in begun else Outcome.WAS_RUNNING
    return Acted(service=name, outcome=outcome)
