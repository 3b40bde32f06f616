"""An optional service that fails is excluded, and others start with their fallback."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import urllib.request

import pytest

import composegen
from composegen.places.events import Excluded, Failed, Ready, Started
from composegen.places.processes.supervisor import StartFailed
from composegen.places.status import State
from composegen.planning import changes
from tests import runs
from tests.parts import require_part
from tests.places.processes.test_supervisor import until
from tests.runs import (
    ask_status,
    carry_out,
    end,
    find_events,
    make_service,
    run_cli,
    start_cli,
    start_up,
    wait_for,
)

CACHE = (
    """
import os, sys, time
print("begun", flush=True)
if os.path.exists("fail"): sys.exit(3)
while os.path.exists("hang"): time.sleep(0.02)
"""
    + runs.SERVER
)
"""A server that exits while there is a file `fail`, and is silent while `hang` is."""
NEEDS = """\
needs:
  cache:
    env: {CACHE_URL: "{url}"}
    otherwise: {env: {STORE: memory}, later: LATER}
"""


@pytest.fixture
def ports():
    return runs.Ports()


def write(folder, ports, *more, later="cope", boot="60s", extra=""):
    """web needs cache optionally, which has a ``boot`` and keys of its own."""
    return runs.write_stack(
        folder,
        "services:\n"
        + make_service("web", ports["web"], extra=NEEDS.replace("LATER", later))
        + make_service(
            "cache",
            ports["cache"],
            command="cache.py",
            health=f"{{http: /, boot: {boot}, interval: 50ms, retries: 1}}",
            extra=extra,
        )
        + "".join(more),
        cache=CACHE,
    )


def read_env(port):
    """The environment of a server."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def uses_cache(ports):
    """Whether the web that runs now has the address of the cache, or its fallback."""
    env = read_env(ports["web"])
    assert ("CACHE_URL" in env) != (env.get("STORE") == "memory")
    return "CACHE_URL" in env


def play(path, act, **options):
    """Bring a stack up, act, and take it down; its events."""

    async def go():
        async with carry_out(path, **options) as (supervisor, events):
            await supervisor.bring_up()
            await act(supervisor)
        return events

    return asyncio.run(go())


async def nothing(_):
    """Only up and down."""


# At the start


@pytest.mark.parametrize(
    ("file", "reason"),
    [("fail", "exited with 3 before it was ready"), ("hang", "not healthy within 1s")],
)
def test_what_starts_without_an_optional_service_gets_the_fallback(
    tmp_path, ports, file, reason
):
    path = write(tmp_path, ports, boot="1s")
    (tmp_path / file).touch()

    async def look(supervisor):
        assert not await asyncio.to_thread(uses_cache, ports)
        assert supervisor.services["cache"].pid is None
        [note] = supervisor.list_exclusions()
        assert (note.reason, note.fallback) == (reason, True)

    events = play(path, look)

    [excluded] = find_events(events, Excluded)
    assert excluded.reason == reason
    assert excluded.instead == ("web: STORE=memory",)
    kinds = [type(each) for each in events if each.service in {"web", "cache"}]
    assert kinds.index(Excluded) == kinds.index(Failed) + 1
    started = [e.service for e in find_events(events, Started)]
    assert started == ["cache", "web"]


def test_what_it_requires_and_what_requires_it_are_excluded_with_it(tmp_path, ports):
    path = write(
        tmp_path,
        ports,
        make_service("disk", ports["disk"]),
        make_service("warmer", ports["warmer"], extra="needs: [cache]"),
        make_service(
            "top",
            ports["top"],
            extra="needs: {warmer: {otherwise: {}}, web: WEB_URL}",
        ),
        extra="needs: [disk]",
    )
    (tmp_path / "fail").touch()

    async def look(supervisor):
        await until(lambda: supervisor.services["disk"].pid is None)

    events = play(path, look)

    excluded = {each.service: each.reason for each in find_events(events, Excluded)}
    assert excluded == {
        "cache": "exited with 3 before it was ready",
        "warmer": "it requires cache",
        "disk": "only cache needed it",
    }
    assert {e.service for e in find_events(events, Ready)} == {"disk", "web", "top"}
    assert [each.service for each in find_events(events, Failed)] == ["cache"]


def test_one_that_another_service_requires_ends_the_run(tmp_path, ports):
    other = make_service("other", ports["other"], extra="needs: [cache]")
    path = write(tmp_path, ports, other)
    (tmp_path / "fail").touch()

    with pytest.raises(StartFailed):
        play(path, nothing)


def test_one_that_was_asked_for_is_required(tmp_path, ports):
    write(tmp_path, ports)
    (tmp_path / "fail").touch()

    code, _, said = run_cli(tmp_path, "run", "--with", "cache")

    assert code == 1
    assert "excluded" not in said


def test_an_interrupt_excludes_nothing(tmp_path, ports):
    write(tmp_path, ports)
    (tmp_path / "hang").touch()
    log = tmp_path / "logs" / "cache.log"
    process = start_cli(tmp_path, "run")
    wait_for(lambda: log.exists() and "begun" in log.read_text())

    code = end(process)

    assert code == 130
    last = json.loads((tmp_path / ".composegen/run/last.json").read_text())
    assert last["left_out"] == []
    assert not (tmp_path / "logs" / "web.log").exists()


def test_what_fails_while_the_run_ends_is_not_excluded(tmp_path, ports):
    path = write(tmp_path, ports)

    async def act(supervisor):
        cache = supervisor.services["cache"]
        supervisor.expect_end()
        os.kill(cache.pid, signal.SIGKILL)
        await until(lambda: cache.state is State.FAILED)
        assert supervisor.list_exclusions() == ()

    events = play(path, act, restart=False)

    assert find_events(events, Excluded) == []


# What other commands and services see


def test_status_why_and_json_report_the_exclusion_and_it_is_tried_again(
    tmp_path, ports
):
    write(tmp_path, ports)
    (tmp_path / "fail").touch()
    process, log = start_up(tmp_path)
    try:
        up = log.read_text()
        table = run_cli(tmp_path, "status")
        cache = ask_status(tmp_path)[1]["cache"]
        why = run_cli(tmp_path, "why")
        failed = run_cli(tmp_path, "start", "cache")
        still = uses_cache(ports)
        (tmp_path / "fail").unlink()
        started = run_cli(tmp_path, "start", "cache")
        after = uses_cache(ports)
        fine = run_cli(tmp_path, "why")
    finally:
        end(process)

    assert "again: composegen start cache" in up
    assert table[0] == 0
    assert "cache: excluded: exited with 3 before it was ready\n" in table[1]
    assert "\n  web: STORE=memory\n" in table[1]
    assert (cache["state"], cache["fallback"]) == ("left-out", True)
    assert cache["reason"] == "exited with 3 before it was ready"
    assert why[0] == 1
    assert "cache: excluded: exited with 3" in why[1]
    assert (failed[0], still) == (1, False)
    assert (started[0], after) == (0, True)
    assert "web   | ready" in started[2]
    assert fine[0] == 0


def test_why_still_says_it_when_the_run_has_ended(tmp_path, ports):
    write(tmp_path, ports)
    (tmp_path / "fail").touch()
    process, _ = start_up(tmp_path)
    end(process)

    code, said, _ = run_cli(tmp_path, "why", "cache")

    assert code == 1
    assert "cache exited with 3" in said


def test_a_guest_sees_the_exclusion(tmp_path, ports):
    write(tmp_path, ports)
    (tmp_path / "hang").touch()
    log = tmp_path / "logs" / "cache.log"
    process = start_cli(tmp_path, "run")
    try:
        wait_for(lambda: log.exists() and "begun" in log.read_text())
        seen = tmp_path / "seen"
        with seen.open("w") as talk:
            guest = start_cli(tmp_path, "run", stderr=talk)
        wait_for(lambda: "attached" in seen.read_text())
        pid = ask_status(tmp_path)[1]["cache"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "cache | excluded: killed by SIGKILL" in seen.read_text())
        end(guest)
    finally:
        end(process)


# Later


@contextlib.contextmanager
def kill_cache(supervisor, folder, file="fail"):
    """The cache dies, and does not come back inside the block."""
    (folder / file).touch()
    os.kill(supervisor.services["cache"].pid, signal.SIGKILL)
    yield
    (folder / file).unlink()


def test_a_dependent_with_restart_gets_its_fallback_and_back(
    tmp_path, ports, monkeypatch
):
    monkeypatch.setattr(changes, "BACK_AFTER", 0.2)
    path = write(tmp_path, ports, later="restart", boot="1s")

    async def act(supervisor):
        web = supervisor.services["web"]
        assert await asyncio.to_thread(uses_cache, ports)
        with kill_cache(supervisor, tmp_path, "hang"):
            await until(lambda: web.without == {"cache"} and web.is_well)
            assert not await asyncio.to_thread(uses_cache, ports)
            [cache] = [s for s in supervisor.list_statuses() if s.service == "cache"]
            assert (cache.reason, cache.fallback) == (None, True)
        await until(lambda: not web.without and web.is_well)
        assert await asyncio.to_thread(uses_cache, ports)

    events = play(path, act)

    said = [
        each.text
        for each in events
        if getattr(each, "service", "") == "web"
        and hasattr(each, "text")
        and "restarts" in each.text
    ]
    assert said == [
        "restarts without cache, which has not been healthy for 1s",
        "restarts with cache, which has been healthy for 30 s",
    ]
    assert find_events(events, Excluded) == []


def test_a_dependent_that_copes_goes_on_and_status_says_what_it_uses(tmp_path, ports):
    path = write(tmp_path, ports, boot="1s")

    async def act(supervisor):
        web = supervisor.services["web"]
        pid = web.pid
        with kill_cache(supervisor, tmp_path):
            await until(lambda: supervisor.list_stale() == [("web", "cache")])
            assert web.pid == pid
            # What starts now gets the fallback: the environment is chosen then.
            os.kill(pid, signal.SIGKILL)
            await until(lambda: web.pid not in {pid, None} and web.is_well)
            assert not await asyncio.to_thread(uses_cache, ports)
            assert supervisor.list_stale() == []

    play(path, act)


def test_status_names_who_still_uses_what_is_gone(tmp_path, ports):
    write(tmp_path, ports, boot="1s")
    process, _ = start_up(tmp_path)
    try:
        (tmp_path / "hang").touch()
        os.kill(ask_status(tmp_path)[1]["cache"]["pid"], signal.SIGKILL)
        stale = "web still uses cache, which is gone: composegen restart web"
        wait_for(lambda: stale in run_cli(tmp_path, "status")[2])
        why = run_cli(tmp_path, "why", "web")
        restarted = run_cli(tmp_path, "restart", "web")
        after = run_cli(tmp_path, "status")[2]
        assert not uses_cache(ports)
    finally:
        end(process)

    assert stale in why[2]
    assert restarted[0] == 0
    assert "web runs without cache, with its fallback" in after


def test_one_that_is_tried_again_in_vain_takes_along_what_requires_it(tmp_path, ports):
    top = make_service("top", ports["top"], extra="needs: {warmer: {otherwise: {}}}")
    warmer = make_service("warmer", ports["warmer"], extra="needs: [cache]")
    write(tmp_path, ports, warmer, top)
    (tmp_path / "fail").touch()
    process, _ = start_up(tmp_path)
    try:
        code, _, said = run_cli(tmp_path, "start", "warmer")
        states = ask_status(tmp_path)[1]
    finally:
        end(process)

    assert code == 1
    assert "warmer | excluded: it requires cache" in said
    assert {states[name]["state"] for name in ("cache", "warmer")} == {"left-out"}


def test_one_that_exits_for_good_is_excluded_then(tmp_path, ports):
    path = write(tmp_path, ports)

    async def act(supervisor):
        os.kill(supervisor.services["cache"].pid, signal.SIGKILL)
        await until(lambda: supervisor.services["cache"].exclusion is not None)
        [note] = supervisor.list_exclusions()
        assert note.instead == ("web: keeps running as it is",)
        assert supervisor.list_stale() == [("web", "cache")]

    events = play(path, act, restart=False)

    [excluded] = find_events(events, Excluded)
    assert excluded.reason == "killed by SIGKILL after it had been ready"


def test_a_run_in_which_a_dependent_is_being_restarted_goes_on(
    tmp_path, ports, monkeypatch
):
    monkeypatch.setattr(changes, "BACK_AFTER", 0.2)
    path = write(tmp_path, ports, later="restart", boot="1s")

    async def act(supervisor):
        ending = asyncio.ensure_future(supervisor.wait_for_end())
        os.kill(supervisor.services["cache"].pid, signal.SIGKILL)
        web = supervisor.services["web"]
        await until(lambda: web.without == {"cache"} and web.is_well)
        assert not ending.done()
        ending.cancel()

    play(path, act, restart=False)


# Programs that own what they need, and a real store


def test_a_program_gets_the_fallback_of_what_has_failed(tmp_path, ports):
    path = write(tmp_path, ports)
    (tmp_path / "fail").touch()

    async def own():
        async with composegen.own_dependencies(path, "web") as needed:
            return needed

    needed = asyncio.run(own())

    assert needed.environment == {"STORE": "memory"}
    assert needed.unset == ("CACHE_URL",)


def test_a_real_store_that_cannot_start_and_then_can(tmp_path, ports):
    require_part(shutil.which("redis-server") is not None, "redis-server")
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra=NEEDS.replace("LATER", "cope"))
        + f"""\
  cache:
    use: redis
    port: {ports["cache"]}
    health: {{tcp: true, boot: 20s}}
    local:
      command: [redis-server, own.conf, --port, "{{port}}", --save, ""]
""",
    )
    (tmp_path / "own.conf").write_text("no-such-setting yes\n")
    process, log = start_up(tmp_path)
    try:
        assert not uses_cache(ports)
        assert "Bad directive" in log.read_text()
        (tmp_path / "own.conf").write_text("appendonly no\n")
        assert run_cli(tmp_path, "start", "cache")[0] == 0
        assert uses_cache(ports)
    finally:
        end(process)
