"""Opens the containers of a project for a drill."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from composegen.drill.engine import EngineGround, Texts, undo_containers
from composegen.drill.ground import Ground
from composegen.drill.guard import mark_environment
from composegen.drill.helper import Helper, remove_helpers
from composegen.drill.noted import check_unchanged, read_selection
from composegen.drill.notes import DrillNotes
from composegen.drill.texts import render_texts
from composegen.drill.trials import Fault
from composegen.model import Stack
from composegen.places.engine.client import Engine
from composegen.places.engine.compose import Project
from composegen.places.engine.endpoint import use_endpoint
from composegen.places.engine.faults import Hands
from composegen.places.engine.notes import Notes, read_notes
from composegen.places.engine.ownership import check_ownership
from composegen.planning.plan import make_plan, reduce_stack
from composegen.workspace.secrets import read_passwords
from composegen.workspace.workspace import Workspace


@contextmanager
def open_engine(
    notes: Notes,
    workspace: Workspace,
    stack: Stack,
    mark: str,
    *,
    note_helper: Callable[[str], None] = lambda _: None,
    is_strict: bool = True,
) -> Iterator[Ground]:
    """The containers of a project. Raises NotDrillable, OtherFolder and more.

    With ``is_strict`` the stack file must be the one that the stack was brought up
    from.
    """
    if is_strict:
        made = {each.name: each.definition for each in notes.services}
        check_unchanged(stack, made, "composegen up")
    selection = read_selection(notes.flags)
    plan = make_plan(stack, selection)
    passwords = read_passwords(reduce_stack(plan), workspace.folder)
    environment = {**mark_environment(workspace.environment, mark), **passwords}
    with Engine(notes.endpoint) as engine:
        check_ownership(engine, notes.project, workspace.folder)
        project = Project(
            name=notes.project,
            folder=workspace.folder,
            endpoint=notes.endpoint,
            environment=environment,
            is_part=True,
        )

        @cache
        def make_texts() -> Texts:
            names = [name for name in stack.services if name in plan.names]
            return render_texts(stack, selection, workspace, engine, names)

        image = workspace.fill(stack.probe_image)
        helper = _make_helper(engine, environment, image, mark, note_helper)
        ground = EngineGround(
            engine,
            project,
            stack.services,
            workspace,
            make_texts,
            helper,
            fallen={each.name for each in notes.services if each.without},
        )
        try:
            yield ground
        finally:
            ground.close()


def _make_helper(
    engine: Engine,
    environment: Mapping[str, str],
    image: str,
    mark: str,
    note: Callable[[str], None],
) -> Helper:
    """A helper for where the addresses of containers lead nowhere from here."""
    is_near = engine.endpoint.is_local and sys.platform == "linux"
    return Helper(
        engine.endpoint,
        environment,
        image,
        f"composegen-drill-{mark}",
        sees_addresses=is_near and not engine.describe().is_rootless,
        note=note,
    )


def undo_engine(
    workspace: Workspace, load: Callable[[], Stack], notes: DrillNotes
) -> None:
    """Undo what a drill has left on the engine; nothing where it was taken down."""
    up = read_notes(workspace.folder, workspace.environment)
    if up is None:
        return
    env = use_endpoint(up.endpoint, workspace.environment)
    remove_helpers(env, list(notes.helpers))
    if notes.undo is None:
        return
    if notes.undo.fault is Fault.WITHOUT:
        with open_engine(up, workspace, load(), notes.mark, is_strict=False) as ground:
            ground.undo(notes.undo, is_sure=False)
        return
    with Engine(up.endpoint) as engine:
        check_ownership(engine, up.project, workspace.folder)
        undo_containers(Hands(engine, up.project), notes.undo, is_sure=False)
