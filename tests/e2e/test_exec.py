"""`composegen exec` in real containers: what goes in, what comes out, which code."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.engine import ROOT
from tests.e2e.images import Images
from tests.e2e.stacks import COMMAND, PYTHON, Stack, make_dependent, make_service
from tests.terminals import Terminal

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]


@pytest.fixture(scope="module")
def stack(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up: two containers of `web`, and a job that has ended."""
    images.have(PYTHON)
    with Stack(tmp_path_factory.mktemp("stack")) as made:
        web = make_service(replicas=2, environment={"COLOUR": "blue"})
        job = {"image": PYTHON, "job": True, "command": ["true"]}
        made.write({"web": web, "job": job, "last": make_dependent("job", "web")})
        made.up_well()
        yield made


def execute(stack: Stack, *words: str, data: str = "") -> tuple[int, str, str]:
    """Run ``exec`` with something on its stdin."""
    done = subprocess.run(
        [*COMMAND, "exec", *words],
        cwd=stack.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=data,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_command_has_the_containers_surroundings_and_our_stdin(stack: Stack) -> None:
    show = "echo $COLOUR {port}; test -t 0 || test -t 1 || echo no terminal; wc -c"

    assert execute(stack, "web", "--", "sh", "-c", show, data="x" * 300_000) == (
        *(0, "blue 8000\nno terminal\n300000\n", ""),
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["web", "sh", "-c", "exit 7"], 7, ""),
        (["web", "sh", "-c", "kill -9 $$"], 137, ""),
        (["web", "nope"], 127, "there is no `nope`"),
        (["web", "/usr/bin/nope"], 127, "there is no `/usr/bin/nope`"),
        (["web", "/etc/passwd"], 126, "is not executable"),
        (["wbe", "ls"], 2, "did you mean `web`?"),
        (["job", "ls"], 1, "`job` does not run: it has exited with 0"),
        (["--index", "5", "web", "ls"], 1, "--index is one of 1, 2"),
        (["--on", "processes", "web", "ls"], 1, "nothing runs here"),
    ],
)
def test_it_ends_with_the_code_that_a_shell_would_have(
    stack: Stack, words: list[str], code: int, said: str
) -> None:
    found, out, err = execute(stack, *words)
    assert (found, out) == (code, "")
    assert said in err


def test_each_container_of_a_service_can_be_entered(stack: Stack) -> None:
    names = {execute(stack, "--index", n, "web", "hostname")[1] for n in ("1", "2")}
    assert len(names) == 2


def test_a_command_gets_our_terminal(stack: Stack) -> None:
    show = "test -t 0 && test -t 1 && echo a terminal; read word; echo got $word"
    env = {"PYTHONPATH": str(ROOT)}
    command = [*COMMAND, "exec", "web", "sh", "-c", show]
    with Terminal(command, stack.folder, **env) as terminal:
        terminal.wait_for("a terminal")
        terminal.type("this\n")
        assert terminal.wait() == 0
        assert "got this" in terminal.shown


def test_an_interrupt_in_the_terminal_is_the_commands_own(stack: Stack) -> None:
    show = "trap 'echo caught; exit 3' INT; echo here; read word"
    env = {"PYTHONPATH": str(ROOT)}
    command = [*COMMAND, "exec", "web", "sh", "-c", show]
    with Terminal(command, stack.folder, **env) as terminal:
        terminal.wait_for("here")
        terminal.type("\x03")
        assert terminal.wait() == 3
        assert "caught" in terminal.shown


def test_without_a_terminal_what_is_typed_still_arrives(stack: Stack) -> None:
    show = "test -t 0 || test -t 1 || echo none; cat"
    env = {"PYTHONPATH": str(ROOT)}
    command = [*COMMAND, "exec", "-T", "web", "sh", "-c", show]
    with Terminal(command, stack.folder, **env) as terminal:
        terminal.wait_for("none")
        terminal.type("typed\n\x04")
        assert terminal.wait() == 0
        assert terminal.shown.count("typed") == 2


def test_it_needs_neither_the_stack_file_nor_its_folder(stack: Stack) -> None:
    file = stack.folder / "stack.yaml"
    text = file.read_text()
    below = stack.folder / "below"
    below.mkdir(exist_ok=True)
    done = subprocess.run(
        [*COMMAND, "exec", "web", "echo", "there"],
        cwd=below,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "there\n")
    assert done.stderr == "using ../stack.yaml\n"

    file.write_text("services: [")
    try:
        assert execute(stack, "web", "echo", "there") == (0, "there\n", "")
    finally:
        file.write_text(text)
