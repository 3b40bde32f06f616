"""A command as a service of a run was started: its variables, folder and port."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from composegen.errors import NothingRuns
from composegen.places.place import Request
from composegen.places.processes import entering
from composegen.places.processes.status import look_at_runs
from tests import runs
from tests.leaks import find_running_in
from tests.runs import end, run_cli, start_up, wait_for
from tests.terminals import Terminal

COMPOSEGEN = [sys.executable, "-m", "composegen"]
ENV = {"PYTHONPATH": str(runs.ROOT)}
SECRET = "a-word-that-nobody-else-says"


@pytest.fixture(scope="module")
def ports():
    return runs.Ports()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, ports):
    """A run of a service in a folder below, and of a job that has finished."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "sub").mkdir()
    runs.write_stack(
        folder,
        f"""
        secrets: {{key: {{env: KEY}}}}
        services:
          web:
            image: python:3.12-slim
            port: {ports["web"]}
            health: /
            environment: {{COLOUR: blue, SECRET_WORD: "${{WORD}}"}}
            secrets: {{key: KEY_FILE}}
            local: {{command: ['{sys.executable}', -S, ../server.py], dir: sub}}
          once:
            image: python:3.12-slim
            job: true
            needs: [web]
            local: {{command: ["true"]}}
        """,
    )
    (folder / "sub" / "data").write_text("")
    env = {"WORD": SECRET, "KEY": "k", "ONLY_IN_RUN": "yes", "TERM": "of-the-run"}
    process, _ = start_up(folder, env=env)
    yield folder
    end(process)


def execute(folder, *words, data="", **env):
    done = subprocess.run(
        [*COMPOSEGEN, "exec", *words],
        cwd=folder,
        input=data,
        capture_output=True,
        text=True,
        check=False,
        timeout=runs.SECONDS,
        env={**os.environ, **ENV, **env},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_it_has_the_variables_and_the_folder_of_the_service(stack, ports):
    show = 'echo "$COLOUR $ONLY_IN_RUN $PORT $SECRET_WORD"; cat $KEY_FILE; pwd'

    code, out, err = execute(stack, "web", "--", "sh", "-c", show, COLOUR="red")

    word = f"blue yes {ports['web']} {SECRET}"
    assert (code, err) == (0, "")
    assert out == f"{word}\nk{stack.resolve() / 'sub'}\n"


def test_a_value_of_the_environment_is_in_no_file_and_on_no_command_line(stack):
    code, out, _ = execute(stack, "web", "sh", "-c", 'echo; cat "/proc/$$/cmdline"')

    assert code == 0
    assert SECRET not in out
    held = [
        path
        for path in stack.rglob("*")
        if path.is_file() and SECRET in path.read_text(errors="replace")
    ]
    assert held == []


def test_it_is_no_part_of_the_run(stack):
    code, out, _ = execute(stack, "web", "env")
    assert code == 0
    assert "COMPOSEGEN" not in out.upper().replace("PYTHONPATH", "")


def test_a_mark_of_an_outer_run_stays_that_of_this_command(stack):
    _, out, _ = execute(stack, "web", "env", COMPOSEGEN_RUN="outer")
    assert "COMPOSEGEN_RUN=outer" in out


def test_the_port_is_filled_in(stack, ports):
    _, out, _ = execute(stack, "web", "echo", "http://x:{port}/", "{other}")
    assert out == f"http://x:{ports['web']}/ {{other}}\n"


def test_words_after_the_service_are_the_commands_own(stack):
    assert execute(stack, "web", "echo", "-T", "--index", "--", "-f")[1] == (
        "-T --index -- -f\n"
    )


def test_what_comes_on_stdin_is_passed_on_whole(stack):
    data = "line\n" * 100_000
    assert execute(stack, "web", "cat", data=data) == (0, data, "")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["no-such-program"], 127, "`no-such-program` is not installed"),
        (["./nothing"], 127, "there is no ./nothing"),
        (["./data"], 126, "./data is not executable"),
        (["/"], 126, "/ is a folder"),
    ],
)
def test_it_ends_with_the_code_that_a_shell_would_have(stack, words, code, said):
    found, out, err = execute(stack, "web", *words)
    assert (found, out) == (code, "")
    assert said in err


def test_a_signal_ends_it_as_it_would_end_the_command(stack):
    process = subprocess.Popen(
        [*COMPOSEGEN, "exec", "web", "sh", "-c", "echo here; exec sleep 600"],
        cwd=stack,
        env={**os.environ, **ENV},
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"here\n"
    process.terminate()
    assert process.wait(runs.SECONDS) == -15
    process.stdout.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["wbe", "ls"], 2, "did you mean `web`?"),
        (["web"], 2, "composegen exec web -- COMMAND"),
        (["web", "--"], 2, "a command is missing"),
        (["web", "-T", "ls"], 2, "composegen exec -T web COMMAND"),
        (["--index", "0", "web", "ls"], 2, "--index"),
        (["once", "ls"], 1, "`once` does not run: it is finished"),
        (["--index", "2", "web", "ls"], 1, "there is no number 2"),
        (["--on", "engine", "web", "ls"], 1, "nothing runs here"),
    ],
)
def test_what_cannot_be_done_is_one_error(stack, words, code, said):
    found, out, err = execute(stack, *words)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("error") == 1


def test_where_nothing_runs_it_says_how_to_start(tmp_path, ports):
    runs.write_stack(tmp_path, "services:\n" + runs.make_service("web", ports["no"]))
    code, _, err = run_cli(tmp_path, "exec", "web", "ls")
    assert code == 1
    assert "nothing runs here" in err
    assert "composegen up, or composegen run" in err


# In a terminal


def test_it_has_the_terminal_of_this_shell(stack):
    show = "test -t 0 && test -t 1 && echo a terminal; echo $TERM"
    with Terminal(
        [*COMPOSEGEN, "exec", "web", "sh", "-c", show], stack, **ENV, TERM="of-mine"
    ) as terminal:
        assert terminal.wait() == 0
    assert terminal.shown == "a terminal\nof-mine\n"


def test_without_a_terminal_what_is_typed_still_arrives(stack):
    show = "test -t 0 || test -t 1 || test -t 2 || echo none; cat; echo over >&2"
    with Terminal(
        [*COMPOSEGEN, "exec", "-T", "web", "sh", "-c", show], stack, **ENV
    ) as terminal:
        terminal.wait_for("none")
        terminal.type("typed\n\x04")
        assert terminal.wait() == 0
    assert terminal.shown.endswith("typed\nover\n")


@pytest.mark.parametrize("flags", [[], ["-T"]])
def test_an_interrupt_is_the_commands_own(stack, flags):
    show = "trap 'echo caught; exit 3' INT; echo here; read line; sleep 600"
    with Terminal(
        [*COMPOSEGEN, "exec", *flags, "web", "sh", "-c", show], stack, **ENV
    ) as terminal:
        terminal.wait_for("here")
        terminal.type("\x03")
        assert terminal.wait() == 3
    assert "caught" in terminal.shown
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("flags", [[], ["-T"]])
def test_nothing_of_it_is_left_when_it_is_killed(stack, flags):
    before = set(find_running_in(stack))
    command = [*COMPOSEGEN, "exec", *flags, "web", "sh", "-c", "echo here; sleep 600"]
    with Terminal(command, stack, **ENV) as terminal:
        terminal.wait_for("here")
    if flags:
        wait_for(lambda: not [p for p in find_running_in(stack) if is_shell(p, before)])


def is_shell(pid, before):
    """Whether a process is the command that was started, not what it started."""
    if pid in before:
        return False
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sh\0")
    except OSError:
        return False


# What has no launch


def test_a_process_that_no_run_has_started_is_not_known(tmp_path, ports):
    port = ports["hand"]
    runs.write_stack(tmp_path, "services:\n" + runs.make_service("web", port))
    by_hand = runs.keep(
        subprocess.Popen(
            [sys.executable, "-S", "server.py"],
            cwd=tmp_path,
            env={**os.environ, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
        )
    )
    wait_for((tmp_path / f"listening-{port}").exists)
    process, _ = start_up(tmp_path)

    code, _, err = run_cli(tmp_path, "exec", "web", "env")

    end(process)
    by_hand.kill()
    by_hand.wait()
    assert code == 1
    assert f"(pid {by_hand.pid}): its environment is not known" in err


def test_a_run_that_does_not_know_the_question_is_named(tmp_path, monkeypatch, ports):
    runs.write_stack(tmp_path, "services:\n" + runs.make_service("web", ports["old"]))
    process, _ = start_up(tmp_path)
    seen = look_at_runs(None, tmp_path)
    monkeypatch.setattr(entering, "ask_run", lambda *_, **__: None)

    with pytest.raises(NothingRuns, match=f"the run of pid {process.pid}") as refused:
        entering.prepare_call(tmp_path, seen, Request(service="web", command=("env",)))

    end(process)
    assert "older version" in refused.value.help
