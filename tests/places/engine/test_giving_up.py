"""Why Compose gave up: a service is blamed only where there is evidence."""

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.giving_up import explain_compose
from composegen.places.engine.notes import How
from composegen.places.status import State
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

TAKEN = "Bind for 127.0.0.1:8888 failed: port is already allocated"


@pytest.fixture
def notes():
    return make_notes(
        make_noted("back", "router"), make_noted("router", port=8888), began=105.0
    )


def refused(**values):
    return make_container("router", status=Status.CREATED, error=TAKEN, **values)


def test_a_container_that_could_not_start_is_the_reason(notes, tmp_path):
    engine = FakeEngine([refused(created_at=106.0)], publishers={8888: "other-web-1"})
    given_up = explain_compose(engine, notes, tmp_path, ["Error response from daemon"])
    [reason] = given_up.reasons
    assert reason.status.state is State.FAILED
    assert reason.failure.reason == "router could not be started"
    assert reason.failure.cause == (
        "port 8888 of this machine is taken by the container other-web-1"
    )
    [noted] = given_up.notes.failures
    assert (noted.service, noted.how, noted.id) == ("router", How.REFUSED, "id-router")


def test_an_error_that_an_earlier_up_left_is_not(notes, tmp_path):
    engine = FakeEngine([refused(created_at=99.0)])
    lines = [" back Pulling", "Error response from daemon: manifest unknown"]
    [reason] = explain_compose(engine, notes, tmp_path, lines, among=["back"]).reasons
    assert reason.service == "back"
    assert "8888" not in str(reason)


@pytest.mark.parametrize("word", ["Starting", "Restarting"])
def test_an_old_container_that_compose_tried_to_start_again_is(notes, tmp_path, word):
    engine = FakeEngine([refused(created_at=99.0)], publishers={8888: "other-web-1"})
    lines = [f" Container demo-router-1  {word}", f"Error response: {TAKEN}"]
    [reason] = explain_compose(engine, notes, tmp_path, lines).reasons
    assert reason.service == "router"
    assert "port 8888 of this machine is taken" in reason.failure.cause


def test_the_service_that_compose_speaks_of_is_the_reason(notes, tmp_path):
    lines = ["#5 ERROR", "target back: failed to solve: exit code: 3"]
    [reason] = explain_compose(FakeEngine(), notes, tmp_path, lines).reasons
    assert reason.service == "back"
    assert reason.failure.reason == "back was not started"
    assert reason.failure.cause == "the image of `back` cannot be built: exit code: 3"


def test_what_is_about_no_service_is_said_of_none(notes, tmp_path):
    lines = [
        " Container demo-router-1  Waiting",
        "Error response from daemon: something new",
    ]
    given_up = explain_compose(FakeEngine(), notes, tmp_path, lines)
    assert [str(each) for each in given_up.reasons] == [
        "Compose: Error response from daemon: something new\n"
    ]
    assert given_up.notes.failures == ()


def test_a_cause_that_is_about_no_service_is_named_too(notes, tmp_path):
    lines = ["Error response from daemon: manifest unknown"]
    [reason] = explain_compose(
        FakeEngine(), notes, tmp_path, lines, among=["back", "router"]
    ).reasons
    assert reason.service == ""
    assert reason.failure.reason == "docker compose could not start the stack"
    assert reason.failure.cause.startswith("an image cannot be pulled: ")


@pytest.mark.parametrize(
    ("code", "cut"),
    [
        (-9, "docker compose was killed by SIGKILL before it was done"),
        (
            255,
            "docker compose ended before it was done, with 255 and without an error",
        ),
    ],
)
def test_a_compose_that_was_ended_says_nothing_of_a_service(code, cut, notes, tmp_path):
    lines = [" Container demo-router-1  Started", " Container demo-router-1  Waiting"]
    given_up = explain_compose(FakeEngine(), notes, tmp_path, lines, code=code)
    assert [str(each) for each in given_up.reasons] == [
        f"{cut}\n  help: continue: composegen up\n"
    ]
    assert given_up.notes.failures == ()
    assert given_up.notes.complaint == cut


def test_a_service_that_runs_as_before_has_not_failed(notes, tmp_path):
    engine = FakeEngine([make_container("router", created_at=99.0)])
    lines = ["Error response from daemon: manifest unknown"]
    [reason] = explain_compose(engine, notes, tmp_path, lines, among=["router"]).reasons
    assert reason.status.state is State.READY
    assert reason.failure.reason == "router was not renewed: it runs as before"
