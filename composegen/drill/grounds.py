"""Opens the place in which a stack runs for a drill.

The engine's side is imported where it is needed: its SDK is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from composegen.drill.ground import Ground
from composegen.drill.processes import ProcessGround
from composegen.model import Stack
from composegen.places.names import KUBERNETES, PROCESSES
from composegen.places.place import Place
from composegen.workspace.workspace import Workspace


@contextmanager
def open_ground(
    place: Place,
    workspace: Workspace,
    stack: Stack,
    mark: str,
    *,
    note_helper: Callable[[str], None],
) -> Iterator[Ground]:
    """The place as a drill disturbs it. Raises NotDrillable, OtherFolder and more."""
    if place.name == PROCESSES:
        yield ProcessGround(place, workspace, stack.services)
        return
    if place.name == KUBERNETES:
        from composegen.drill.cluster_ground import open_cluster
        from composegen.places.cluster.place import ClusterPlace

        assert isinstance(place, ClusterPlace)
        with open_cluster(place.notes, workspace, stack, mark) as ground:
            yield ground
        return
    from composegen.drill.engine_ground import open_engine
    from composegen.places.engine.place import EnginePlace

    assert isinstance(place, EnginePlace)
    opened = open_engine(place.notes, workspace, stack, mark, note_helper=note_helper)
    with opened as ground:
        yield ground
