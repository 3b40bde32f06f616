"""Single services of a run are stopped, started and restarted from other terminals."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from composegen.places.processes.records import RunFolder
from composegen.places.processes.talking import act_on_run
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

GATED = (
    """
import os, sys, time
print("begun", flush=True)
while not os.path.exists("go"): time.sleep(0.01)
if os.path.exists("break"): sys.exit("it is broken")
"""
    + runs.SERVER
)
"""A server that begins to listen when the file `go` is there."""


@pytest.fixture
def ports():
    return runs.Ports()


@pytest.fixture
def stack(tmp_path, ports):
    """web needs db; db begins to listen when the file `go` is there."""
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [db]")
        + make_service("db", ports["db"], command="db.py"),
        db=GATED,
    )
    (tmp_path / "go").touch()
    return tmp_path


def find(folder, service):
    return ask_status(folder)[1][service]


def wait_for_state(folder, service, state):
    wait_for(lambda: find(folder, service)["state"] == state)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# Stop


def test_a_stopped_service_is_gone_and_the_others_go_on(stack):
    process, talk = start_up(stack)
    before = ask_status(stack)[1]

    code, out, said = run_cli(stack, "stop", "db")
    state, after = ask_status(stack)
    again = run_cli(stack, "stop", "db")
    why = run_cli(stack, "why", "db")
    end(process)

    assert (code, out) == (0, "")
    assert "db | is needed by web, which keeps running\n" in said
    assert "db | stopped\n" in said
    assert not is_alive(before["db"]["pid"])
    assert after["web"]["pid"] == before["web"]["pid"]
    assert (after["db"]["state"], after["db"]["by"]) == ("stopped", "user")
    assert after["web"]["by"] is None
    assert state == 1
    assert again[0] == 0
    assert "db is not running" in again[2]
    assert (
        "db was stopped with `composegen stop`\n  help: composegen start db" in why[1]
    )
    assert "composegen stop db\ndb  | stopped" in talk.read_text()


def test_a_service_that_waits_for_its_restart_is_not_restarted_once_it_is_stopped(
    stack,
):
    process, _ = start_up(stack, first_pause=600)
    os.kill(find(stack, "db")["pid"], signal.SIGKILL)
    wait_for_state(stack, "db", "failed")

    code, _, said = run_cli(stack, "stop", "db")
    status = find(stack, "db")
    why = run_cli(stack, "why")[1]
    started = run_cli(stack, "start", "db")
    again = find(stack, "db")
    end(process)

    assert (code, status["state"], status["by"]) == (0, "stopped", "user"), said
    assert "restarted in" not in why
    assert started[0] == 0
    assert (again["state"], again["restarts"], again["by"]) == ("ready", 0, None)


def test_a_service_is_stopped_while_it_starts_and_the_run_comes_up_with_it_later(stack):
    (stack / "go").unlink()
    talk = stack / "talk"
    with talk.open("w") as file:
        process = start_cli(stack, "run", stderr=file)
    wait_for(lambda: "begun" in run_cli(stack, "logs", "db")[1])

    stopped = run_cli(stack, "stop", "db")
    states = {name: each["state"] for name, each in ask_status(stack)[1].items()}
    (stack / "go").touch()
    started = run_cli(stack, "start", "db")
    wait_for(lambda: "Ctrl-C ends it" in talk.read_text())
    code, _ = ask_status(stack)
    end(process)

    assert (stopped[0], started[0], code) == (0, 0, 0)
    assert states == {"web": "waiting", "db": "stopped"}


def test_a_run_goes_on_for_services_that_were_stopped(stack):
    process, _ = start_up(stack)

    stopped = run_cli(stack, "stop", "web", "db")
    started = run_cli(stack, "start", "web")
    code, statuses = ask_status(stack)
    exit_code = end(process)

    # The dependent one goes first, and what it requires comes back first.
    assert stopped[2].index("web | stopped") < stopped[2].index("db  | stopped")
    assert started[2].index("db  | ready") < started[2].index("web | started")
    assert (stopped[0], started[0], code, exit_code) == (0, 0, 0, 130)
    assert {each["state"] for each in statuses.values()} == {"ready"}


def test_how_a_stopped_service_was_is_kept_when_the_run_ends(stack):
    process, _ = start_up(stack)
    run_cli(stack, "stop", "db")
    end(process)

    assert find(stack, "db")["by"] == "user"
    assert find(stack, "web")["by"] is None


# Gates look at the present


def test_a_dependent_that_restarts_meanwhile_waits_for_a_stopped_service(stack):
    process, talk = start_up(stack, first_pause=0)
    run_cli(stack, "stop", "db")
    os.kill(find(stack, "web")["pid"], signal.SIGKILL)

    wait_for(lambda: "waits for db before it restarts" in talk.read_text())
    why = run_cli(stack, "why", "web")
    run_cli(stack, "start", "db")
    wait_for_state(stack, "web", "ready")
    end(process)

    assert "it is restarted when db is back" in why[1]


# Start


def test_a_start_that_fails_says_why_and_the_run_goes_on(stack):
    process, _ = start_up(stack)
    run_cli(stack, "stop", "db")
    (stack / "break").touch()

    code, _, said = run_cli(stack, "start", "db")
    status = find(stack, "db")
    (stack / "break").unlink()
    again = run_cli(stack, "start", "db")
    end(process)

    assert code == 1
    assert said.count("db exited with 1 before it was ready") == 1
    assert "it is broken" in said
    assert (status["state"], status["by"]) == ("failed", None)
    assert again[0] == 0


def test_what_runs_is_not_started_again(stack):
    process, _ = start_up(stack)
    before = find(stack, "db")["pid"]

    code, _, said = run_cli(stack, "start", "db")
    after = find(stack, "db")["pid"]
    end(process)

    assert (code, after) == (0, before)
    assert "db is already running" in said


def test_a_job_runs_again_only_where_it_is_named(tmp_path, ports):
    job = f"""\
  seed:
    image: python:3.12-slim
    job: true
    local: {{command: ['{sys.executable}', -S, seed.py]}}
"""
    runs.write_stack(
        tmp_path,
        "services:\n" + make_service("web", ports["web"], extra="needs: [seed]") + job,
        seed="print('seeded', flush=True)",
    )
    process, _ = start_up(tmp_path)
    run_cli(tmp_path, "stop", "web")

    run_cli(tmp_path, "start", "web")
    after_web = run_cli(tmp_path, "logs", "seed")[1]
    code, _, said = run_cli(tmp_path, "start", "seed")
    stopped = run_cli(tmp_path, "stop", "seed")
    after_seed = run_cli(tmp_path, "logs", "seed")[1]
    end(process)

    assert after_web.count("seeded") == 1
    assert (code, after_seed.count("seeded")) == (0, 2), said
    assert "seed is not running" in stopped[2]


# Two terminals, and one that leaves


def test_a_start_ends_when_another_terminal_stops_the_service(stack):
    process, _ = start_up(stack)
    run_cli(stack, "stop", "db")
    (stack / "go").unlink()
    starting = start_cli(stack, "start", "db")
    wait_for_state(stack, "db", "starting")

    stopped = run_cli(stack, "stop", "db")
    _, said = starting.communicate(timeout=runs.SECONDS)
    status = find(stack, "db")
    end(process)

    assert (stopped[0], starting.returncode) == (0, 1)
    assert "db was stopped by the user meanwhile" in said
    assert (status["state"], status["by"]) == ("stopped", "user")


def test_many_terminals_at_once_leave_a_service_in_one_state(stack):
    process, _ = start_up(stack)
    acts = ["stop", "start", "restart"] * 3

    terminals = [start_cli(stack, act, "db") for act in acts]
    said = [each.communicate(timeout=runs.SECONDS) for each in terminals]
    final = run_cli(stack, "restart", "db")
    code, statuses = ask_status(stack)
    running = runs.find_running_in(stack)
    end(process)

    assert {each.returncode for each in terminals} <= {0, 1}, said
    assert "Traceback" not in str(said)
    assert (final[0], code) == (0, 0)
    serving = [pid for pid, command in running.items() if "db.py" in command]
    assert serving == [statuses["db"]["pid"]]
    assert runs.find_running_in(stack) == {}


def test_who_interrupts_a_start_leaves_it_to_the_run(stack):
    process, _ = start_up(stack)
    run_cli(stack, "stop", "db")
    (stack / "go").unlink()
    starting = start_cli(stack, "start", "db")
    wait_for_state(stack, "db", "starting")

    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=runs.SECONDS)
    (stack / "go").touch()
    wait_for_state(stack, "db", "ready")
    end(process)

    assert starting.returncode == 130
    assert "composegen status" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("act", ["start", "restart"])
def test_a_run_that_is_killed_meanwhile_is_reported(stack, act):
    process, _ = start_up(stack)
    (stack / "go").unlink()
    run_cli(stack, "stop", "db")
    acting = start_cli(stack, act, "db")
    wait_for_state(stack, "db", "starting")

    process.kill()
    process.wait()
    _, said = acting.communicate(timeout=runs.SECONDS)
    wait_for(lambda: runs.find_running_in(stack) == {})
    after = run_cli(stack, "stop", "db")

    assert acting.returncode == 1
    assert "has ended meanwhile" in said
    assert "Traceback" not in said
    assert (after[0], "nothing runs here" in after[2]) == (1, True)


def test_a_run_that_ends_lets_go_of_those_who_wait(stack):
    process, _ = start_up(stack)
    run_cli(stack, "stop", "db")
    (stack / "go").unlink()
    starting = start_cli(stack, "start", "db")
    wait_for_state(stack, "db", "starting")

    down = run_cli(stack, "down")
    _, said = starting.communicate(timeout=runs.SECONDS)

    process.communicate(timeout=runs.SECONDS)

    assert (down[0], process.returncode, starting.returncode) == (0, 0, 1), said
    assert runs.find_running_in(stack) == {}


# Restart


def test_a_restart_is_a_new_process_and_its_dependents_keep_theirs(stack):
    process, _ = start_up(stack)
    before = ask_status(stack)[1]

    code, _, said = run_cli(stack, "restart", "db")
    state, after = ask_status(stack)
    end(process)

    assert (code, state) == (0, 0), said
    assert after["db"]["pid"] != before["db"]["pid"]
    assert after["web"]["pid"] == before["web"]["pid"]
    assert "is needed by web, which keeps running" in said
    assert "has changed" not in said


@pytest.mark.parametrize("act", ["start", "restart"])
def test_a_start_says_where_the_stack_file_has_changed(stack, act):
    process, _ = start_up(stack)
    path = stack / "stack.yaml"
    path.write_text(path.read_text() + "    environment: {COLOUR: blue}\n")

    for_db = run_cli(stack, act, "db")
    path.write_text("services: [")
    broken = run_cli(stack, act, "db")
    end(process)

    assert for_db[0] == 0
    assert (
        f"has changed; {act} does not use the new one: composegen down, " in for_db[2]
    )
    assert (broken[0], "has changed" in broken[2]) == (0, False)


# What is not ours, and several runs


def start_by_hand(stack, ports, name):
    """A server of this folder that no run has started."""
    env = {**os.environ, "PORT": str(ports[name])}
    program = [sys.executable, "-S", "server.py"]
    process = runs.keep(subprocess.Popen(program, cwd=stack, env=env))

    def is_listening():
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", ports[name])) == 0

    wait_for(is_listening)
    return process


def test_a_process_that_is_only_used_is_never_stopped(stack, ports):
    by_hand = start_by_hand(stack, ports, "db")
    process, _ = start_up(stack)
    before = find(stack, "web")["pid"]

    stopped = run_cli(stack, "stop", "web", "db")
    restarted = run_cli(stack, "restart", "db")
    status = ask_status(stack)[1]
    is_there = by_hand.poll() is None
    end(process)
    by_hand.kill()
    by_hand.wait()

    assert (stopped[0], restarted[0], is_there) == (1, 1, True)
    assert f"`db` was not started by composegen, pid {by_hand.pid}" in stopped[2]
    assert status["web"]["pid"] == before  # nothing else was done either
    assert status["db"]["reused"] is True


def test_two_runs_let_go_of_a_shared_service_and_take_it_again(stack):
    owner, _ = start_up(stack, "db", first_pause=0)
    user, _ = start_up(stack, first_pause=0)

    stopped = run_cli(stack, "stop", "db")
    state, after_stop = ask_status(stack)
    started = run_cli(stack, "start", "db")
    state_again, after_start = ask_status(stack)
    restarted = run_cli(stack, "restart", "db")
    state_last, after_restart = ask_status(stack)
    end(user)
    left = find(stack, "db")
    end(owner)

    assert (stopped[0], started[0], restarted[0]) == (0, 0, 0), (stopped, started)
    assert (state, state_again, state_last) == (1, 0, 0)
    assert (after_stop["db"]["state"], after_stop["db"]["by"]) == ("stopped", "user")
    assert after_start["db"]["reused"] is False
    assert after_restart["db"]["pid"] != after_start["db"]["pid"]
    assert left["pid"] == after_restart["db"]["pid"]  # it is the first run's again


def test_the_command_of_a_run_is_ended_where_it_was_typed(stack):
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    process = start_cli(stack, "run", "web", "--", *command)
    wait_for_state(stack, "web", "ready")

    code, _, said = run_cli(stack, "stop", "web")
    end(process)

    assert code == 1
    assert "`web` is the command of this run" in said


# Names


@pytest.mark.parametrize("act", ["stop", "start", "restart"])
def test_what_cannot_be_meant_is_refused_before_anything_is_done(stack, act):
    none = run_cli(stack, act)
    nothing = run_cli(stack, act, "db")
    process, _ = start_up(stack, "db")
    before = find(stack, "db")["pid"]

    unknown = run_cli(stack, act, "db", "wbe")
    other = run_cli(stack, act, "db", "web")
    after = find(stack, "db")["pid"]
    end(process)

    assert (none[0], nothing[0], unknown[0], other[0]) == (2, 1, 2, 1)
    assert "composegen down" in none[2] or "composegen up" in none[2]
    assert "nothing runs here" in nothing[2]
    assert "did you mean `web`?" in unknown[2]
    assert "`web` is not part of what runs here" in other[2]
    assert before == after


def test_an_excluded_service_is_not_part_of_what_runs(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service(
            "web", ports["web"], extra="needs: {cache: {otherwise: {env: {A: b}}}}"
        )
        + make_service("cache", ports["cache"]),
    )
    process, _ = start_up(tmp_path, "--without", "cache")

    code, _, said = run_cli(tmp_path, "start", "cache")
    log = run_cli(tmp_path, "logs", "cache")
    why = run_cli(tmp_path, "why", "cache")
    of_all = run_cli(tmp_path, "why")
    end(process)

    assert (why[0], of_all[0]) == (1, 0)
    assert "cache: excluded: --without cache\n  instead: web: " in why[1]
    assert "A=b" in why[1]
    assert "composegen run --with cache" in why[1]
    assert "cache is excluded: --without cache" in log[2]
    assert code == 1
    assert "it is excluded: --without cache" in said
    assert "composegen run --with cache" in said


def test_the_name_of_a_choice_means_the_service_that_runs(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n  store: {one_of: [web, cache]}\n"
        + make_service("web", ports["web"])
        + make_service("cache", ports["cache"]),
    )
    process, _ = start_up(tmp_path, "--with", "cache")

    why, log = run_cli(tmp_path, "why", "store"), run_cli(tmp_path, "logs", "store")
    port = run_cli(tmp_path, "exec", "store", "--", "sh", "-c", "echo $PORT")
    stopped = run_cli(tmp_path, "stop", "store")
    why_stopped = run_cli(tmp_path, "why", "store")
    end(process)

    assert (why[0], log[0], stopped[0]) == (0, 0, 0)
    assert port == (0, f"{ports['cache']}\n", "")
    assert "cache: stopped" in why_stopped[1]


def test_a_message_about_no_service_is_answered_with_the_reason(stack):
    process, _ = start_up(stack)
    [run] = RunFolder(stack).list_runs()

    answer = act_on_run(run.socket, "stop", ["wbe"])
    garbage = act_on_run(run.socket, "stop", [])
    code, _ = ask_status(stack)
    end(process)

    assert answer == {"refused": "`wbe` is a program that the run did not start"}
    assert garbage == {"acted": []}
    assert code == 0
