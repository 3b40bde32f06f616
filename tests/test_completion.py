"""Shells complete commands, options, services, problems and recipes."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen.stackfile.load import find_service_names
from tests.parts import require_program

STACK = """\
services:
  frontend: {image: "a:1", health: {none: a}, needs: [backend]}
  backend: {image: "a:1", health: {command: [x]}}
  broken: {imag: x, group: [tools, tests]}
"""
BIN = Path(sys.executable).parent
SECONDS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a stack that has an error: it is completed all the same."""
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "other.yaml").write_text(STACK.replace("backend", "cellar"))
    return tmp_path


def make_env(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **more}


def complete(folder: Path, line: str) -> list[str]:
    """What click offers for the last word of a line, as bash would ask."""
    words = line.split(" ")
    answer = subprocess.run(
        [sys.executable, "-m", "composegen"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=make_env(
            _COMPOSEGEN_COMPLETE="bash_complete",
            COMP_WORDS="\n".join(words),
            COMP_CWORD=str(len(words) - 1),
        ),
    )
    assert "Traceback" not in answer.stderr
    offers = answer.stdout.split()
    return [offer.partition(",")[2] for offer in offers]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("composegen ren", ["render"]),
        (
            "composegen render --with ",
            ["frontend", "backend", "broken", "@tools", "@tests"],
        ),
        ("composegen render --with @to", ["@tools"]),
        ("composegen render --without broken,@", ["broken,@tools", "broken,@tests"]),
        ("composegen render --without b", ["backend", "broken"]),
        ("composegen plan --with backend,fr", ["backend,frontend"]),
        ("composegen run ", ["frontend", "backend", "broken"]),
        ("composegen run frontend ba", ["backend"]),
        ("composegen why fr", ["frontend"]),
        ("composegen exec ba", ["backend"]),
        ("composegen exec -T --index 2 fr", ["frontend"]),
        ("composegen logs b", ["backend", "broken"]),
        ("composegen logs --file other.yaml c", ["cellar"]),
        ("composegen logs --file nowhere.yaml ", []),
        ("composegen explain cyc", ["cycle"]),
        ("composegen recipes redi", ["redis"]),
        ("composegen render --fo", ["--force"]),
        ("composegen check --format ", ["text", "json"]),
        ("composegen completion z", ["zsh"]),
    ],
)
def test_the_last_word_is_completed(
    line: str, offered: list[str], folder: Path
) -> None:
    assert complete(folder, line) == offered


def test_services_of_a_stack_in_a_parent_folder_are_completed(folder: Path) -> None:
    (folder / "below").mkdir()
    assert complete(folder / "below", "composegen why b") == ["backend", "broken"]


@pytest.mark.parametrize("text", ["", "a: [", "services: 1", "\x00", "- 1"])
def test_a_file_that_is_no_stack_offers_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    assert find_service_names(path) == ()
    assert find_service_names(tmp_path) == ()


def test_bash_completes_services(folder: Path) -> None:
    require_program("bash")
    script = """
eval "$(composegen completion bash)"
complete -p composegen
COMP_WORDS=(composegen run fr) COMP_CWORD=2
_composegen_completion composegen
echo "offered: ${COMPREPLY[*]}"
"""
    answer = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        env=make_env(),
    )
    assert "_composegen_completion composegen" in answer.stdout
    assert answer.stdout.endswith("offered: frontend\n")


def test_fish_completes_services(folder: Path) -> None:
    require_program("fish")
    script = "composegen completion fish | source; complete -C 'composegen run fr'"
    answer = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        env=make_env(HOME=str(folder)),
    )
    assert answer.stdout.split() == ["frontend"]


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self._process = process
        self._handle = handle
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._handle, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until the text is shown; it must come in time."""
        end = time.monotonic() + SECONDS
        while text not in self.shown:
            left = end - time.monotonic()
            ready, _, _ = select.select([self._handle], [], [], max(left, 0))
            assert ready, f"{text!r} did not come: {self.shown!r}"
            self.shown += os.read(self._handle, 4096).decode("utf-8", "replace")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._handle)


@pytest.fixture
def zsh(folder: Path) -> Iterator[Terminal]:
    require_program("zsh")
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=folder,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        env=make_env(HOME=str(folder), TERM="dumb", PS1="> "),
    )
    os.close(inner)
    terminal = Terminal(process, outer)
    yield terminal
    terminal.close()


def test_zsh_completes_services(zsh: Terminal) -> None:
    zsh.type("autoload -U compinit; compinit -u\n")
    zsh.type('eval "$(composegen completion zsh)"; echo re""ady\n')
    zsh.wait_for("\nready")
    zsh.type("echo composegen; composegen why fron\t")
    zsh.wait_for("composegen why frontend")
