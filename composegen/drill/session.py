"""One drill with everything around it: its lock, its journal, its guardian."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from composegen.drill.conduct import Conductor, Pace
from composegen.drill.ground import Ground
from composegen.drill.grounds import open_ground
from composegen.drill.guard import DrillGuard
from composegen.drill.notes import DrillFile, DrillNotes, Journal
from composegen.drill.rows import Report
from composegen.drill.steps import Step
from composegen.drill.trials import Chosen, Wish, choose_trials
from composegen.errors import DrillRuns, ExitCode, Interrupted, NotDrillable
from composegen.model import Stack
from composegen.places.names import PROCESSES
from composegen.places.place import Place
from composegen.places.status import FINE, describe_state
from composegen.planning.choices import settle_running
from composegen.records import record, replace
from composegen.system.identity import identify_self
from composegen.system.signals import catch_signals
from composegen.workspace.workspace import Workspace

_POLL = 0.2


@record
class Talk:
    """How a drill speaks with people.

    ``confirm`` gets what will be done and says whether to go on, ``tell`` gets lines,
    ``show`` gets each step.
    """

    confirm: Callable[[Chosen], bool]
    tell: Callable[[str], None]
    show: Callable[[Step], None]


class Ending:
    """Remembers the signal that asks for the end; what goes on is undone first."""

    def __init__(self) -> None:
        self.code: ExitCode | None = None

    def note(self, code: ExitCode) -> None:
        """A signal came; the first one counts."""
        self.code = self.code or code

    def check(self) -> None:
        """Raise Interrupted where a signal came."""
        if self.code is not None:
            raise Interrupted(self.code, help="what was done is undone")


def list_running(place: Place) -> frozenset[str]:
    """The services that do what they should. Raises NotDrillable where not all do."""
    seen = place.look()
    if not seen.is_running:
        raise NotDrillable("nothing runs here", help="bring it up: composegen up")
    if not seen.is_up:
        bad = [each.service for each in seen.statuses if each.state not in FINE]
        names = f": {', '.join(bad)}" if bad else ""
        raise NotDrillable(
            f"not all of the stack is up{names}", help="see why: composegen why"
        )
    return frozenset(each.service for each in seen.statuses if each.state in FINE)


def run_drill(
    place: Place,
    workspace: Workspace,
    stack: Stack,
    wish: Wish,
    pace: Pace,
    talk: Talk,
) -> Report | None:
    """Drill what runs in a place; None where a person says no.

    Raises NotDrillable, DrillRuns, OtherFolder, FaultFailed and Interrupted.
    """
    workspace = workspace.resolve()
    running = list_running(place)
    session = _Session(place, workspace)
    with open_ground(
        place, workspace, stack, session.mark, note_helper=session.note_helper
    ) as ground:
        drilled = settle_running(stack, running)
        chosen = choose_trials(drilled, running, wish, ground.impossible.items())
        if not chosen.trials and not chosen.skipped:
            raise _make_nothing_chosen(drilled, running, wish, place)
        if not talk.confirm(chosen):
            return None
        report = session.conduct(drilled, ground, chosen, pace, talk)
    down = find_down(place, drilled, running, pace.recover)
    return replace(report, down=down)


def find_down(
    place: Place, stack: Stack, before: Container[str], limit: float
) -> tuple[str, ...]:
    """The services that are not up as before, each after its time to come back."""
    began = time.monotonic()
    while True:
        states = {each.service: each.state for each in place.look().statuses}
        down = [
            name
            for name in stack.services
            if name in before and states.get(name) not in FINE
        ]
        healths = (stack.services[name].health for name in down)
        boots = [each.boot.seconds for each in healths if each is not None]
        if not down or time.monotonic() - began > max([limit, *boots]):
            return tuple(down)
        time.sleep(_POLL)


def find_absent(
    names: Iterable[str], running: Container[str], place: Place
) -> NotDrillable | None:
    """Why the first of some services that does not run cannot be drilled."""
    name = next((each for each in names if each not in running), None)
    if name is None:
        return None
    up = "composegen run" if place.name == PROCESSES else "composegen up"
    seen = place.look()
    for each in seen.excluded:
        if each["service"] == name:
            has_failed = bool(each.get("fallback"))
            return NotDrillable(
                f"{name} is excluded: {each['reason']}",
                help=f"see why: composegen why {name}; then try it again: {up}"
                if has_failed
                else f"include it: {up} --with {name}",
            )
    states = {each.service: each.state for each in seen.statuses}
    if name not in states:
        return NotDrillable(
            f"{name} is not part of what runs here", help=f"bring it up: {up} {name}"
        )
    return NotDrillable(
        f"{name} is not up: {describe_state(states[name])}",
        help=f"see why: composegen why {name}",
    )


def _make_nothing_chosen(
    stack: Stack, running: Container[str], wish: Wish, place: Place
) -> NotDrillable:
    """Nothing was chosen that another service needs, and what could be."""
    absent = find_absent(wish.names, running, place)
    if absent is not None:
        return absent
    others = choose_trials(stack, running, Wish())
    names = {each.service for each in others.trials}
    names |= {each.service for each in others.skipped}
    order = [name for name in stack.services if name in names]
    return NotDrillable(
        "there is nothing to drill: no chosen service is needed by another one",
        help=f"services that can be drilled: {', '.join(order)}"
        if order
        else "no service that runs is needed by another one: give a service `needs`",
    )


class _Session:
    """What one drill keeps so that all of it can be undone."""

    def __init__(self, place: Place, workspace: Workspace) -> None:
        self.mark = secrets.token_hex(8)
        self._place = place
        self._workspace = workspace
        self._file = DrillFile(workspace.folder)
        self._journal: Journal | None = None

    def note_helper(self, name: str) -> None:
        """A helper is about to be made."""
        if self._journal is not None:
            self._journal.add_helper(name)

    def conduct(
        self,
        stack: Stack,
        ground: Ground,
        chosen: Chosen,
        pace: Pace,
        talk: Talk,
    ) -> Report:
        """The drill under its lock, with its guardian. Raises DrillRuns and more."""
        ending, file = Ending(), self._file
        command = make_undo_command(self._workspace)
        if not file.lock.take():
            raise DrillRuns(
                "another drill is going on in this folder",
                help="wait for it, or end it with Ctrl-C in its terminal",
            )
        try:
            with catch_signals(ending.note), DrillGuard(self.mark, command) as guard:
                journal = self._journal = Journal(file, self._make_notes())
                conductor = Conductor(
                    *(stack, ground, journal, pace),
                    tell=talk.tell,
                    show=talk.show,
                    check_end=ending.check,
                )
                try:
                    return conductor.carry_out(chosen)
                finally:
                    if journal.is_clean:
                        ground.close()
                        file.remove()
                        guard.release()
        finally:
            file.lock.give_back()

    def _make_notes(self) -> DrillNotes:
        return DrillNotes(place=self._place.name, mark=self.mark, drill=identify_self())


def make_undo_command(workspace: Workspace) -> tuple[str, ...]:
    """What the guardian runs; it begins in the root folder."""
    file = Path(workspace.folder) / Path(workspace.file).name
    program = (sys.executable, "-m", "composegen", "drill", "--undo")
    return (*program, "--file", str(file))
