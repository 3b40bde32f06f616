"""Order, gates, failures and restarts of services that are processes."""

import asyncio
import os
import re
import signal
import socket
import stat
import sys
import textwrap
import time
from pathlib import Path

import pytest

from composegen.places.events import (
    BecameUnhealthy,
    Exited,
    Failed,
    Finished,
    Message,
    Ready,
    Started,
    Stopped,
)
from composegen.places.processes.causes import explain_silence
from composegen.places.processes.supervisor import StartFailed
from composegen.places.status import State
from composegen.system.logfiles import read_last_lines
from tests import runs
from tests.refusals import no_handles
from tests.runs import bring_up, carry_out, fail, find_events, make_service

PATIENCE = 60.0
QUICK = 30.0  # a bound for a busy machine, below the boot that it would wait for


@pytest.fixture
def ports():
    return runs.Ports()


async def until(is_so, limit=PATIENCE):
    end = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.005)


# Order


def test_a_dependent_starts_when_what_it_needs_is_ready_and_siblings_start_together(
    tmp_path, ports
):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: {a: A_URL, b: B_URL}")
        + make_service("a", ports["a"], command="a.py")
        + make_service("b", ports["b"]),
        # It gets ready only if the other one runs by then.
        a=f"""
        import os, time
        while not os.path.exists("listening-{ports["b"]}"): time.sleep(0.01)
        """
        + textwrap.indent(runs.SERVER, " " * 8),
    )

    events = bring_up(path)

    started = {e.service: e.at for e in find_events(events, Started)}
    ready = {e.service: e.at for e in find_events(events, Ready)}
    assert started["web"] >= max(ready["a"], ready["b"])
    assert started["b"] < ready["a"]
    assert started["web"] - max(ready["a"], ready["b"]) < QUICK
    stopped = [e.service for e in find_events(events, Stopped)]
    assert stopped[0] == "web"


def test_a_job_runs_to_its_end_before_its_dependent_starts(tmp_path, ports):
    job = f"""\
  migrate:
    image: python:3.12-slim
    job: true
    local: {{command: ['{sys.executable}', -S, job.py]}}
"""
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [migrate]")
        + job,
        job="print('moved', flush=True)",
    )

    events = bring_up(path)

    finished = find_events(events, Finished)[0]
    assert finished.at <= find_events(events, Started)[1].at
    assert "moved" in runs.find_lines(events, "migrate")


# Failures, each reported in milliseconds with what is known


def fail_with(tmp_path, ports, program, **options):
    path = runs.write_stack(
        tmp_path,
        "services:\n" + make_service("app", ports["app"], command="app.py", **options),
        app=program,
    )
    return fail(path)


def test_an_early_exit_is_reported_with_its_code_and_last_lines(tmp_path, ports):
    failure, seconds, events = fail_with(
        tmp_path, ports, "import sys\nfor i in range(30): print('line', i)\nsys.exit(3)"
    )

    assert failure.exit_code == 3
    assert failure.lines == tuple(f"line {i}" for i in range(10, 30))
    assert "exited with 3 before it was ready" in failure.reason
    assert seconds < QUICK
    assert find_events(events, Failed)[0].is_required


def test_an_early_exit_with_zero_is_a_failure_too(tmp_path, ports):
    failure, _, _ = fail_with(tmp_path, ports, "print('done')")

    assert failure.exit_code == 0
    assert "went to the background" in failure.cause


def test_a_missing_module_is_named(tmp_path, ports):
    failure, _, _ = fail_with(tmp_path, ports, "import no_such_thing_here")

    assert "`no_such_thing_here` is not installed for" in failure.cause
    assert "venv" in failure.help


def test_a_port_that_is_taken_names_its_holder(tmp_path, ports):
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        path = runs.write_stack(
            tmp_path,
            "services:\n" + make_service("app", port),
        )
        begin = time.monotonic()

        failure, _, events = fail(path)

        assert "taken" in failure.reason
        assert f"pid {os.getpid()}" in failure.cause
        assert time.monotonic() - begin < QUICK
        assert find_events(events, Started) == []


def test_a_port_taken_while_it_starts_names_its_holder(tmp_path, ports):
    """The service itself finds the port taken: the log says so, the kernel by whom."""
    program = f"""
        import os, socket, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-S", "-c",
            "import socket, signal;"
            "s = socket.create_server(('127.0.0.1', {ports["app"]}));"
            "print('bound', flush=True); signal.pause()"], stdout=subprocess.PIPE)
        child.stdout.readline()
        print("OSError: [Errno 98] Address already in use", flush=True)
        sys.exit(1)
    """
    failure, _, _ = fail_with(tmp_path, ports, program, health="{http: /}")

    assert f"port {ports['app']} is taken by pid" in failure.cause


def test_boot_running_out_says_what_the_probe_got_and_that_nothing_listens(
    tmp_path, ports
):
    failure, seconds, _ = fail_with(
        tmp_path, ports, "import signal\nsignal.pause()", boot="2s"
    )

    assert "was not ready after 2 s" in failure.reason
    assert "nothing listens on 127.0.0.1" in failure.reason
    assert "it is idle" in failure.cause
    assert 2 <= seconds < QUICK


def test_a_service_that_listens_elsewhere_should_read_port(tmp_path, ports):
    other = ports["other"]
    failure, _, _ = fail_with(
        tmp_path,
        ports,
        f"import socket, signal\ns = socket.create_server(('127.0.0.1', {other}))\n"
        "signal.pause()",
        boot="2s",
    )

    assert failure.cause == f"it listens on {other}, not on {ports['app']}"
    assert failure.help.startswith("let it read PORT, or under `app` in the stack file")
    assert re.search(r"\nlocal: \{port: \d+\}$", failure.help)


def test_ipv6_alone_is_reported(tmp_path, ports):
    failure, _, _ = fail_with(
        tmp_path,
        ports,
        "import os, socket, signal\n"
        "s = socket.create_server(('::1', int(os.environ['PORT'])), "
        "family=socket.AF_INET6)\nsignal.pause()",
        boot="2s",
    )

    assert failure.cause == "it listens only on [::1], not on 127.0.0.1"


def test_accepting_and_never_answering_is_not_ready(tmp_path, ports):
    for boot in (2, 5, 30):  # a busy machine is slow to start it
        failure, _, _ = fail_with(
            tmp_path,
            ports,
            "import os, socket, signal\n"
            "s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
            "signal.pause()",
            health=f"{{http: /, boot: {boot}s, timeout: 200ms}}",
        )
        if "nothing listens" not in failure.reason:
            break

    assert "no answer within 0.2 s" in failure.reason
    assert f"port {ports['app']} listens" in failure.cause


def test_a_bad_status_is_not_ready(tmp_path, ports):
    failure, _, _ = fail_with(
        tmp_path,
        ports,
        """
        import os, socket
        s = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
        while True:
            c, _ = s.accept()
            c.recv(4096)
            c.sendall(b"HTTP/1.1 503 Busy\\r\\nContent-Length: 0\\r\\n\\r\\n")
            c.close()
        """,
        boot="2s",
    )

    assert "answered 503 Busy" in failure.reason


def test_a_command_that_is_not_executable_is_reported_before_anything_starts(
    tmp_path, ports
):
    path = runs.write_stack(
        tmp_path,
        "services:\n  app:\n    image: python:3.12-slim\n    health: {none: test}\n"
        "    local: {command: [./app.sh]}\n",
    )
    (tmp_path / "app.sh").write_text("#!/bin/sh\n")
    from composegen.errors import CannotRun

    with pytest.raises(CannotRun, match=r"app\.sh is not executable") as caught:
        fail(path)
    assert "correct `local`" in caught.value.help


def test_a_program_with_a_wrong_first_line_is_reported(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n  app:\n    image: python:3.12-slim\n    health: {none: test}\n"
        "    local: {command: [./app.sh]}\n",
    )
    program = tmp_path / "app.sh"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    failure, _, _ = fail(path)

    assert "cannot be started" in failure.reason
    assert "first line" in failure.cause


@pytest.mark.parametrize("name", ["logs", "logs/app.log"])
def test_a_log_that_cannot_be_written_is_reported_and_not_the_program(
    tmp_path, ports, name
):
    path = runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    if name == "logs":
        (tmp_path / name).touch()
    else:
        (tmp_path / name).mkdir(parents=True)

    failure, _, _ = fail(path)

    assert f"{tmp_path}/logs" in failure.reason
    assert failure.cause == "its log cannot be written"
    assert failure.help == f"let {tmp_path}/logs be a folder that you may write to"


# A required failure takes the rest down, an optional one does not


def test_a_failing_requirement_ends_the_boot_and_leaves_nothing(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [a, bad]")
        + make_service("a", ports["a"])
        + make_service("bad", ports["bad"], command="bad.py"),
        bad="import time\ntime.sleep(0.3)\nraise SystemExit(4)",
    )

    failure, _, events = fail(path)

    assert failure.service == "bad"
    assert [e.service for e in find_events(events, Started)].count("web") == 0
    assert runs.find_running_in(tmp_path) == {}


def test_an_optional_failure_excludes_the_service_and_its_dependent_falls_back(
    tmp_path, ports
):
    extra = (
        "needs:\n  cache: {env: {CACHE_URL: '{url}'}, otherwise: {env: {STORE: m}}}\n"
    )
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra=extra)
        + make_service("cache", ports["cache"], command="bad.py"),
        bad="raise SystemExit(4)",
    )
    seen = {}

    async def look(supervisor, events):
        seen["state"] = {s.service: s.state for s in supervisor.list_statuses()}
        pid = supervisor.services["web"].pid
        seen["env"] = Path(f"/proc/{pid}/environ").read_text().split("\0")

    events = bring_up(path, look)

    failed = find_events(events, Failed)[0]
    assert not failed.is_required
    assert failed.dependents == ("web",)
    assert seen["state"] == {"web": State.READY, "cache": State.EXCLUDED}
    assert "STORE=m" in seen["env"]
    assert not [each for each in seen["env"] if each.startswith("CACHE_URL=")]


# Later


def test_what_dies_later_is_reported_and_started_again_after_half_a_second(
    tmp_path, ports
):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [app]")
        + make_service("app", ports["app"]),
    )

    async def kill(supervisor, events):
        web = supervisor.services["web"].pid
        os.kill(supervisor.services["app"].pid, 9)
        await until(lambda: len(find_events(events, Ready)) == 3)
        assert supervisor.services["web"].pid == web
        assert supervisor.services["app"].restarts == 1

    events = bring_up(path, kill)

    exited = find_events(events, Exited)[0]
    again = find_events(events, Started)[2]
    assert exited.exit_code == -9
    assert exited.restart_in == 0.5
    assert exited.dependents == ("web",)
    assert again.restarts == 1
    assert 0.5 <= again.at - exited.at < QUICK


def test_without_restarts_what_dies_stays_away(tmp_path, ports):
    path = runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))

    async def kill(supervisor, events):
        os.kill(supervisor.services["app"].pid, 9)
        await asyncio.wait_for(supervisor.wait_for_end(), PATIENCE)

    events = bring_up(path, kill, restart=False)

    assert find_events(events, Exited)[0].restart_in is None
    assert len(find_events(events, Started)) == 1


def test_one_that_stops_answering_is_reported_and_left_alone(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service(
            "app",
            ports["app"],
            command="app.py",
            health="{http: /, interval: 50ms, timeout: 100ms, retries: 2}",
        ),
        app="""
        import os, socket, signal
        s = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
        while not os.path.exists("enough"):
            c, _ = s.accept()
            c.recv(4096)
            c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
            c.close()
        signal.pause()
        """,
    )

    async def wait(supervisor, events):
        (tmp_path / "enough").touch()
        await until(lambda: supervisor.list_statuses()[0].health == "unhealthy")
        assert find_events(events, BecameUnhealthy)
        assert supervisor.services["app"].process.is_alive

    bring_up(path, wait)


def test_without_a_check_ready_is_alive_for_a_second(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n  app:\n    image: python:3.12-slim\n    health: {none: test}\n"
        f"    local: {{command: ['{sys.executable}', -S, app.py]}}\n",
        app="import signal\nsignal.pause()",
    )

    events = bring_up(path)

    assert 1.0 <= find_events(events, Ready)[0].after < QUICK


# Output


def test_long_lines_and_floods_do_not_hold_anything_up(tmp_path, ports):
    program = runs.SERVER.replace(
        'print("listening", flush=True)',
        'print("x" * 70000)\nfor i in range(50000): print("flood", i)\n'
        'print("after the flood", flush=True)',
    )
    path = runs.write_stack(
        tmp_path,
        "services:\n" + make_service("app", ports["app"], command="app.py"),
        app=program,
    )

    async def wait(supervisor, events):
        await until(lambda: "after the flood" in runs.find_lines(events, "app"))

    events = bring_up(path, wait)

    lines = runs.find_lines(events, "app")
    assert "x" * 70000 in lines
    assert lines[-1] == "after the flood"


FLOOD = """
import os, runpy
for number in range(40):
    os.write(1, b"%1048575d\\n" % number)
runpy.run_path("server.py")
"""


def test_a_log_stays_small_while_the_run_goes_on_and_after_a_restart(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        f"services:\n{make_service('app', ports['app'], command='flood.py')}",
        flood=FLOOD,
    )
    log = tmp_path / "logs" / "app.log"

    def measure():
        return sum(each.stat().st_blocks * 512 for each in log.parent.iterdir())

    async def check(supervisor, events):
        await until(lambda: measure() < 12 * 1024 * 1024)
        os.kill(supervisor.services["app"].pid, signal.SIGKILL)
        await until(lambda: len(find_events(events, Ready)) == 2)
        await until(lambda: measure() < 12 * 1024 * 1024)

    bring_up(path, check)

    numbers = [int(line) for line in read_last_lines(log, 9)[:-1]]
    assert numbers == list(range(40 - len(numbers), 40))


def test_an_answer_from_a_stranger_on_the_port_is_no_readiness(tmp_path, ports):
    """It passes the look at the port and then lets another process take it."""
    program = """
        import os, subprocess, sys, signal
        env = {k: v for k, v in os.environ.items() if not k.startswith("COMPOSEGEN")}
        subprocess.Popen([sys.executable, "-S", "server.py"], env=env,
                         start_new_session=True)
        signal.pause()
    """
    path = runs.write_stack(
        tmp_path,
        "services:\n" + make_service("app", ports["app"], command="app.py", boot="10m"),
        app=program,
    )
    answers = []

    async def wait_for_answers():
        async with carry_out(path) as (supervisor, events):
            bringing_up = asyncio.create_task(supervisor.bring_up())
            app = supervisor.services["app"]
            for _ in range(3):
                app.answered("")
                await until(lambda: "is answered by" in app.last_answer)
                answers.append(app.last_answer)
            assert app.state is State.STARTING
            assert find_events(events, Ready) == []
            bringing_up.cancel()
            await asyncio.gather(bringing_up, return_exceptions=True)

    try:
        asyncio.run(wait_for_answers())
    finally:
        strangers = list(runs.find_running_in(tmp_path))
        for pid in strangers:
            os.kill(pid, 9)
    assert len(strangers) == 1
    assert all(f"is answered by pid {strangers[0]}" in answer for answer in answers)


def test_up_and_down_many_times_leaves_nothing(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [app]")
        + make_service("app", ports["app"]),
    )

    async def cycle():
        async with carry_out(path) as (supervisor, _):
            await supervisor.bring_up()

    def count():
        import threading

        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    async def repeat():
        await cycle()
        before = count()
        for _ in range(5):
            await cycle()
        return before, count()

    before, after = asyncio.run(repeat())

    assert after == before
    assert runs.find_running_in(tmp_path) == {}


def test_one_that_ignores_the_stop_signal_is_killed_after_its_grace(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service(
            "app", ports["app"], command="app.py", extra="stop_grace_period: 200ms"
        ),
        app="import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + runs.SERVER,
    )

    async def go():
        async with carry_out(path) as (supervisor, events):
            await supervisor.bring_up()
            begin = time.monotonic()
            await supervisor.take_down()
            return time.monotonic() - begin, find_events(events, Stopped)

    seconds, stopped = asyncio.run(go())

    assert 0.2 <= seconds < QUICK
    assert stopped[0].left == ()
    assert runs.find_running_in(tmp_path) == {}


def test_stopped_means_that_the_whole_group_has_ended_in_its_own_time(tmp_path, ports):
    """The leader goes at once; its child still has something to write."""
    child = """
        import os, signal, sys, time
        def end(number, frame):
            time.sleep(0.4)
            open("written", "w").close()
            os._exit(0)
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, end)
            open("prepared", "w").close()
            while True: time.sleep(1)
        while not os.path.exists("prepared"): time.sleep(0.01)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    """
    path = runs.write_stack(
        tmp_path,
        "services:\n" + make_service("app", ports["app"], command="app.py"),
        app=textwrap.dedent(child) + runs.SERVER,
    )

    bring_up(path)

    assert (tmp_path / "written").exists()


def test_every_process_of_a_service_is_asked_once_to_stop(tmp_path, ports):
    """Many programs take a second signal for impatience."""
    program = """
        import os, signal, threading, time
        asked = []
        signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
        if os.fork() == 0:
            name = "child"
        else:
            name = "leader"
            if os.fork() == 0:
                os.setsid()
                name = "escaped"
        def end():
            while not asked: time.sleep(0.01)
            time.sleep(0.3)
            open(name, "w").write(str(len(asked)))
            os._exit(0)
        if name != "leader":
            open(f"{name}-prepared", "w").close()
            end()
        while not all(map(os.path.exists, ("child-prepared", "escaped-prepared"))):
            time.sleep(0.01)
        threading.Thread(target=end).start()
    """
    path = runs.write_stack(
        tmp_path,
        "services:\n" + make_service("app", ports["app"], command="app.py"),
        app=textwrap.dedent(program) + runs.SERVER,
    )

    bring_up(path)

    names = ("leader", "child", "escaped")
    assert [(tmp_path / name).read_text() for name in names] == ["1", "1", "1"]


def test_a_failure_in_a_gate_is_that_of_the_service_behind_it(tmp_path, ports):
    path = runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [mid]")
        + make_service("mid", ports["mid"], extra="needs: [bad]")
        + make_service("bad", ports["bad"], command="bad.py"),
        bad="raise SystemExit(9)",
    )

    with pytest.raises(StartFailed) as caught:
        bring_up(path)

    assert caught.value.failure.service == "bad"


# Without a file handle


def test_one_that_dies_while_no_file_can_be_opened_is_started_when_one_can(
    tmp_path, ports
):
    path = runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))

    async def check(supervisor, events):
        with no_handles() as give_back:
            os.kill(supervisor.services["app"].pid, signal.SIGKILL)
            await until(lambda: find_events(events, Message))
            give_back()
            await until(lambda: len(find_events(events, Ready)) == 2)

    events = bring_up(path, check)

    text = find_events(events, Message)[0].text
    assert "app cannot be started (too many open files: this process" in text
    assert "next try in" in text


def test_a_silence_that_cannot_be_looked_into_is_not_reported_as_idle(tmp_path, ports):
    path = runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))

    async def check(supervisor, events):
        with no_handles():
            failure = explain_silence(
                supervisor.services["app"].unit, seconds=1, last="no", pids=(), lines=()
            )
        assert failure.cause.startswith("too many open files: this process")
        assert "ulimit -n" in failure.help

    bring_up(path, check)


def test_another_process_on_the_port_of_a_silent_one_has_a_help(tmp_path, ports):
    port = ports["app"]
    path = runs.write_stack(tmp_path, "services:\n" + make_service("app", port))

    async def check(supervisor, events):
        unit = supervisor.services["app"].unit
        failure = explain_silence(unit, seconds=1, last="no", pids=(), lines=())
        assert failure.cause.startswith(f"port {port} is used by ")
        assert failure.help.startswith("end that process, or under `app`")
        assert "local: {port: " in failure.help

    bring_up(path, check)
