"""``composegen run`` and its neighbours, as people and other programs use them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from composegen.system.guardian import is_running
from tests import leaks, runs
from tests.refusals import allow_handles, close, run_as_other, use_up_handles
from tests.runs import (
    ask_status,
    end,
    find_running_in,
    make_service,
    run_cli,
    start_cli,
    start_up,
    wait_for,
)

SECONDS = 60


@pytest.fixture
def ports():
    return runs.Ports()


@pytest.fixture
def stack(tmp_path, ports):
    """web needs app; app may do without a cache that is not installed."""
    needs = "needs:\n  app: APP_URL\n"
    cache = (
        "needs:\n  cache:\n    env: {CACHE_URL: '{url}'}\n"
        "    otherwise: {env: {STORE: memory}}"
    )
    runs.write_stack(
        tmp_path,
        "name: demo\nservices:\n"
        + make_service("web", ports["web"], extra=needs)
        + make_service("app", ports["app"], extra=cache)
        + f"  cache:\n    image: redis:8-alpine\n    port: {ports['cache']}\n"
        "    health: {command: [redis-cli, ping]}\n"
        "    local: {command: [no-such-program-here]}\n",
    )
    return tmp_path


def read_page(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        text = answer.read().decode()
    return dict(line.partition("=")[::2] for line in text.splitlines())


def test_a_run_prints_its_plan_wires_its_services_and_leaves_nothing(stack, ports):
    process, talk = start_up(stack)
    try:
        web, app = read_page(ports["web"]), read_page(ports["app"])
    finally:
        code = end(process)

    said = talk.read_text()
    assert code == 130
    assert "starts when app is healthy" in said
    assert "cannot run here: `no-such-program-here` is not installed" in said
    assert web["APP_URL"] == f"http://127.0.0.1:{ports['app']}"
    assert web["PORT"] == str(ports["web"])
    assert app["STORE"] == "memory"
    assert "CACHE_URL" not in app
    assert "critical path: app" in said
    assert runs.find_running_in(stack) == {}
    assert (stack / "logs" / "app.log").read_text() == "listening\n"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_each_signal_has_its_exit_code(stack, number, code):
    process, _ = start_up(stack)

    assert end(process, number) == code
    assert runs.find_running_in(stack) == {}


def test_down_from_another_terminal_ends_a_run_with_zero(stack):
    process, _ = start_up(stack)

    code, _, said = run_cli(stack, "down")

    assert code == 0
    assert f"pid {process.pid}" in said
    assert process.wait(SECONDS) == 0
    assert runs.find_running_in(stack) == {}
    process.communicate()


def test_after_down_nothing_is_said_of_the_run_that_it_ended(stack):
    process, _ = start_up(stack)
    assert run_cli(stack, "down")[0] == 0
    process.communicate()

    code, out, said = run_cli(stack, "status")

    assert code == 1
    assert "excluded" not in out
    assert said == "nothing runs here: composegen up or composegen run starts it\n"
    assert "error[nothing-runs]" in run_cli(stack, "why")[2]


def test_down_forgets_a_run_that_had_ended_by_itself(stack):
    process, _ = start_up(stack)
    end(process)
    assert "this is how the last run ended" in run_cli(stack, "status")[2]

    assert run_cli(stack, "down") == (0, "", "nothing runs here\n")

    assert "last run" not in run_cli(stack, "status")[2]


def test_a_second_interrupt_kills_at_once(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service(
            "app", ports["app"], command="app.py", extra="stop_grace_period: 10m"
        ),
        app="import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + runs.SERVER,
    )
    process, talk = start_up(tmp_path)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "stopping the stack" in talk.read_text())
    assert process.poll() is None

    assert end(process) == 130  # long before its grace is over
    assert "killing the services that are still running" in talk.read_text()
    assert runs.find_running_in(tmp_path) == {}


def test_a_killed_run_leaves_nothing_and_the_next_one_starts(stack, ports):
    process, _ = start_up(stack)
    process.kill()
    process.communicate()

    again, _ = start_up(stack)
    _, statuses = ask_status(stack)
    assert end(again) == 130

    assert statuses["app"]["state"] == "ready"
    assert statuses["app"]["reused"] is False
    assert runs.find_running_in(stack) == {}


def test_a_closed_stdout_ends_nothing(stack, ports):
    reader, writer = os.pipe()
    process, _ = start_up(stack, "-v", stdout=writer)
    os.close(writer)
    os.close(reader)
    read_page(ports["web"])
    with (stack / "logs" / "web.log").open("a") as log:
        log.write("one more line: error\n")
    wait_for(lambda: ask_status(stack)[0] == 0)

    assert process.poll() is None
    assert end(process) == 130


def test_down_names_a_run_that_does_not_end_and_what_to_do(stack):
    process, _ = start_up(stack)
    process.send_signal(signal.SIGSTOP)
    down = start_cli(stack, "down")
    said = down.stderr.readline()
    process.send_signal(signal.SIGCONT)

    assert f"the run of pid {process.pid} is frozen" in said
    assert f"kill -CONT {process.pid}" in said
    assert down.wait(SECONDS) == 0
    assert process.wait(SECONDS) == 0
    for each in (process, down):
        each.communicate()


DEAF = """
import runpy, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
runpy.run_path("server.py")
"""


def test_down_names_the_services_that_it_waits_for(tmp_path, ports):
    text = make_service(
        "app", ports["app"], command="deaf.py", extra="stop_grace_period: 10m"
    ) + make_service("web", ports["web"])
    runs.write_stack(tmp_path, f"services:\n{text}", deaf=DEAF)
    process, _ = start_up(tmp_path)
    pid = ask_status(tmp_path)[1]["app"]["pid"]
    down = start_cli(tmp_path, "down")
    said = down.stderr.readline()
    os.kill(pid, signal.SIGKILL)

    assert f"waits until app (pid {pid}) end, for up to their stop_grace_period" in said
    assert down.wait(SECONDS) == 0
    assert process.wait(SECONDS) == 0
    for each in (process, down):
        each.communicate()


# Its notes


@pytest.fixture
def pair(tmp_path, ports):
    """A run of two services that do not need each other, and its talk."""
    services = make_service("a", ports["a"]) + make_service("b", ports["b"])
    runs.write_stack(tmp_path, "services:\n" + services)
    process, talk = start_up(tmp_path)
    yield tmp_path, process, talk
    end(process)
    assert runs.find_running_in(tmp_path) == {}


def read_pids(talk):
    """The process of each service that was started last."""
    return dict(re.findall(r"(\w) \| started, pid (\d+)", talk.read_text()))


def is_ready_again(talk, service, *, times=1):
    """Whether it has been started again, and ready, so many times."""
    said = re.findall(r"(\w) \| (?:started|ready)", talk.read_text())
    return said.count(service) == 2 + 2 * times


def test_a_folder_of_notes_that_was_removed_is_made_again(pair):
    folder, process, talk = pair
    before = read_pids(talk)
    shutil.rmtree(folder / ".composegen")
    shutil.rmtree(folder / "logs")
    os.kill(int(before["a"]), signal.SIGKILL)
    wait_for(lambda: is_ready_again(talk, "a"))

    code, statuses = ask_status(folder)
    assert code == 0
    assert statuses["b"]["pid"] == int(before["b"])
    assert statuses["a"]["pid"] == int(read_pids(talk)["a"])
    assert (folder / "logs" / "a.log").exists()
    assert talk.read_text().count("was removed while this run was active") == 1
    assert run_cli(folder, "down")[0] == 0
    assert process.wait(SECONDS) == 0
    process.communicate()


def test_it_is_made_again_although_nothing_is_to_be_noted(pair):
    folder, _, _ = pair
    shutil.rmtree(folder / ".composegen")

    wait_for(lambda: ask_status(folder)[0] == 0)


def test_notes_that_cannot_be_written_end_nothing(pair):
    folder, process, talk = pair
    before = read_pids(talk)
    shutil.rmtree(folder / ".composegen")
    (folder / ".composegen").write_text("in the way")
    for times in (1, 2):
        os.kill(int(read_pids(talk)["a"]), signal.SIGKILL)
        wait_for(partial(is_ready_again, talk, "a", times=times))

    assert process.poll() is None
    assert read_pids(talk)["b"] == before["b"]
    assert is_running(int(before["b"]))
    assert talk.read_text().count("the stack keeps running") == 1
    assert end(process) == 130


# A reader who does not read


@pytest.fixture
def unread():
    """A pipe that is full, and that nothing reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(65536))
    os.set_blocking(writer, True)
    with os.fdopen(reader, "rb", 0), os.fdopen(writer, "wb", 0) as full:
        yield full


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_run_whose_output_nothing_reads_supervises_answers_and_ends(
    tmp_path, ports, unread, stream, number, code
):
    runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = start_cli(tmp_path, "run", "-v", **{**streams, stream: unread})
    wait_for(lambda: ask_status(tmp_path)[0] == 0)
    first = ask_status(tmp_path)[1]["app"]["pid"]
    os.kill(first, signal.SIGKILL)

    def is_back():
        code, statuses = ask_status(tmp_path)
        return code == 0 and statuses["app"]["restarts"] == 1

    wait_for(is_back)
    assert end(process, number) == code
    assert runs.find_running_in(tmp_path) == {}


def test_a_run_that_ends_by_itself_waits_for_its_reader(tmp_path):
    job = "  say:\n    image: python:3.12-slim\n    job: true\n    local: {command: "
    job += f"['{sys.executable}', -S, say.py]}}\n"
    program = "for i in range(20000): print('error', i)"
    runs.write_stack(tmp_path, "services:\n" + job, say=program)
    process = start_cli(tmp_path, "run", "-v")
    last = tmp_path / ".composegen" / "run" / "last.json"
    wait_for(lambda: last.exists() and "statuses" in last.read_text())

    out, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 0
    assert out.count("error") == 20000


def test_hang_ups_that_are_ignored_stay_so(stack):
    """As nohup does it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process, _ = start_up(stack)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    _, statuses = ask_status(stack)

    assert statuses["web"]["state"] == "ready"
    assert end(process, signal.SIGTERM) == 143


STUCK = """
import io, sys, time
from pathlib import Path
from composegen.terminal.console import Console
from composegen.terminal.stream import RunConsole
from composegen.stackfile.load import load_stack
from composegen.places.processes.plan import Asked
from composegen.workspace.workspace import Workspace
from composegen.places.processes.run import RunOptions, run_stack

class Stuck(io.StringIO):
    def write(self, text):
        if "stopping the stack" in text:
            Path("stuck").touch()
            time.sleep(1000)

stack = load_stack(Path("stack.yaml")).stack
shown = RunConsole(Console(Stuck(), Stuck()))
workspace, options = Workspace("stack.yaml"), RunOptions()
sys.exit(run_stack(stack, workspace, Asked(), options, report=shown.show))
"""


def test_the_third_interrupt_leaves_at_once_whatever_the_run_is_doing(tmp_path, ports):
    runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    env = {**os.environ, "PYTHONPATH": str(runs.ROOT)}
    process = leaks.keep(
        subprocess.Popen([sys.executable, "-c", STUCK], cwd=tmp_path, env=env)
    )
    wait_for(lambda: ask_status(tmp_path)[0] == 0)
    process.send_signal(signal.SIGINT)
    wait_for((tmp_path / "stuck").exists)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)

    assert process.wait(SECONDS) in {143, 129}
    wait_for(lambda: runs.find_running_in(tmp_path) == {})


# A command in a service's place


def test_a_command_stands_in_for_a_service_with_its_environment_and_code(stack, ports):
    code, out, _ = run_cli(
        stack, "run", "web", "--", "sh", "-c", 'echo "$APP_URL $PORT"; exit 7'
    )

    assert code == 7
    assert out == f"http://127.0.0.1:{ports['app']} {ports['web']}\n"
    assert runs.find_running_in(stack) == {}


def test_a_command_that_a_signal_ended_has_the_code_of_a_shell(stack):
    code, _, _ = run_cli(stack, "run", "web", "--", "sh", "-c", "kill -9 $$")

    assert code == 137


def test_a_command_is_never_started_when_what_it_needs_fails(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [bad]")
        + make_service("bad", ports["bad"], command="bad.py"),
        bad="print('why')\nraise SystemExit(4)",
    )

    code, out, said = run_cli(tmp_path, "run", "web", "--", "echo", "started")

    assert code == 1
    assert out == ""
    assert "bad exited with 4 before it was ready" in said
    assert "why" in said


def test_a_command_that_is_not_there_is_reported_before_anything_starts(stack):
    code, _, said = run_cli(stack, "run", "web", "--", "./no-such-command")

    assert code == 1
    assert (
        "the command after `--` for `web` cannot run: there is no ./no-such-command"
        in said
    )
    assert "after `--`" in said
    assert "started" not in said


@pytest.mark.parametrize(
    "arguments", [["--", "true"], ["web", "app", "--", "true"], ["web", "--"]]
)
def test_a_command_needs_exactly_one_service(stack, arguments):
    code, _, said = run_cli(stack, "run", *arguments)

    assert code == 2
    assert "composegen run SERVICE -- COMMAND" in said


# Reuse


def start_by_hand(folder, port):
    env = {**os.environ, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-S", "server.py"],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
    )
    wait_for((folder / f"listening-{port}").exists)
    return process


def test_a_router_started_by_hand_is_used_named_and_never_stopped(stack, ports):
    by_hand = start_by_hand(stack, ports["app"])
    try:
        process, talk = start_up(stack)
        _, statuses = ask_status(stack)
        end(process)

        assert f"is already running and is used: pid {by_hand.pid}" in talk.read_text()
        assert statuses["app"]["pid"] == by_hand.pid
        assert statuses["app"]["reused"] is True
        assert by_hand.poll() is None
        read_page(ports["app"])
    finally:
        by_hand.kill()
        by_hand.wait()


def test_one_that_is_named_and_runs_already_is_an_error(stack, ports):
    by_hand = start_by_hand(stack, ports["app"])
    try:
        code, _, said = run_cli(stack, "run", "app")
    finally:
        by_hand.kill()
        by_hand.wait()

    assert code == 1
    assert f"app is already running: pid {by_hand.pid}" in said


def test_another_checkouts_service_is_refused_and_reuse_is_the_fix(
    stack, ports, tmp_path_factory
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "server.py").write_text(runs.SERVER)
    stranger = start_by_hand(elsewhere, ports["app"])
    try:
        code, _, said = run_cli(stack, "run")
        process, _ = start_up(stack, "--reuse")
        assert end(process) == 130
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()

    assert code == 1
    assert f"pid {stranger.pid}" in said
    assert str(elsewhere) in said
    assert "--reuse" in said


def test_one_that_is_not_ready_yet_and_runs_here_is_waited_for(stack, ports):
    env = {**os.environ, "PORT": str(ports["app"])}
    (stack / "late.py").write_text(
        "import os, time\n"
        + runs.SERVER.replace(
            "while True:",
            "while not os.path.exists('go'):\n    time.sleep(0.01)\nwhile True:",
            1,
        )
    )
    late = subprocess.Popen(
        [sys.executable, "-S", "late.py"], cwd=stack, env=env, stdout=subprocess.DEVNULL
    )
    try:
        wait_for((stack / f"listening-{ports['app']}").exists)
        talk = stack / "talk"
        with talk.open("w") as written:
            process = runs.start_cli(stack, "run", stderr=written)
        wait_for(
            lambda: (
                f"is already running and is not ready: pid {late.pid}"
                in talk.read_text()
            )
        )
        (stack / "go").touch()
        wait_for(lambda: "Ctrl-C ends it" in talk.read_text())
        end(process)
    finally:
        late.kill()
        late.wait()

    assert f"is already running and is used: pid {late.pid}" in talk.read_text()


def test_two_runs_share_what_one_of_them_owns(stack, ports):
    first, _ = start_up(stack, "app")
    second, talk = start_up(stack, "web")
    _, statuses = ask_status(stack)

    assert "is already running and is used" in talk.read_text()
    assert statuses["app"]["state"] == statuses["web"]["state"] == "ready"
    assert end(second) == 130
    read_page(ports["app"])
    assert end(first) == 130


def test_a_second_run_is_a_guest_whose_interrupt_ends_nothing(stack, ports):
    host, _ = start_up(stack)
    with (stack / "guest").open("w") as talk:
        guest = start_cli(stack, "run", "-v", stdout=talk, stderr=talk)

    def shows_the_stack():
        with (stack / "logs" / "web.log").open("a") as log:
            log.write("one more line: error\n")
        return "one more line" in (stack / "guest").read_text()

    wait_for(shows_the_stack)
    assert "attached as a guest" in (stack / "guest").read_text()

    assert end(guest) == 130
    read_page(ports["web"])
    assert f"pid {host.pid}" in (stack / "guest").read_text()
    assert end(host) == 130


def test_of_two_that_begin_at_once_one_runs_it_all_and_the_other_is_a_guest(stack):
    talks = [stack / "one", stack / "two"]
    both = []
    for path in talks:
        with path.open("w") as talk:
            both.append(start_cli(stack, "run", stderr=talk))
    wait_for(lambda: any("Ctrl-C ends it" in t.read_text() for t in talks))
    wait_for(lambda: any("attached as a guest" in t.read_text() for t in talks))
    codes = [end(process) for process in both]

    host, guest = sorted(talks, key=lambda talk: "attached" in talk.read_text())
    assert "started, pid" in host.read_text()
    assert "is used" not in host.read_text()
    assert "attached as a guest" in guest.read_text()
    assert 130 in codes


def test_an_address_is_reported_only_for_what_is_up(tmp_path, ports):
    optional = "needs: {app: {env: {APP: '{url}'}, otherwise: {}}}"
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra=f"{optional}\npublish: true")
        + make_service("app", ports["app"], command="app.py", extra="publish: true"),
        app="raise SystemExit(3)",
    )
    process, talk = start_up(tmp_path)
    end(process)

    assert f"\n  web: http://127.0.0.1:{ports['web']}\n" in talk.read_text()
    assert "\n  app: " not in talk.read_text()


def test_a_run_of_jobs_alone_ends_by_itself(tmp_path):
    runs.write_stack(
        tmp_path,
        "services:\n  job:\n    image: python:3.12-slim\n    job: true\n"
        "    local: {command: ['true']}\n",
    )
    code, _, said = run_cli(tmp_path, "run")

    assert code == 0
    assert "Ctrl-C" not in said


# Asked from another terminal


def test_status_why_and_logs_speak_of_a_run_that_is_up(stack, ports):
    process, _ = start_up(stack)
    code, statuses = ask_status(stack)
    table = run_cli(stack, "status")[1]
    why = run_cli(stack, "why")
    logs = run_cli(stack, "logs")
    end(process)

    assert code == 0
    assert list(statuses) == ["app", "web", "cache"]
    assert statuses["web"]["state"] == "ready"
    assert statuses["web"]["health"] == "healthy"
    assert statuses["web"]["address"] == f"http://127.0.0.1:{ports['web']}"
    assert statuses["cache"]["state"] == "left-out"
    assert "cache: excluded: cannot run here" in table
    assert "app: STORE=memory" in table
    assert why[0] == 0
    assert logs[1:] == ("app   | listening\nweb   | listening\n", "")
    again = run_cli(stack, "logs")
    assert again[1:] == (
        logs[1],
        "note: nothing runs here: these are lines of earlier runs\n",
    )
    assert "this is how the last run ended" in run_cli(stack, "status")[2]


def test_status_says_when_nothing_runs(stack):
    code, out, said = run_cli(stack, "status", "--format", "json")

    assert code == 1
    assert "nothing runs here" in said
    assert "last run" not in said
    assert {each["state"] for each in json.loads(out)} == {"stopped"}
    assert not (stack / ".composegen").exists()
    assert run_cli(stack, "why")[0] == 1
    assert run_cli(stack, "down")[0] == 0


def test_logs_refuses_a_count_below_zero_and_a_name_that_is_none(stack):
    assert run_cli(stack, "logs", "-n", "-3")[0] == 2
    assert run_cli(stack, "logs") == (0, "", "no service has logged anything here\n")
    (stack / "logs").mkdir()
    (stack / "logs" / "web.log").write_text("one\ntwo\n")

    assert run_cli(stack, "logs", "-n", "1")[1] == "web   | two\n"
    code, _, said = run_cli(stack, "logs", "zz")
    assert code == 2
    assert "there are cache, app, web\n" in said


def test_why_follows_the_needs_to_the_one_that_blocks(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [app]")
        + make_service("app", ports["app"], command="app.py"),
        app="import signal\nprint('loading the model', flush=True)\nsignal.pause()",
    )
    process = start_cli(tmp_path, "run")
    wait_for((tmp_path / "logs" / "app.log").exists)
    wait_for(lambda: ask_status(tmp_path)[1]["app"]["state"] == "starting")
    wait_for(lambda: "loading" in (tmp_path / "logs" / "app.log").read_text())

    code, out, _ = run_cli(tmp_path, "why", "web")
    status_code, statuses = ask_status(tmp_path)
    end(process)

    assert code == 1
    assert out.startswith("web -> app: starting\n")
    assert f"nothing listens on 127.0.0.1:{ports['app']}" in out
    assert "loading the model" in out
    assert status_code == 1
    assert statuses["web"]["state"] == "waiting"


def test_why_says_how_the_last_run_failed(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [app]")
        + make_service("app", ports["app"], command="app.py"),
        app="import missing_thing",
    )
    assert run_cli(tmp_path, "run")[0] == 1

    code, out, said = run_cli(tmp_path, "why", "web")

    assert code == 1
    assert "nothing runs here" in said
    assert out.startswith("web -> app: failed\n")
    assert "the Python module `missing_thing` is not installed" in out


def test_after_a_run_what_it_excluded_is_still_no_failure(stack):
    process, _ = start_up(stack)
    end(process)

    code, out, said = run_cli(stack, "status", "--format", "json")

    states = {each["service"]: each["state"] for each in json.loads(out)}
    assert states == {"web": "stopped", "app": "stopped", "cache": "left-out"}
    assert code == 1
    assert "nothing runs here" in said


def test_a_run_in_a_very_deep_folder_can_be_asked_and_ended(tmp_path, ports):
    """The kernel takes no socket at a path as long as this."""
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    folder.mkdir(parents=True)
    runs.write_stack(folder, "services:\n" + make_service("app", ports["app"]))
    process, _ = start_up(folder)

    code, statuses = ask_status(folder)

    assert code == 0
    assert statuses["app"]["state"] == "ready"
    assert run_cli(folder, "down")[0] == 0
    assert process.wait(SECONDS) == 0
    process.communicate()


@pytest.mark.parametrize("has_guardian", [True, False])
def test_a_killed_run_in_a_very_deep_folder_leaves_no_folder_for_its_socket(
    tmp_path, ports, has_guardian
):
    """The guardian removes it; where that was killed too, the next command does."""
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    folder.mkdir(parents=True)
    runs.write_stack(folder, "services:\n" + make_service("app", ports["app"]))
    process, _ = start_up(folder, env={"TMPDIR": str(tmp_path)})
    [record] = (folder / ".composegen" / "run").glob("run-*.json")
    mark = record.stem.removeprefix("run-")
    socket = Path(json.loads(record.read_text())["socket"])
    assert socket.parent.is_dir()
    assert len(str(socket)) < 100
    if not has_guardian:
        process.send_signal(signal.SIGSTOP)  # so that it starts no other
        os.kill(leaks.wait_for_guardian(mark), signal.SIGKILL)
    process.kill()
    process.communicate()
    if not has_guardian:
        assert run_cli(folder, "down")[0] == 0

    wait_for(lambda: not socket.parent.exists())
    wait_for(lambda: runs.find_running_in(tmp_path) == {})


def test_jobs_alone_end_the_run_when_they_have_finished(tmp_path):
    runs.write_stack(
        tmp_path,
        "services:\n  once:\n    image: python:3.12-slim\n    job: true\n"
        f"    local: {{command: ['{sys.executable}', -S, once.py]}}\n",
        once="print('done')",
    )

    assert run_cli(tmp_path, "run")[0] == 0
    (tmp_path / "once.py").write_text("raise SystemExit(3)")
    code, _, said = run_cli(tmp_path, "run")
    assert code == 1
    assert "once exited with 3" in said


# What the system refuses


def write_sleepers(folder, count, *, boot="60s"):
    """A stack of services that need nothing, and its first service's port."""
    ports = runs.Ports()
    services = (
        f"  s{number}:\n    image: busybox:1\n    port: {ports[number]}\n"
        f"    health: {{command: 'true', boot: {boot}}}\n"
        "    local: {command: [sleep, '600']}\n"
        for number in range(count)
    )
    runs.write_stack(folder, "name: demo\nservices:\n" + "".join(services))
    return folder


@pytest.mark.parametrize("limit", [8, 12, 16])
def test_too_few_file_handles_are_reported_before_anything_starts(tmp_path, limit):
    write_sleepers(tmp_path, 1)
    code, _, err = run_cli(tmp_path, "run", preexec_fn=allow_handles(limit))

    assert code == 1
    assert f"too many open files: this process has reached its limit of {limit}" in err
    assert "ulimit -n 1024" in err
    assert "Traceback" not in err
    assert "started" not in err


@pytest.mark.parametrize("command", ["check", "plan", "status", "why"])
def test_a_look_takes_few_file_handles(tmp_path, command):
    write_sleepers(tmp_path, 1)
    few = run_cli(tmp_path, command, preexec_fn=allow_handles(8))

    assert few[0] == run_cli(tmp_path, command)[0]
    assert "Traceback" not in few[2]


def test_services_beyond_the_limit_fail_by_that_cause_and_nothing_is_left(tmp_path):
    write_sleepers(tmp_path, 40)
    code, _, err = run_cli(tmp_path, "run", preexec_fn=allow_handles(64))

    assert code == 1
    assert "s0  | started" in err
    assert "cannot be started\n  cause: too many open files: this process" in err
    assert err.count("ulimit -n 1024") == 1
    assert "Traceback" not in err
    assert find_running_in(tmp_path) == {}


def has_tried_again(log, starts):
    said = log.read_text()
    return "next try in" in said or said.count("s0 | ready") == starts


def test_a_run_that_has_used_up_its_file_handles_tries_again_answers_and_ends(tmp_path):
    # The last free handle may go into a start that then has none for its check.
    write_sleepers(tmp_path, 1, boot="10s")
    run, log = start_up(tmp_path)
    starts = 1
    while "next try in" not in log.read_text():
        # What was open for a moment when they were counted is free for one more start.
        use_up_handles(run.pid)
        _, services = ask_status(tmp_path)
        os.kill(services["s0"]["pid"], signal.SIGKILL)
        starts += 1
        wait_for(partial(has_tried_again, log, starts))

    code, services = ask_status(tmp_path)
    why = run_cli(tmp_path, "why")[1]

    assert (code, services["s0"]["state"]) == (1, "failed")
    assert "too many open files: this process has reached its limit" in why
    assert end(run) == 130
    assert "too many open files" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert find_running_in(tmp_path) == {}


def write_tool(folder):
    """A program in a folder, and a stack that needs it on the PATH."""
    (folder / "bin").mkdir(parents=True)
    tool = folder / "bin" / "some-tool"
    tool.write_text("#!/bin/sh\nexec sleep 600\n")
    tool.chmod(0o755)
    return folder / "bin"


def write_tool_stack(folder):
    runs.write_stack(
        folder,
        "name: demo\nservices:\n  app:\n    image: busybox:1\n"
        "    health: {none: it is a tool}\n    local: {command: [some-tool]}\n",
    )
    folder.chmod(0o777)


def test_a_closed_folder_of_the_path_is_passed_by(shared_folder):
    write_tool_stack(shared_folder)
    closed = close(shared_folder / "home")
    path = f"{closed}/bin:{write_tool(shared_folder / 'open')}:{os.environ['PATH']}"

    code, out, err = run_as_other(shared_folder, "doctor", path=path)

    assert "`app` can run as a process" in out
    assert (code, err.count("Traceback")) == (0, 0)


@pytest.mark.parametrize("command", ["doctor", "run"])
def test_a_program_in_a_closed_folder_names_the_user_who_may_not_enter(
    shared_folder, command
):
    write_tool_stack(shared_folder)
    bin = write_tool(shared_folder / "home")
    close(shared_folder / "home")
    path = f"{bin}:{os.environ['PATH']}"

    code, out, err = run_as_other(shared_folder, command, path=path)

    assert code == 1
    assert "`some-tool` is not installed, as far as can be seen: " in out + err
    assert f"may not enter the folder {shared_folder / 'home'} (d-" in out + err
    assert f"chmod o+x {shared_folder / 'home'}" in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["status", "why", "logs", "down"])
def test_a_run_of_another_user_is_not_reported_as_none(shared_folder, command):
    write_tool_stack(shared_folder)
    (shared_folder / ".composegen" / "run").mkdir(parents=True)
    close(shared_folder / ".composegen")

    code, out, err = run_as_other(shared_folder, command)

    assert code == 1
    assert f"may not enter the folder {shared_folder / '.composegen'} (d-" in err
    assert "nothing runs here" not in out + err
    assert "Traceback" not in err
