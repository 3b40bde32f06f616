"""Why a service is not up, in words."""

from composegen.places.events import Failure
from composegen.places.reasons import Reason, follow_needs, shorten_lines
from composegen.places.status import ServiceStatus, State


def test_the_way_to_the_one_that_blocks_is_reported_first():
    status = ServiceStatus(service="db", state=State.STARTING)
    reason = Reason(chain=("web", "db"), status=status, answer="connection refused")

    assert str(reason) == ("web -> db: starting\n  its check got: connection refused\n")


def test_one_that_runs_and_is_unhealthy_is_called_so():
    status = ServiceStatus(service="web", state=State.READY, health="unhealthy")

    assert str(Reason(chain=("web",), status=status)) == "web: unhealthy\n"


def test_what_is_about_the_whole_names_no_service():
    failure = Failure(service="", reason="it was killed", help="do it again")
    reason = Reason(failure=failure)

    assert reason.service == ""
    assert str(reason) == "it was killed\n  help: do it again\n"


def test_needs_are_followed_to_the_deepest_and_a_cycle_ends():
    blocking = {"web": ["api", "cache"], "api": ["db"], "db": ["web"]}

    assert follow_needs("web", lambda name: blocking.get(name, [])) == (
        *("web", "api", "db"),
    )
    assert follow_needs("alone", lambda name: blocking.get(name, [])) == ("alone",)


def test_a_line_in_which_a_cause_is_looked_for_has_a_limit() -> None:
    assert shorten_lines(["short", "x" * 2000, "y" * 2001]) == (
        "short",
        "x" * 2000,
        "y" * 2000 + "..",
    )
