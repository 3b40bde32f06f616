"""Why services are not up on an engine: the one that blocks, and its cause."""

import os
from pathlib import Path

import pytest

from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import (
    Folder,
    Mounted,
    Probe,
    Socket,
    Status,
    Volume,
)
from composegen.places.engine.deaths import Death
from composegen.places.engine.happened import Action
from composegen.places.engine.notes import How, NotedExclusion, NotedFailure
from composegen.places.engine.why import find_engine_reasons
from composegen.places.events import Failure
from composegen.places.status import State
from composegen.records import replace
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
    assert reason.failure.reason == "router was started 10s ago and is not ready yet"


def test_one_cause_is_reported_once_for_all_who_wait(chain, tmp_path):
    router = make_container("router", health="starting")
    engine = FakeEngine(
        [waiting("front"), waiting("back"), router, make_container("cache")]
    )
    assert len(find_engine_reasons(engine, chain, tmp_path)) == 1


def loop(**values):
    """A container in a crash loop that happens to run: it died at 98 and at 104."""
    return make_container(
        "router",
        **{
            "health": "starting",
            "restarts": 2,
            "created_at": 90.0,
            "finished_at": 104.0,
            "started_at": 105.0,
            **values,
        },
    )


PAST = [
    happen("router", Action.DIE, exit_code=7, time=98.0),
    happen("router", Action.START, time=99.0),
    happen("router", Action.DIE, exit_code=9, time=104.01),
    happen("router", Action.START, time=105.0),
]


def ask_router(engine, notes, tmp_path):
    [reason] = find_engine_reasons(engine, notes, tmp_path, service="router")
    return reason


def test_a_crash_loop_that_happens_to_run_says_how_it_died(chain, tmp_path):
    engine = FakeEngine(
        [make_container("cache"), loop()],
        past={"id-router": PAST},
        sockets={"id-router": []},
        logs={"id-router": ["boom"]},
    )
    reason = ask_router(engine, chain, tmp_path)
    assert reason.status.state is State.FAILED
    assert reason.failure.reason == (
        "router exited 2 times, last with exit code 9, and was restarted 5s ago"
    )
    assert reason.failure.exit_code == 9
    assert (reason.failure.cause, reason.failure.help) == ("", "")
    assert reason.lines == ("boom",)


@pytest.mark.parametrize("age", [0.0, 5.0, 100.0])
@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_one_that_died_is_never_called_slow(age, health, chain, tmp_path):
    engine = FakeEngine(
        [loop(health=health)], sockets={"id-router": []}, now=105.0 + age
    )
    reason = ask_router(engine, chain, tmp_path)
    assert "boot" not in str(reason)
    assert reason.failure.reason.startswith("router exited 2 times and was restarted")


def test_what_up_saw_of_a_death_counts_when_the_engine_has_forgotten_it(
    chain, tmp_path
):
    died = Death(id="id-router", at=104.01, exit_code=137, was_out_of_memory=True)
    notes = replace(chain, deaths=(died,))
    reason = ask_router(FakeEngine([loop()]), notes, tmp_path)
    assert reason.failure.exit_code == 137
    assert reason.failure.cause.startswith("it ran out of memory")


def test_a_death_before_the_present_start_is_no_evidence(chain, tmp_path):
    died = Death(id="id-router", at=98.0, exit_code=137, was_out_of_memory=True)
    notes = replace(chain, deaths=(died,))
    reason = ask_router(FakeEngine([loop()]), notes, tmp_path)
    assert "memory" not in str(reason)
    assert reason.failure.reason == (
        "router exited 2 times and was restarted 5s ago; "
        "its exit code is no longer known"
    )
    by_hand = make_container("router", health="starting", finished_at=99.0)
    reason = ask_router(
        FakeEngine([by_hand], past={"id-router": PAST}), notes, tmp_path
    )
    assert reason.failure.reason == "router was started 10s ago and is not ready yet"


def test_lines_of_an_earlier_start_are_no_evidence(chain, tmp_path):
    engine = FakeEngine()
    for container, since in (
        (make_container("router", health="starting", finished_at=90.0), 95.0),
        (make_container("router", health="starting"), 0.0),
        (loop(status=Status.RESTARTING, started_at=99.0), 98.0),
        (loop(status=Status.EXITED, started_at=99.0), 98.0),
        (loop(health="unhealthy"), 104.5),
        (loop(), 98.0),
    ):
        engine.containers = [container]
        engine.past = {"id-router": PAST}
        ask_router(engine, chain, tmp_path)
        assert engine.asked_since["id-router"] == since


def test_without_a_death_that_is_known_lines_count_from_this_up(chain, tmp_path):
    engine = FakeEngine([loop()])
    for began, since in ((0.0, 90.0), (100.0, 100.0), (104.5, 90.0)):
        ask_router(engine, replace(chain, began=began), tmp_path)
        assert engine.asked_since["id-router"] == since


def test_out_of_memory_is_remembered_after_a_restart(chain, tmp_path):
    engine = FakeEngine(
        [loop(status=Status.RESTARTING, exit_code=137)],
        past={
            "id-router": [
                happen("router", Action.OUT_OF_MEMORY, time=104.0),
                happen("router", Action.DIE, exit_code=137, time=104.01),
            ]
        },
    )
    reason = ask_router(engine, chain, tmp_path)
    assert reason.failure.cause.startswith("it ran out of memory")


def test_one_that_was_stopped_is_said_to_be(chain, tmp_path):
    stopped = loop(status=Status.EXITED, exit_code=137, restarts=0)
    kill = happen("router", Action.KILL, time=103.9, signal=9)
    engine = FakeEngine([stopped], past={"id-router": [kill, *PAST[2:3]]})
    reason = ask_router(engine, chain, tmp_path)
    assert reason.failure.reason == (
        "router exited with 137 after it was stopped from outside composegen"
    )
    assert (
        reason.failure.cause == "the engine was asked to stop it: docker stop or kill"
    )


def test_one_whose_boot_is_not_over_is_not_slow(chain, tmp_path):
    young = make_container("router", health="starting", started_at=108.0)
    engine = FakeEngine([young], sockets={"id-router": []})
    reason = ask_router(engine, chain, tmp_path)
    assert reason.status.state is State.STARTING
    assert reason.failure.reason == "router was started 2s ago and is not ready yet"
    assert reason.failure.cause == (
        "nothing listens on port 8888 yet; its boot, 30s, is not over"
    )
    assert reason.failure.help == ""

    engine.now = 138.0
    reason = ask_router(engine, chain, tmp_path)
    assert reason.status.state is State.FAILED
    assert reason.failure.help.endswith("health: {boot: 60s}")


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


def test_its_dependent_says_it_too(chain, tmp_path):
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


def test_the_folder_of_a_complaint_is_looked_at_in_the_container(tmp_path):
    notes = make_notes(make_noted("web"))
    dead = make_container("web", status=Status.EXITED, exit_code=1)
    folder = Folder(user=0, group=0, mode=0o755, is_empty=False)
    engine = FakeEngine(
        [dead],
        logs={"id-web": ["OSError: Read-only file system: '/app/cache.db'"]},
        folders={"id-web": {"/app": folder}},
    )
    [reason] = find_engine_reasons(engine, notes, tmp_path)
    assert reason.failure.cause.endswith("/app holds files of the image")
    assert reason.failure.cause_name == CauseName.READ_ONLY_IMAGE


def test_a_folder_that_cannot_be_looked_at_is_not_hidden(tmp_path):
    class Blind(FakeEngine):
        def find_folder(self, id, path):
            raise LookupError(path)

    dead = make_container("web", status=Status.EXITED, exit_code=1)
    logs = {"id-web": ["OSError: Read-only file system: '/app/cache.db'"]}
    notes = make_notes(make_noted("web"))
    [reason] = find_engine_reasons(Blind([dead], logs=logs), notes, tmp_path)
    assert "relax: {read_only" in reason.failure.help


def test_the_page_of_a_check_is_asked_for_its_status(tmp_path):
    web = make_noted(
        "web", port=8000, check="http", is_http=True, path="/up", check_port=8000
    )
    engine = FakeEngine(
        [make_container("web", health="unhealthy")],
        sockets={"id-web": [Socket(host="0.0.0.0", port=8000)]},
        programs={"id-web": ["python3"]},
        answers={"id-web": {"/up": 404, "/": 200}},
    )
    [reason] = find_engine_reasons(engine, make_notes(web), tmp_path)
    assert reason.failure.cause == "GET /up answers 404, and / answers 200"
    assert reason.failure.help.endswith("\nhealth: {http: /}")


def test_the_status_that_a_helper_got_is_named(tmp_path):
    otel = make_noted(
        *("otel", "web?"),
        check="http",
        is_http=True,
        path="/up",
        check_port=8000,
        helper="otel-health",
    )
    said = Probe(exit_code=1, output="HTTP/1.1 503 Service Unavailable\r\n")
    engine = FakeEngine(
        [
            make_container("otel", health="none"),
            make_container("otel-health", health="unhealthy", probes=(said,)),
        ],
        sockets={"id-otel": [Socket(host="0.0.0.0", port=8000)]},
    )
    [reason] = find_engine_reasons(engine, make_notes(otel), tmp_path)

    assert reason.service == "otel"
    assert reason.failure.cause == "GET /up answers 503, and the check wants 200 to 399"
    assert reason.check[-1] == "exit 1: HTTP/1.1 503 Service Unavailable"


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


def fail(how, at=108.0, service="router", **values):
    return NotedFailure(
        service=service, how=how, at=at, reason=f"{service} {how}", **values
    )


def test_one_that_got_ready_too_late_is_said_to_need_a_longer_boot(chain, tmp_path):
    late = replace(chain, failures=(fail(How.LATE, id="id-router"),))
    engine = FakeEngine([make_container("router"), waiting("back")])
    [reason] = find_engine_reasons(
        engine, late, tmp_path, service="router", among=["router"]
    )
    assert reason.status.state is State.FAILED
    assert reason.failure.reason == "router late"
    assert reason.failure.cause.startswith("router is up now: it took longer")
    assert reason.failure.help.endswith("health: {boot: 60s}")

    [reason] = find_engine_reasons(engine, late, tmp_path, service="back")
    assert reason.failure.reason == "back was not started"
    assert reason.failure.cause.startswith("router is up now: it took longer")


@pytest.mark.parametrize(
    "values", [{"restarts": 1}, {"started_at": 109.0}, {"id": "another"}]
)
def test_one_that_is_up_for_another_reason_took_no_longer(values, chain, tmp_path):
    late = replace(chain, failures=(fail(How.LATE, id="id-router"),))
    engine = FakeEngine(
        [make_container("router", **values), waiting("back"), make_container("cache")]
    )
    [reason] = find_engine_reasons(engine, late, tmp_path, service="back")
    assert "took longer" not in str(reason)
    assert reason.failure.help == "continue: composegen up"


def test_what_up_judged_stands_until_there_is_something_newer(chain, tmp_path):
    notes = replace(chain, failures=(fail(How.LATE, id="id-router"),))

    def ask(**values):
        router = make_container("router", **{"health": "starting", **values})
        reason = ask_router(FakeEngine([router]), notes, tmp_path)
        return reason.status.state, reason.failure.reason

    assert ask() == (State.FAILED, "router late")
    state, reason = ask(restarts=1, finished_at=109.0, started_at=109.5)
    assert state is State.FAILED
    assert reason.startswith("router exited 1 time")
    by_hand = ask(started_at=109.0)
    assert by_hand == (
        State.STARTING,
        "router was started 1s ago and is not ready yet",
    )


def test_without_a_container_what_compose_said_is_reported(tmp_path):
    notes = make_notes(
        make_noted("web"),
        complaint="pull access denied for x/y",
        failures=(fail(How.REFUSED, service="web"),),
    )
    reason, *others = find_engine_reasons(FakeEngine(), notes, tmp_path)
    assert others == []
    assert reason.status.state is State.FAILED
    assert "the image of `web` cannot be pulled" in reason.failure.cause


def test_one_that_was_not_begun_names_the_one_for_whose_sake(chain, tmp_path):
    notes = replace(
        chain,
        complaint="pull access denied for x/y",
        failures=(fail(How.REFUSED, service="back"),),
    )
    reasons = find_engine_reasons(FakeEngine(), notes, tmp_path)
    told = {each.status.service: each.failure for each in reasons}
    assert told["router"].cause.startswith(
        "`composegen up` ended before that, because of back: the image of `back` cannot"
    )
    assert told["router"].help == "correct `image`, or: docker login"


def test_one_that_compose_refused_is_not_blamed_on_what_it_needs(tmp_path):
    notes = make_notes(
        make_noted("beta"),
        make_noted("alpha", "beta"),
        complaint="service:alpha:1 Error: bind source path does not exist: /x/motd.txt",
        failures=(fail(How.REFUSED, service="alpha"),),
    )
    engine = FakeEngine([waiting("beta")])
    alpha, beta = find_engine_reasons(engine, notes, tmp_path)
    assert alpha.chain == ("alpha",)
    assert "/x/motd.txt, which `alpha` mounts" in alpha.failure.cause
    assert beta.failure.cause.startswith("`composegen up` ended before that, because")


OLD_ERROR = "Bind for 127.0.0.1:8888 failed: port is already allocated"


@pytest.mark.parametrize(
    "values",
    [
        {"status": Status.CREATED, "error": OLD_ERROR, "exit_code": 128},
        {"status": Status.EXITED, "exit_code": 1, "finished_at": 104.0},
        {"status": Status.EXITED, "was_out_of_memory": True, "finished_at": 104.0},
    ],
)
def test_what_an_earlier_up_left_is_no_evidence(values, tmp_path):
    notes = make_notes(
        make_noted("web", "db"),
        make_noted("db"),
        began=105.0,
        complaint="pull access denied for x/y",
        failures=(fail(How.REFUSED, service="db"),),
    )
    engine = FakeEngine([make_container("web", **values)], logs={"id-web": ["boom"]})
    [reason] = find_engine_reasons(engine, notes, tmp_path)
    assert reason.chain == ("web", "db")
    assert "the image of `db` cannot be pulled" in reason.failure.cause


def test_a_docker_compose_that_was_killed_blames_no_service(chain, tmp_path):
    notes = replace(
        chain, complaint="docker compose was killed by SIGKILL before it was done"
    )
    engine = FakeEngine(
        [make_container("router"), make_container("cache"), waiting("back")]
    )
    [reason] = find_engine_reasons(engine, notes, tmp_path, service="back")
    assert reason.failure.reason == "back was not started"
    assert reason.failure.cause == notes.complaint
    assert reason.failure.help == "continue: composegen up"


def ask_running(started_at, service="", failures=True, **values):
    """Why, of a service that runs although `up` complained of it at 108."""
    refused = (fail(How.REFUSED, service="web"),) if failures else ()
    notes = make_notes(
        make_noted("db"),
        make_noted("web"),
        complaint="bind source path does not exist: /x/motd.txt",
        **{"complained_at": 108.0, "failures": refused, **values},
    )
    found = [make_container("db"), make_container("web", started_at=started_at)]
    return find_engine_reasons(FakeEngine(found), notes, Path(), service=service)


@pytest.mark.parametrize("service", ["", "web"])
def test_what_could_not_be_renewed_is_reported_although_all_is_up(service):
    [reason] = ask_running(100.0, service)
    assert (reason.service, reason.status.state) == ("web", State.READY)
    assert reason.failure.reason == "web was not renewed: it runs as before"
    assert "/x/motd.txt, which `web` mounts, does not exist" in reason.failure.cause


def test_a_complaint_about_no_service_is_reported_before_all_is_well():
    [reason] = ask_running(100.0, failures=False)
    assert reason.service == ""
    assert "/x/motd.txt" in reason.failure.cause
    assert ask_running(100.0, "web", failures=False) == []


def test_a_complaint_is_over_once_something_was_started_or_is_another_s():
    assert ask_running(109.0) == []
    assert ask_running(100.0, "db") == []
    assert ask_running(100.0, complained_at=0.0) == []


def test_without_a_container_and_a_complaint_it_is_not_up(tmp_path):
    [reason] = find_engine_reasons(
        FakeEngine(), make_notes(make_noted("web")), tmp_path
    )
    assert reason.failure.reason == "web has no container"


def test_control_characters_of_a_container_reach_no_terminal(chain, tmp_path):
    engine = FakeEngine(
        [make_container("router", status=Status.EXITED, exit_code=1)],
        logs={"id-router": ["\x1b[31mred\x1b[0m\x07\x1b]0;title\x07"]},
    )
    [reason] = find_engine_reasons(engine, chain, tmp_path, service="router")
    assert reason.lines == ("red",)


def test_what_was_excluded_says_what_was_found_before_it_was_stopped(tmp_path):
    failure = Failure(
        service="cache", reason="cache was late", cause="c", help="h", lines=("x",)
    )
    out = NotedExclusion(
        service="cache", reason="r", at=100.0, failure=failure, check=("ask",)
    )
    notes = make_notes(make_noted("cache", is_required=False), excluded=(out,))
    stopped = make_container("cache", status=Status.EXITED, started_at=90.0)

    [reason] = find_engine_reasons(FakeEngine([stopped]), notes, tmp_path)

    assert str(reason) == (
        "cache: excluded: r\n"
        "  cache was late\n"
        "  cause: c\n"
        "  help: h\n"
        "        try it again: composegen up\n"
        "  its check: ask\n"
        "  its last lines:\n"
        "    x\n"
    )


def test_what_is_excluded_blocks_nothing(tmp_path):
    out = NotedExclusion(service="cache", reason="r", at=100.0)
    cache = make_noted("cache", is_required=False)
    notes = make_notes(make_noted("web", "cache?"), cache, excluded=(out,))
    web = make_container("web", status=Status.CREATED, health="none", started_at=None)

    found = find_engine_reasons(FakeEngine([web]), notes, tmp_path)

    assert [reason.chain for reason in found] == [("web",), ("cache",)]
