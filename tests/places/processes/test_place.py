"""What a folder's runs report when its stack file cannot help or has changed."""

import os
import signal
import subprocess
import sys

import pytest

from tests import runs
from tests.runs import (
    ask_status,
    end,
    make_service,
    run_cli,
    start_cli,
    start_up,
    wait_for,
)


@pytest.fixture
def ports():
    return runs.Ports()


@pytest.fixture
def stack(tmp_path, ports):
    """web needs app."""
    return write(tmp_path, ports)


def write(folder, ports, **programs):
    runs.write_stack(
        folder,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [app]")
        + make_service("app", ports["app"], command="app.py"),
        **{"app": runs.SERVER, **programs},
    )
    return folder


# Beside a stack file that changed


@pytest.mark.parametrize("change", ["services: [", None])
def test_a_run_speaks_for_itself_while_its_stack_file_is_wrong(stack, ports, change):
    process, _ = start_up(stack)
    if change is None:
        (stack / "stack.yaml").unlink()
    else:
        (stack / "stack.yaml").write_text(change)

    code, statuses = ask_status(stack)
    said = run_cli(stack, "status")[2]
    why = run_cli(stack, "why", "web")
    logs = run_cli(stack, "logs")
    unknown = run_cli(stack, "why", "wbe")
    end(process)

    assert code == 0
    assert {name: each["state"] for name, each in statuses.items()} == {
        "web": "ready",
        "app": "ready",
    }
    assert statuses["app"]["address"] == f"http://127.0.0.1:{ports['app']}"
    assert "stack.yaml has errors (run `composegen check`)" in said
    assert why[0] == 0
    assert logs[1] == "app | listening\nweb | listening\n"
    assert unknown[0] == 2
    assert "did you mean `web`?" in unknown[2]


def test_needs_are_followed_as_the_run_knows_them(tmp_path, ports):
    write(tmp_path, ports, app="import signal\nsignal.pause()")
    process = start_cli(tmp_path, "run")
    wait_for(lambda: ask_status(tmp_path)[1]["app"]["state"] == "starting")
    wait_for((tmp_path / "logs" / "app.log").exists)
    (tmp_path / "stack.yaml").write_text("services: [")

    code, out, _ = run_cli(tmp_path, "why", "web")
    end(process)

    assert code == 1
    assert out.startswith("web -> app: starting\n")


def test_without_any_run_a_wrong_stack_file_is_reported(tmp_path):
    (tmp_path / "stack.yaml").write_text("services: [")

    for command in ("status", "why", "logs"):
        code, out, said = run_cli(tmp_path, command)
        assert (code, out) == (1, "")
        assert "stack.yaml" in said
    assert not (tmp_path / ".composegen").exists()


def test_logs_say_which_lines_are_of_earlier_runs(stack):
    end(start_up(stack)[0])
    process, _ = start_up(stack)

    both, one = run_cli(stack, "logs"), run_cli(stack, "logs", "-n", "1")
    end(process)

    said = "note: lines of earlier runs come first: 1 of app, 1 of web\n"
    assert both == (0, 2 * "app | listening\n" + 2 * "web | listening\n", said)
    assert one == (0, "app | listening\nweb | listening\n", "")


def test_the_lines_before_a_restart_are_of_the_same_run(stack):
    process, _ = start_up(stack)
    assert run_cli(stack, "restart", "web")[0] == 0

    logs = run_cli(stack, "logs", "web")
    end(process)

    assert logs == (0, "listening\nlistening\n", "")


def test_all_lines_of_a_service_that_a_run_has_not_are_of_earlier_runs(stack):
    end(start_up(stack)[0])
    process, _ = start_up(stack, "app")

    logs = run_cli(stack, "logs")
    end(process)

    assert logs[2] == "note: lines of earlier runs come first: 1 of app, 1 of web\n"


def test_a_service_that_the_file_no_longer_has_is_still_shown(stack, ports):
    process, _ = start_up(stack)
    path = stack / "stack.yaml"
    path.write_text(path.read_text().replace("app:", "engine:").replace("[app]", "[]"))

    code, statuses = ask_status(stack)
    said = run_cli(stack, "status")[2]
    logs = run_cli(stack, "logs", "app")
    why = run_cli(stack, "why", "app")
    end(process)
    after = ask_status(stack)[1]

    assert code == 0
    assert list(statuses) == ["web", "engine", "app"]
    assert statuses["app"]["state"] == "ready"
    assert statuses["engine"]["state"] == "stopped"
    assert "note: app runs and the stack file no longer has it" in said
    assert logs[1] == "listening\n"
    assert why[0] == 0
    assert list(after) == ["web", "engine"]


def test_what_one_run_excluded_and_another_runs_is_shown_running(tmp_path, ports):
    cache = "needs:\n  cache: {env: {URL: '{url}'}, otherwise: {env: {STORE: memory}}}"
    text = "services:\n" + make_service("web", ports["web"], extra=cache)
    out = f"  cache:\n    image: redis\n    port: {ports['cache']}\n    {{}}\n"
    path = runs.write_stack(
        tmp_path,
        text
        + out.format("health: {command: [redis-cli, ping]}")
        + "    local: {command: [no-such-program-here]}\n",
    )
    first, _ = start_up(tmp_path)
    path.write_text(text + make_service("cache", ports["cache"]))
    second, _ = start_up(tmp_path, "cache")

    statuses = ask_status(tmp_path)[1]
    table = run_cli(tmp_path, "status")[1]
    end(second)
    end(first)

    assert statuses["cache"]["state"] == "ready"
    assert "excluded" not in table


def test_a_run_that_does_not_answer_is_reported_from_its_notes(stack, ports):
    process, _ = start_up(stack)
    process.send_signal(signal.SIGSTOP)
    try:
        code, statuses = ask_status(stack)
        said = run_cli(stack, "why", "app")
    finally:
        process.send_signal(signal.SIGCONT)
        end(process)

    assert code == 1
    assert statuses["app"]["state"] == "starting"
    assert statuses["app"]["pid"] != process.pid
    assert f"the run of pid {process.pid} does not answer" in said[2]


# How the last run ended


def test_why_says_what_kept_the_last_run_from_beginning(tmp_path, ports):
    write(tmp_path, ports)
    path = tmp_path / "stack.yaml"
    path.write_text(
        path.read_text().replace(f"['{sys.executable}', -S, app.py]", "[./app.sh]")
    )
    (tmp_path / "app.sh").write_text("#!/bin/sh\n")
    assert run_cli(tmp_path, "run")[0] == 1

    for name in ([], ["app"], ["web"]):
        code, out, said = run_cli(tmp_path, "why", *name)
        assert code == 1
        assert "nothing runs here" in said
        assert "could not start: `app` cannot run here: ./app.sh is not exec" in out
        assert "help: install it, or correct `local`" in out


def test_a_slip_of_the_keyboard_is_not_how_the_last_run_ended(tmp_path, ports):
    write(tmp_path, ports, app="raise SystemExit(4)")
    assert run_cli(tmp_path, "run")[0] == 1
    assert run_cli(tmp_path, "run", "ap")[0] == 2

    assert "app exited with 4 before it was ready" in run_cli(tmp_path, "why")[1]


def test_a_run_that_was_killed_is_reported_as_such(stack):
    process, _ = start_up(stack)
    process.kill()
    process.communicate()

    code, out, _ = run_cli(stack, "why")

    assert code == 1
    assert f"the last run (pid {process.pid}, since " in out
    assert "was killed" in out


def test_after_a_run_only_what_failed_has_a_reason(tmp_path, ports):
    write(tmp_path, ports)
    path = tmp_path / "stack.yaml"
    bad = make_service("bad", ports["bad"], command="bad.py")
    path.write_text(path.read_text() + bad)
    (tmp_path / "bad.py").write_text(
        "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
        "raise SystemExit(4)"
    )
    process = start_cli(tmp_path, "run")
    wait_for(lambda: ask_status(tmp_path)[1]["web"]["state"] == "ready")
    (tmp_path / "go").touch()
    process.communicate(timeout=runs.SECONDS)
    assert process.returncode == 1

    out = run_cli(tmp_path, "why")[1]

    assert out.startswith("bad: failed\n")
    assert "app is" not in out


@pytest.mark.parametrize("rubbish", ["[]", "{}", '{"statuses": 3}', '{"ended": []}'])
def test_what_another_version_noted_says_nothing(stack, rubbish):
    process, _ = start_up(stack)
    end(process)
    (stack / ".composegen" / "run" / "last.json").write_text(rubbish)

    assert ask_status(stack)[0] == 1
    assert run_cli(stack, "why")[0] == 1


# Between two starts

DIES_LATER = """
import os, threading, time
def die():
    while not os.path.exists("enough"): time.sleep(0.01)
    print("out of luck", flush=True)
    os._exit(3)
threading.Thread(target=die, daemon=True).start()
"""


def read_until(folder, words, *arguments):
    """The first answer of a command that has the words in it."""
    seen = []

    def has_come():
        seen.append(run_cli(folder, *arguments)[1])
        return words in seen[-1]

    wait_for(has_come)
    return seen[-1]


def test_why_of_one_that_waits_for_its_restart_says_its_last_exit(tmp_path, ports):
    write(tmp_path, ports, app=DIES_LATER + runs.SERVER)
    process, _ = start_up(tmp_path, first_pause=600)
    (tmp_path / "enough").touch()
    try:
        out = read_until(tmp_path, "restarted in", "why", "app")
    finally:
        end(process)

    assert out.startswith("app: failed\n")
    assert "app exited with 3" in out
    assert "out of luck" in out
    assert "its check" not in out


def test_why_of_one_that_boots_again_says_its_last_exit_and_its_check(tmp_path, ports):
    write(tmp_path, ports)
    process, _ = start_up(tmp_path)
    try:
        (tmp_path / "app.py").write_text("import signal\nsignal.pause()")
        os.kill(ask_status(tmp_path)[1]["app"]["pid"], signal.SIGKILL)
        out = read_until(tmp_path, "nothing listens", "why", "app")
    finally:
        end(process)

    assert "app was killed by SIGKILL after it had been ready" in out
    assert "it was restarted and is not ready yet: nothing listens" in out


def test_lines_of_an_earlier_run_say_nothing_of_one_that_boots(tmp_path, ports):
    write(tmp_path, ports, app="print('Traceback of yesterday')")
    assert run_cli(tmp_path, "run")[0] == 1
    (tmp_path / "app.py").write_text("import signal\nsignal.pause()")
    process = start_cli(tmp_path, "run")
    try:
        out = read_until(tmp_path, "its check got", "why", "app")
    finally:
        end(process)

    assert out.startswith("app: starting\n")
    assert "yesterday" not in out


def test_why_of_one_that_recovered_has_nothing_to_tell(tmp_path, ports):
    write(tmp_path, ports)
    process, _ = start_up(tmp_path)
    try:
        os.kill(ask_status(tmp_path)[1]["app"]["pid"], signal.SIGKILL)
        wait_for(lambda: ask_status(tmp_path)[1]["app"]["restarts"] == 1)
        wait_for(lambda: ask_status(tmp_path)[0] == 0)
        assert run_cli(tmp_path, "why")[0] == 0
    finally:
        end(process)


def test_without_restarts_why_says_how_it_died(tmp_path, ports):
    write(tmp_path, ports)
    process, _ = start_up(tmp_path, "--no-restart")
    try:
        os.kill(ask_status(tmp_path)[1]["app"]["pid"], signal.SIGKILL)
        wait_for(lambda: ask_status(tmp_path)[1]["app"]["state"] == "failed")
        out = run_cli(tmp_path, "why")[1]
    finally:
        end(process)

    assert "app: failed\n  app was killed by SIGKILL after it had been" in out
    assert "cause: it was killed, or this machine ran out of memory" in out


# Somebody of this folder who never gets healthy

MUTE = (
    "import os, socket, signal\n"
    "s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
    "open('mute', 'w').close()\n"
    "signal.pause()\n"
)


@pytest.fixture
def mute(tmp_path, ports):
    """A program of the folder that has app's port and answers nothing."""
    (tmp_path / "mute.py").write_text(MUTE)
    process = subprocess.Popen(
        [sys.executable, "-S", "mute.py"],
        cwd=tmp_path,
        env={**os.environ, "PORT": str(ports["app"])},
    )
    wait_for((tmp_path / "mute").exists)
    yield process
    process.kill()
    process.wait()


def write_app(folder, ports, boot="2s"):
    health = f"{{http: /, boot: {boot}, timeout: 300ms}}"
    text = "services:\n" + make_service("app", ports["app"], health=health)
    runs.write_stack(
        folder, text + make_service("web", ports["web"], extra="needs: [app]")
    )


def test_a_listener_of_this_folder_that_never_gets_healthy_says_its_answer(
    tmp_path, ports, mute
):
    write_app(tmp_path, ports)

    code, _, said = run_cli(tmp_path, "run")

    assert code == 1
    assert f"app | is already running and is not ready: pid {mute.pid}" in said
    assert "app is already running and was not ready after 2 s: GET http" in said
    assert "no answer within 0.3 s" in said
    assert f"cause: pid {mute.pid}, " in said
    assert "this run waited for its whole boot" in said
    assert mute.poll() is None


def test_why_says_what_a_listener_that_is_waited_for_answers(tmp_path, ports, mute):
    write_app(tmp_path, ports, boot="60s")
    process = start_cli(tmp_path, "run")
    try:
        out = read_until(tmp_path, "its check got", "why", "web")
    finally:
        end(process)

    assert out.startswith("web -> app: starting\n")
    assert "its check got: no answer within 0.3 s" in out


def test_one_that_is_named_is_not_waited_for(tmp_path, ports, mute):
    write_app(tmp_path, ports, boot="60s")

    code, _, said = run_cli(tmp_path, "run", "app")

    assert code == 1
    assert f"app is already running: pid {mute.pid}" in said
