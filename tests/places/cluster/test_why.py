"""`why` on a cluster: the first gate that runs, then that need's pod."""

import pytest

from composegen.places.cluster.notes import NotedExclusion, NotedStop
from composegen.places.cluster.why import find_cluster_reasons
from composegen.places.events import Failure
from composegen.places.reasons import format_reasons
from tests.clusterfakes import (
    NOW,
    FakeKubectl,
    end,
    gate,
    make_deployment,
    make_event,
    make_noted,
    make_notes,
    make_ready,
    make_starting,
    running,
    take,
    waiting,
)

NOTES = make_notes(make_noted("db"), make_noted("api", "db"), make_noted("web", "api"))


@pytest.fixture
def fake(tmp_path):
    made = FakeKubectl(tmp_path)
    made.answer("exec", {"code": 1})
    return made


def explain(fake, *services, notes=NOTES, service="", events=(), now=NOW):
    snapshot = take(*services, events=events, now=now)
    return find_cluster_reasons(fake.make_kubectl(), notes, snapshot, service=service)


def waits(name, need):
    return make_starting(name, gates=[gate(need, running())])


def test_everything_is_fine(fake):
    services = (make_ready("db"), make_ready("api"), make_ready("web"))
    assert explain(fake, *services) == []


def test_the_gates_lead_to_the_one_that_blocks(fake):
    fake.answer("logs", "starting\ncannot open the file\n")
    main = waiting("CrashLoopBackOff", restarts=1, last=end(3))
    db = make_starting("db", main)
    [reason] = explain(fake, db, waits("api", "db"), waits("web", "api"), service="web")

    text = format_reasons([reason])
    assert reason.chain == ("web", "api", "db")
    assert "web -> api -> db: failed" in text
    assert "db exited with 3, 2 times so far" in text
    assert "cannot open the file" in text
    [call] = fake.list_calls("logs")
    assert {"db-h1-1", "--container", "db", "--tail=20"} <= {*call["words"]}


def test_a_gate_whose_service_is_ready_blocks_nothing(fake):
    api = waits("api", "db")
    [reason] = explain(fake, make_ready("db"), api, make_ready("web"), service="api")

    assert reason.chain == ("api",)
    assert reason.failure.reason == "api waits for db, which is ready"


def test_each_reason_is_given_once(fake):
    main = waiting("CrashLoopBackOff", restarts=1, last=end(3))
    services = (make_starting("db", main), waits("api", "db"), waits("web", "api"))

    assert [each.service for each in explain(fake, *services)] == ["db"]


def test_a_probe_that_fails_shows_what_it_asks_and_what_it_got(fake):
    event = make_event(
        "Pod",
        "db-h1-1",
        "Unhealthy",
        "Startup probe failed: HTTP probe failed with statuscode: 503",
    )
    db = make_starting("db", running(since=NOW - 40))
    notes = make_notes(make_noted("db"), began=NOW - 100)
    [reason] = explain(fake, db, notes=notes, events=[event])

    text = format_reasons([reason])
    assert "db is not healthy within 30s" in text
    assert "cause: GET /health answers 503" in text
    assert "its check: GET /health on port 8000" in text
    assert "    HTTP probe failed with statuscode: 503" in text


def test_one_whose_boot_is_not_over_is_not_blamed(fake):
    [reason] = explain(fake, make_starting("db", running()), service="db")

    assert reason.failure.reason == "db is not ready yet; its boot is 30s"


def test_the_lines_of_a_gate_that_fails_are_its_own(fake):
    fake.answer("logs", "python3: not found\n")
    state = waiting("CrashLoopBackOff", restarts=1, last=end(127))
    api = make_starting("api", gates=[gate("db", state)])
    [reason] = explain(fake, make_ready("db"), api, service="api")

    assert reason.lines == ("python3: not found",)
    [call] = fake.list_calls("logs")
    assert "wait-db" in call["words"]


def test_one_that_the_user_has_stopped_says_so(fake):
    notes = make_notes(make_noted("db"), stopped=(NotedStop(service="db"),))
    off = [make_deployment("db", ready=0, replicas=0)]
    [reason] = explain(fake, off, notes=notes)

    assert "was stopped with `composegen stop`" in reason.failure.reason


def test_one_that_another_hand_has_scaled_to_zero_is_not_ours(fake):
    off = [make_deployment("db", ready=0, replicas=0)]
    [reason] = explain(fake, off, notes=make_notes(make_noted("db")))

    assert "scaled to 0, and not by composegen" in reason.failure.reason
    assert reason.failure.help == "start it: composegen start db --on kubernetes"


def test_one_that_is_not_there_is_to_be_brought_up(fake):
    [reason] = explain(fake, notes=make_notes(make_noted("db")))

    assert reason.failure.help == "bring it up: composegen up --on kubernetes"


def test_an_excluded_service_says_what_was_found_before_it_was_removed(fake):
    failure = Failure(
        service="db", reason="db exited with 3", help="fix it", lines=("no disk",)
    )
    excluded = NotedExclusion(service="db", reason="exited with 3", failure=failure)
    notes = make_notes(
        make_noted("db", is_required=False),
        make_noted("api", optional=["db"]),
        excluded=(excluded,),
    )
    [reason] = explain(fake, make_ready("api"), notes=notes)

    text = format_reasons([reason])
    assert "db: excluded: exited with 3\n" in text
    assert "no disk" in text
    assert "try it again: composegen up --on kubernetes" in text
