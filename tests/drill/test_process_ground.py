"""What a drill may do to the processes of a run."""

import os

import pytest

from composegen.drill.processes import ProcessGround
from composegen.drill.trials import Fault, Trial
from composegen.errors import FaultFailed
from composegen.places.place import Seen
from composegen.places.status import ServiceStatus, State
from composegen.workspace.workspace import Workspace


class Place:
    """A run with one service."""

    def __init__(self, **values):
        self._status = ServiceStatus(service="web", state=State.READY, **values)

    def look(self):
        return Seen(statuses=(self._status,), is_running=True, is_up=True)


@pytest.mark.parametrize(
    ("values", "fault", "reason"),
    [
        ({"pid": os.getpid(), "reused": True}, Fault.STOP, "not started by composegen"),
        ({"pid": None}, Fault.STOP, "web does not run"),
        ({"pid": 7, "image": "redis:8"}, Fault.KILL, "web runs in Docker"),
    ],
)
def test_a_process_that_is_not_the_run_s_is_left_alone(tmp_path, values, fault, reason):
    ground = ProcessGround(Place(**values), Workspace(tmp_path / "stack.yaml"), {})

    with pytest.raises(FaultFailed, match=reason):
        ground.plan(Trial(service="web", fault=fault, edges=(), direct=()))
