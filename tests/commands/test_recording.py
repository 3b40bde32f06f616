"""What is kept of a boot, however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.commands.recording import BootWatch
from composegen.errors import ExitCode, Interrupted
from composegen.model import Service, Stack
from composegen.places.events import Event, Planned, Started, Up
from composegen.planning.plan import make_plan
from composegen.workspace.boots import load_boots
from composegen.workspace.workspace import Workspace


def watch(folder: Path) -> BootWatch:
    plan = make_plan(Stack(file="stack.yaml", services={"db": Service(name="db")}))
    workspace = Workspace(folder / "stack.yaml", {})
    return BootWatch("engine", workspace, lambda: plan, lambda _: None)


def interrupt(boot: BootWatch, *events: Event) -> None:
    def up() -> None:
        with boot.until_interrupted():
            for event in events:
                boot.see(event)
            raise Interrupted(ExitCode.INTERRUPTED)

    with pytest.raises(Interrupted):
        up()


def test_a_boot_that_is_interrupted_is_noted_as_such(tmp_path: Path) -> None:
    interrupt(watch(tmp_path), Planned(services=("db",)), Started(service="db", at=0.1))

    (note,) = load_boots(tmp_path)
    assert (note.total, note.services[0].started) == (None, 0.1)
    assert note.interrupted is not None


def test_an_interrupt_after_the_boot_leaves_it_as_it_was(tmp_path: Path) -> None:
    interrupt(watch(tmp_path), Planned(services=("db",)), Up(boots=()))

    (note,) = load_boots(tmp_path)
    assert note.interrupted is None


def test_what_ends_before_it_begins_is_no_boot(tmp_path: Path) -> None:
    interrupt(watch(tmp_path))

    assert load_boots(tmp_path) == ()
