"""One drill with everything around it: its lock, its journal, its guardian."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from composegen.drill.conduct import Conductor, Pace, Report
from composegen.drill.grounds import open_ground
from composegen.drill.guard import DrillGuard
from composegen.drill.notes import DrillFile, DrillNotes, Journal
from composegen.drill.trials import Chosen, Wish, choose_trials
from composegen.errors import DrillRuns, ExitCode, Interrupted, NotDrillable
from composegen.model import Stack
from composegen.places.place import Place
from composegen.places.processes.records import identify_self
from composegen.places.status import FINE
from composegen.planning.choices import settle_running
from composegen.records import record
from composegen.system.signals import catch_signals
from composegen.workspace.workspace import Workspace


@record
class Talk:
    """How a drill speaks with people.

    ``confirm`` gets what will be done and says whether to go on, ``tell`` gets lines.
    """

    confirm: Callable[[Chosen], bool]
    tell: Callable[[str], None]


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
    mark = secrets.token_hex(8)
    ending = Ending()
    journals: list[Journal] = []

    def note_helper(name: str) -> None:
        journals[0].add_helper(name)

    with ExitStack() as opened:
        ground = opened.enter_context(
            open_ground(
                place,
                workspace,
                stack,
                mark,
                note_helper=note_helper,
            )
        )
        drilled = settle_running(stack, running)
        chosen = choose_trials(drilled, running, wish, ground.impossible.items())
        if not chosen.trials and not chosen.skipped:
            raise NotDrillable(
                "there is nothing to drill: no chosen service is needed by another one",
                help="name a service that others need: composegen drill SERVICE",
            )
        if not talk.confirm(chosen):
            return None
        file = DrillFile(workspace.folder)
        if not file.lock.take():
            raise DrillRuns(
                "another drill is going on in this folder",
                help="wait for it, or end it with Ctrl-C in its terminal",
            )
        opened.callback(file.lock.give_back)
        opened.enter_context(catch_signals(ending.note))
        guard = opened.enter_context(DrillGuard(mark, make_undo_command(workspace)))
        notes = DrillNotes(place=place.name, mark=mark, drill=identify_self())
        journals.append(Journal(file, notes))
        conductor = Conductor(
            drilled,
            ground,
            journals[0],
            pace,
            tell=talk.tell,
            check_end=ending.check,
        )
        try:
            return conductor.carry_out(chosen)
        finally:
            if journals[0].is_clean:
                ground.close()
                file.remove()
                guard.release()


def make_undo_command(workspace: Workspace) -> tuple[str, ...]:
    """What the guardian runs; it begins in the root folder."""
    file = Path(workspace.folder) / Path(workspace.file).name
    program = (sys.executable, "-m", "composegen", "drill", "--undo")
    return (*program, "--file", str(file))
