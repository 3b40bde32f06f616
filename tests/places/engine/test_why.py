"""Why services are not up on an engine: the one that blocks, and its cause."""

import os

import pytest

from composegen.places.engine.containers import (
    Action,
    Mounted,
    Probe,
    Socket,
    Status,
    Volume,
)
from composegen.places.engine.why import (
    describe_check,
    explain_complaint,
    explain_compose,
    find_engine_reasons,
)
from composegen.places.events import Failure
from tests.enginefakes import (
    FakeEngine,
    happen,
    make_container,
    make_noted,
    make_notes,
)


@pytest.fixture
def chain():
    return make_notes(
        make_noted("front", "back"),
        make_noted("back", "router", "cache?", port=9000),
        make_noted("router", port=8888),
        make_noted("cache", is_required=False),
    )


def waiting(service):
    return make_container(service, status=Status.CREATED, health="starting")


def test_all_is_well(chain, tmp_path):
    engine = FakeEngine([make_container(each.name) for each in chain.services])
    assert find_engine_reasons(engine, chain, tmp_path) == []


def test_the_needs_are_followed_to_the_one_that_blocks(chain, tmp_path):
    router = make_container("router", health="starting")
    engine = FakeEngine(
        [waiting("front"), waiting("back"), router, make_container("cache")]
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path, service="front")
    assert reason.chain == ("front", "back", "router")
    assert reason.failure.reason == "router runs and is not ready yet"


def test_one_cause_is_told_once_for_all_who_wait(chain, tmp_path):
    router = make_container("router", health="starting")
    engine = FakeEngine(
        [waiting("front"), waiting("back"), router, make_container("cache")]
    )
    assert len(find_engine_reasons(engine, chain, tmp_path)) == 1


def test_a_crash_loop_tells_its_last_exit_code_from_the_past(chain, tmp_path):
    again = make_container("router", health="starting", restarts=2, created_at=1.0)
    past = [
        happen("router", Action.DIE, exit_code=7, time=float(os.times().elapsed)),
        happen("router", Action.DIE, exit_code=9, time=4e12),
    ]

    class Remembers(FakeEngine):
        def list_past(self, id, since, until):
            return past

    engine = Remembers([make_container("cache"), again])
    [*_, reason] = find_engine_reasons(engine, chain, tmp_path, service="router")
    assert reason.failure.reason == (
        "router exited 2 times, last with exit code 9, and was restarted"
    )
    assert reason.failure.exit_code == 9


def test_out_of_memory_is_remembered_after_a_restart(chain, tmp_path):
    class Remembers(FakeEngine):
        def list_past(self, id, since, until):
            return [happen("router", Action.OUT_OF_MEMORY)]

    again = make_container("router", status=Status.RESTARTING, restarts=1)
    [reason] = find_engine_reasons(
        Remembers([again]), chain, tmp_path, service="router"
    )
    assert reason.failure.cause.startswith("it ran out of memory")


def test_the_check_and_its_last_answers_are_shown(chain, tmp_path):
    probes = (
        Probe(exit_code=1, output="first"),
        Probe(exit_code=1, output="Traceback\n  deep\nOSError: refused\n"),
        Probe(exit_code=1, output="OSError: refused"),
    )
    router = make_container("router", health="unhealthy", probes=probes)
    [reason] = find_engine_reasons(
        FakeEngine([router]), chain, tmp_path, service="router"
    )
    assert reason.check == ("ask", "exit 1: OSError: refused")


def test_a_check_that_passes_is_not_shown():
    assert describe_check(make_container("web")) == ()


def test_the_words_of_a_check_are_shown_as_they_are_typed():
    container = make_container(
        "web", health="starting", test=("CMD", "python", "-c", "print('a b')")
    )
    assert describe_check(container) == ("python -c \"print('a b')\"",)


def test_a_service_that_only_itself_reaches_is_named_when_asked_for(chain, tmp_path):
    engine = FakeEngine(
        [make_container("router")],
        sockets={"id-router": [Socket(host="127.0.0.1", port=8888)]},
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path, service="router")
    assert (
        reason.failure.reason == "router is healthy, but no other service can reach it"
    )


def test_it_is_named_too_where_nothing_is_asked_for(chain, tmp_path):
    """It is needed, so that others will miss it."""
    names = [each.name for each in chain.services]
    engine = FakeEngine(
        [make_container(name) for name in names],
        sockets={"id-router": [Socket(host="127.0.0.1", port=8888)]},
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path)
    assert reason.chain == ("router",)
    assert reason.failure.help == "let it listen on 0.0.0.0:8888"


def test_its_dependant_says_it_too(chain, tmp_path):
    engine = FakeEngine(
        [
            make_container("back", status=Status.EXITED, exit_code=1),
            make_container("router"),
        ],
        sockets={"id-router": [Socket(host="127.0.0.1", port=8888)]},
        logs={"id-back": ["connection refused"]},
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path, service="back")
    assert reason.failure.cause.startswith("`router` listens only on 127.0.0.1:8888")


def test_a_volume_that_is_older_than_the_password_is_found(tmp_path):
    notes = make_notes(
        make_noted("app", "db"), make_noted("db", password_file="db-password")
    )
    (tmp_path / "db-password").write_text("new")
    os.utime(tmp_path / "db-password", (2000, 2000))
    mount = Mounted(
        kind="volume", name="demo_data", source="", target="/d", is_writable=True
    )

    def ask(made_at):
        engine = FakeEngine(
            [
                make_container("app", status=Status.EXITED, exit_code=1),
                make_container("db", mounts=(mount,)),
            ],
            logs={"id-app": ["FATAL: password authentication failed"]},
            volumes={"demo_data": Volume(name="demo_data", created_at=made_at)},
        )
        [reason] = find_engine_reasons(engine, notes, tmp_path, service="app")
        return reason.failure.cause

    assert "demo_data is older than the secret" in ask(1000.0)
    assert ask(3000.0) == "a password was refused"


def test_one_that_got_ready_too_late_is_said_to_need_a_longer_boot(chain, tmp_path):
    failures = {"router": Failure(service="router", reason="router was not healthy")}
    [reason] = find_engine_reasons(
        FakeEngine([make_container("router")]),
        chain,
        tmp_path,
        service="router",
        failures=failures,
    )
    assert reason.failure.cause.startswith("router is up now")
    assert reason.failure.help.endswith("health: {boot: 60s}")


def test_without_a_container_what_compose_said_is_told(tmp_path):
    notes = make_notes(make_noted("web"), complaint="pull access denied for x/y")
    [reason] = find_engine_reasons(FakeEngine(), notes, tmp_path)
    assert "the image of `web` cannot be pulled" in reason.failure.cause


def test_without_a_container_and_a_complaint_it_is_not_up(tmp_path):
    [reason] = find_engine_reasons(
        FakeEngine(), make_notes(make_noted("web")), tmp_path
    )
    assert reason.failure.reason == "web has no container"


def test_compose_gave_up_for_a_container_that_could_not_start(chain, tmp_path):
    broken = make_container(
        "router",
        status=Status.CREATED,
        error="Bind for 127.0.0.1:8888 failed: port is already allocated",
    )
    engine = FakeEngine([broken], publishers={8888: "other-web-1"})
    [reason] = explain_compose(engine, chain, tmp_path, ["Error response from daemon"])
    assert reason.failure.cause == (
        "port 8888 of this machine is taken by the container other-web-1"
    )


def test_compose_gave_up_for_an_image(chain, tmp_path):
    lines = ["#5 ERROR", "target back: failed to solve: exit code: 3"]
    [reason] = explain_compose(FakeEngine(), chain, tmp_path, lines)
    assert reason.status.service == "back"
    assert reason.failure.cause == "the image of `back` cannot be built: exit code: 3"


def test_what_nobody_understands_is_shown_as_it_is():
    failure = explain_complaint(
        FakeEngine(), make_noted("web"), "one\nError: something new"
    )
    assert failure.reason == "Compose: Error: something new"
    assert failure.lines == ("one", "Error: something new")


def test_control_characters_of_a_container_reach_no_terminal(chain, tmp_path):
    engine = FakeEngine(
        [make_container("router", status=Status.EXITED, exit_code=1)],
        logs={"id-router": ["\x1b[31mred\x1b[0m\x07\x1b]0;title\x07"]},
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path, service="router")
    assert reason.lines == ("red",)
