"""Command blocks of Markdown pages: found, run in a shell, their output compared.

A block is fenced as ``console`` (commands after ``$ ``, below each what it prints), as
``sh`` (commands that set a machine up, which no fast test runs) or as ``yaml``. What a
reader need not see stands in a comment on the line above the fence:

- ``<!-- in: examples/chat -->`` runs the block in a copy of that folder, made once a
  page; without it a block runs where the one before it has ended, at first in an empty
  folder.
- ``<!-- file: stack.yaml -->`` above any other fence writes its text there.
- ``<!-- stays -->``: the last command goes on while later blocks run. It is ended with
  the page, unless one of them ends it.
- ``<!-- needs: engine -->``: run by ``make e2e`` only.
- ``<!-- needs: compose -->``: asks the docker command, and no engine.
- ``<!-- fresh machine -->``: a ``sh`` block that ``make e2e`` runs on a bare machine.

Several are separated by commas.

Shown output is what is printed, but for this: a line ``..`` stands for any lines, one
that ends in ``..`` for any end of that line, and what differs between two runs is made
equal on both sides: durations but for worst waits, times of day, process numbers,
bars, how many files ``init`` writes. The line of a `down` that has to wait does not
count. Behind a line's indentation a run of spaces is one
space, and empty lines at the end do not count.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(
    r"^(?:<!-- (?P<notes>[^\n]*?) -->\n)?"
    r"```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NOTES = re.compile(r"in: \S+|file: \S+|stays|needs: (?:engine|compose)|fresh machine")
_PORT = re.compile(r"^ +(?:publish|port): (\d+)", re.MULTILINE)
_DEADLINE = 180

# In this order: the longer forms first.
_EQUAL = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\bwrote \d+ files"), "wrote N files"),
    (re.compile(r"(?<=healthy )( *)\d+\b"), "N"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b(?! at worst)"), "N s"),
    (re.compile(r"(?<= )[.=#]{10,}(?= )"), "BAR"),
    (re.compile(r"\b\d+ of \d+ +(?=N s)"), "N of N "),
)
# What `down` says on a machine that is so busy that it has to wait.
_WAITS = re.compile(r"^the run of pid \d+ waits until .*\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block and what is noted above it."""

    page: Path
    line: int
    kind: str
    text: str
    notes: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Each command of a ``console`` block with what it is shown to print."""
        found: list[tuple[str, str]] = []
        for line in self.text.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append((line[2:].strip(), ""))
            else:
                command, shown = found.pop()
                found.append((command, shown + line))
        return found


def read_blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order; an unknown note is an error."""
    text = page.read_text()
    blocks = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("kind")) + 1
        notes = {}
        for note in filter(None, (match["notes"] or "").split(", ")):
            if not _NOTES.fullmatch(note):
                raise AssertionError(f"{page.name}:{line}: unknown note `{note}`")
            key, _, value = note.partition(": ")
            notes[key] = value
        blocks.append(Block(page, line, match["kind"], match["text"], notes))
    return blocks


def read_stacks(page: Path) -> str:
    """The stack files that a page writes, copies or makes, one after the other."""
    blocks = read_blocks(page)
    written = [block.text for block in blocks if "file" in block.notes]
    copied = [block.notes["in"] for block in blocks if "in" in block.notes]
    if any("composegen init " in block.text for block in blocks):
        copied.append("examples/chat")
    return "\n".join(
        [*written, *((ROOT / i / "stack.yaml").read_text() for i in copied)]
    )


def list_ports(stacks: str) -> list[int]:
    """The ports of this machine that stacks use as they are written."""
    return sorted({int(port) for port in _PORT.findall(stacks)})


def are_equal(shown: str, printed: str) -> bool:
    """Whether output is what a page shows, by the rules above."""
    pattern = ""
    for line in shown.rstrip().splitlines():
        if line == "..":
            pattern += r"(?:.*\n)*?"
            continue
        begin, mark = (line[:-2], r".*") if line.endswith("..") else (line, "")
        pattern += re.escape(_level(begin)) + mark + r"\n"
    said = _WAITS.sub("", printed).rstrip()
    levelled = "".join(_level(line) + "\n" for line in said.splitlines())
    return re.fullmatch(pattern, levelled) is not None


def _level(line: str) -> str:
    made = line.rstrip()
    for what, word in _EQUAL:
        made = what.sub(word, made)
    indent = len(made) - len(made.lstrip())
    return made[:indent] + re.sub(r"  +", " ", made[indent:])


@dataclass
class Outcome:
    """What the commands of one block have printed."""

    block: Block
    printed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(f"$ {command}\n{out}" for command, out in self.printed)


class Shell:
    """One shell for a page, in an empty folder, with ports of its own where it can.

    A page may bring up services on fixed ports. In a network of its own they meet
    neither another test's nor what runs on this machine. Without that, who uses the
    shell sees to its ports.
    """

    def __init__(self, *, own_network: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="page-"))
        self._before = _enter_own_network() if own_network else []
        self._takes_turns = own_network and not self._before
        self._turn: IO[str] | None = None

    @property
    def has_own_network(self) -> bool:
        """Whether no port can be taken by anybody else."""
        return bool(self._before)

    def __enter__(self) -> Self:
        if self._takes_turns:
            # Pages use the same ports: they take turns.
            self._turn = Path(tempfile.gettempdir(), "composegen-pages.lock").open("w")
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        binaries = f"{ROOT / '.venv' / 'bin'}:{Path(sys.executable).parent}"
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COMPOSE_", "GROQ_", "LLM_", "PYTHON"))
        }
        self._process = subprocess.Popen(
            [*self._before, "bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env={**env, "PATH": f"{binaries}:{env['PATH']}", "COLUMNS": "100"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # Jobs in groups of their own, and no word about them.
        self._tell("set -m; exec 3>&1 2>/dev/null")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._tell("for job in $(jobs -p); do kill -INT -- -$job; done; wait; exit")
        self._process.stdin.close()
        try:
            self._process.wait(_DEADLINE)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            if self._turn:
                self._turn.close()

    def run(self, command: str) -> str:
        """Run a command to its end; what a terminal would show of it."""
        out = self.folder.with_suffix(".out")
        self._tell(f"{{ {command}\n}} </dev/null >{out} 2>&1; echo done >&3")
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "done\n", f"the shell died: {command}"
        text = out.read_text()
        out.unlink()
        return text

    def start(self, command: str, shown: str) -> str:
        """Start a command that stays; what it prints until that is what is shown."""
        out = self.folder.with_suffix(".staying")
        out.touch()
        self._tell(f"{{ {command}\n}} </dev/null >>{out} 2>&1 &")
        end = time.monotonic() + _DEADLINE
        while not are_equal(shown, out.read_text()):
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        return out.read_text()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


def _enter_own_network() -> list[str]:
    """The words that run a program in a network of its own, none where that fails."""
    options = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", "--net", *options, sys.executable, __file__]
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if tried.returncode == 0 else []


def run_page(blocks: Sequence[Block], shell: Shell) -> Iterator[Outcome]:
    """Run the blocks of a page in their order; what each ``console`` block printed."""
    for block in blocks:
        if "in" in block.notes:
            source = ROOT / block.notes["in"]
            place = shell.folder / source.name
            if not place.exists():
                ignored = shutil.ignore_patterns(
                    "expected", "compose.yaml", ".venv", ".secrets", ".composegen"
                )
                shutil.copytree(source, place, ignore=ignored)
            shell.run(f"cd {place}")
        if "file" in block.notes:
            here = Path(shell.run("pwd").strip())
            (here / block.notes["file"]).parent.mkdir(parents=True, exist_ok=True)
            (here / block.notes["file"]).write_text(block.text)
        if block.kind == "console":
            outcome = Outcome(block)
            last = len(block.commands) - 1
            for number, (command, shown) in enumerate(block.commands):
                stays = "stays" in block.notes and number == last
                printed = shell.start(command, shown) if stays else shell.run(command)
                outcome.printed.append((command, printed))
            yield outcome


def _raise_loopback() -> None:
    """A new network has its loopback interface down; no program need help it."""
    import socket
    import struct

    set_flags, up_and_running = 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        fcntl.ioctl(link, set_flags, struct.pack("16sh", b"lo", up_and_running))


if __name__ == "__main__":
    _raise_loopback()
    os.execvp(sys.argv[1], sys.argv[1:])
