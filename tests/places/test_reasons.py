"""Why a service is not up, in words."""

from composegen.places.reasons import Reason
from composegen.places.status import ServiceStatus, State


def test_the_way_to_the_one_that_blocks_is_told_first():
    status = ServiceStatus(service="db", state=State.STARTING)
    reason = Reason(chain=("web", "db"), status=status, answer="connection refused")

    assert str(reason) == (
        "web -> db: db is starting\n  its check got: connection refused\n"
    )


def test_one_that_runs_and_is_sick_is_called_so():
    status = ServiceStatus(service="web", state=State.READY, health="unhealthy")

    assert str(Reason(chain=("web",), status=status)) == "web: web is unhealthy\n"
