"""Docker Compose, which carries a rendered file out: command lines and words."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from composegen.errors import ComposeFailed, ComposeMissing
from composegen.patterns import make_pattern
from composegen.places.engine.compose_lines import was_cut, was_gate
from composegen.places.engine.endpoint import Endpoint, use_endpoint
from composegen.records import field, record, replace
from composegen.system.docker import ask_docker, find_docker_command

VERSION = ("compose", "version", "--short")
"""The words that ask for the version of Compose."""
_KEPT_LINES = 200
_MAKES_FOLDERS = (2, 40)
"""The first that was seen to; 2.24 and 2.29 were seen to refuse."""
_GRACE = 10.0
_POLL = 0.02
_MOST_KEPT = 64 * 1024
_ANSWER_TIMEOUT = 60.0
# What a person set for another project, or for calling Compose by hand, must not reach
# this one.
_FOREIGN = (
    *("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PATH_SEPARATOR"),
    *("COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE"),
)
# These could come from `.env` as well, and count for nothing there once they are set.
_FIXED = {"COMPOSE_IGNORE_ORPHANS": "false", "COMPOSE_STATUS_STDOUT": "false"}
_STARTS = make_pattern(r"^\s*Container \S+\s+(?:Starting|Started|Waiting)$")
_REPLACES = make_pattern(r"Container \S+\s+(?:Recreate|Create|Creating)\b")
_WARNING = make_pattern(r'level=warning msg="(.*)"$')


@record
class Project:
    """A project as Compose is to be called for it.

    ``text`` is the whole Compose file, handed over on standard input; without one
    Compose goes by what is labelled on the engine. ``environment`` is what its
    variables come from. ``is_part``: the project has services that the text has not.
    """

    name: str
    folder: Path
    endpoint: Endpoint
    text: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_part: bool = False

    def make_command(self, *words: str, plain: bool = False) -> list[str]:
        """The command line. Raises ComposeMissing where there is no docker."""
        program = find_docker()
        quiet = ["--ansi", "never", "--progress", "plain"] if plain else []
        source = (
            []
            if self.text is None
            else ["--project-directory", str(self.folder), "--file", "-"]
        )
        return [program, "compose", *quiet, "-p", self.name, *source, *words]

    def make_environment(self) -> dict[str, str]:
        """What Compose finds in its environment."""
        env = use_endpoint(self.endpoint, self.environment)
        kept = {name: text for name, text in env.items() if name not in _FOREIGN}
        orphans = {"COMPOSE_IGNORE_ORPHANS": "true"} if self.is_part else {}
        return {**kept, **_FIXED, **orphans}

    @property
    def place(self) -> Path:
        """Where it is called: without a text, where no Compose file lies about."""
        return Path("/") if self.text is None else self.folder


def find_docker() -> str:
    """The docker command. Raises ComposeMissing."""
    program = find_docker_command()
    if program is None:
        raise ComposeMissing(
            "there is no `docker` command here",
            help="install Docker with Compose, or run the stack without containers: "
            "composegen run",
        )
    return program


def ask_version(*words: str) -> str | None:
    """The version that a docker plugin prints; None where there is no such plugin.

    Raises ComposeMissing.
    """
    find_docker()
    said = ask_docker(*words, timeout=_ANSWER_TIMEOUT) or ""
    match = re.search(r"\d+\.\d+(?:\.\d+)?", said)
    return match[0] if match is not None else None


def makes_folders(version: str | None) -> bool:
    """Whether a Compose makes the folders that mounts in the long form lack."""
    return version is None or _read_numbers(version) >= _MAKES_FOLDERS


def _read_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class Settled:
    """Compose has recreated all containers that it will, and begins to start them."""


class Carrying:
    """Compose at work in the background, its words kept.

    ``tell`` is called with each warning of Compose and with Settled, ``end`` when it
    has ended; both from another thread.
    """

    def __init__(
        self,
        project: Project,
        words: tuple[str, ...],
        *,
        tell: Callable[[str | Settled], None],
        end: Callable[[], None],
    ) -> None:
        self.lines: list[str] = []
        self._tell = tell
        self._end = end
        self._process = subprocess.Popen(
            project.make_command(*words, plain=True),
            cwd=project.place,
            env=project.make_environment(),
            stdin=subprocess.PIPE if project.text is not None else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # A Ctrl-C in the terminal is ours to pass on.
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(project.text,), daemon=True
        )
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it goes on."""
        return self._process.poll()

    def _read(self, text: str | None) -> None:
        process = self._process
        assert process.stderr is not None
        _feed(process, text)
        with process.stderr as said:
            for raw in said:
                self._take_in(raw.decode("utf-8", errors="replace").rstrip())
        process.wait()
        self._end()

    def _take_in(self, line: str) -> None:
        self.lines.append(line)
        del self.lines[:-_KEPT_LINES]
        if _STARTS.match(line):
            self._tell(Settled())
        match = _WARNING.search(line)
        if match is not None:
            self._tell(match[1].replace('\\"', '"'))

    def stop(self) -> None:
        """End it; what it has made stays."""
        _end_group(self._process)
        self._reader.join(_GRACE)

    @property
    def was_cut(self) -> bool:
        """Whether it was ended before it was done, and not by itself."""
        return was_cut(self.exit_code or 0, self.lines)

    @property
    def was_gate(self) -> bool:
        """Whether it gave up for a dependency that did not become ready."""
        return was_gate(self.lines)


def run_compose(
    project: Project,
    *words: str,
    show: Callable[[str], None],
    in_terminal: bool = False,
) -> tuple[int, str]:
    """Run Compose to its end; its exit code and what it said.

    ``show`` gets its messages as they come, in parts of lines too. With ``in_terminal``
    it sees a terminal, so that its progress is drawn. It ends when we are interrupted.
    """
    ours, theirs = pty.openpty() if in_terminal else os.pipe()
    if in_terminal:
        import shutil

        columns, rows = shutil.get_terminal_size()
        fcntl.ioctl(
            theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0)
        )
    process = subprocess.Popen(
        project.make_command(*words, plain=not in_terminal),
        cwd=project.place,
        env=project.make_environment(),
        stdin=subprocess.PIPE if project.text is not None else subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        _feed(process, project.text)
        said = _copy(ours, show)
        return process.wait(), said
    except BaseException:
        _end_group(process)
        raise
    finally:
        os.close(ours)


def would_replace(project: Project, name: str, text: str) -> bool:
    """Whether Compose would replace the containers of a service for a text.

    It is asked to say what it would do; where it does not, it is taken as if it would.
    """
    words = ("--dry-run", "up", "--detach", "--no-build", "--no-deps", name)
    said: list[str] = []
    code, _ = run_compose(replace(project, text=text), *words, show=said.append)
    return code != 0 or bool(_REPLACES.search("".join(said)))


def _feed(process: subprocess.Popen[bytes], text: str | None) -> None:
    if process.stdin is None or text is None:
        return
    # Where it has ended before it read the file, it says why.
    with contextlib.suppress(OSError), process.stdin as file:
        file.write(text.encode())


def _copy(source: int, show: Callable[[str], None]) -> str:
    """Pass on what comes, until nothing comes any more; the last of it."""
    said = b""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while True:
        try:
            data = os.read(source, 65536)
        except OSError:  # a terminal says so that its other end is closed
            data = b""
        if not data:
            return said.decode("utf-8", errors="replace")
        said = (said + data)[-_MOST_KEPT:]
        text = decoder.decode(data)
        if text:
            show(text)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the docker command and its plugin, which are one group, to the last of it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + _GRACE
        if not _signal_group(process, number):
            return
        while time.monotonic() < end:
            if not _signal_group(process, 0):
                return
            time.sleep(_POLL)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal a process's group, reaped as it goes; whether anything is left of it."""
    process.poll()
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def ask_compose(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """What Compose prints when it has ended, and its exit code."""
    return subprocess.run(
        project.make_command(*words),
        cwd=project.place,
        env=project.make_environment(),
        input=project.text or "",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )


def use_compose(project: Project, *words: str) -> None:
    """Run Compose with our own streams, for what it prints itself.

    Raises ComposeFailed.
    """
    done = subprocess.run(
        project.make_command(*words),
        cwd=project.place,
        env=project.make_environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    _check_code(words[0], done.returncode)


def remove_volume(project: Project, name: str) -> str:
    """Remove a volume; why it is still there, else empty. Raises ComposeMissing."""
    done = subprocess.run(
        [find_docker(), "volume", "rm", name],
        cwd=project.place,
        env=project.make_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or ["docker does not say why"]
    return lines[-1].removeprefix("Error response from daemon: ")


class Stopper:
    """Ends a reading of Compose's lines, from any thread."""

    def __init__(self) -> None:
        self.is_stopped = False
        self._process: subprocess.Popen[bytes] | None = None

    def hold(self, process: subprocess.Popen[bytes]) -> None:
        """Take what is to be ended."""
        self._process = process
        if self.is_stopped:
            process.terminate()

    def stop(self) -> None:
        """End Compose now, or as soon as it has begun."""
        self.is_stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


def read_compose(
    project: Project, *words: str, stopper: Stopper | None = None
) -> Iterator[str]:
    """The lines that Compose prints, as they come; it ends when no more are wanted.

    Its stderr is ours. Raises ComposeFailed.
    """
    stopper = stopper or Stopper()
    process = subprocess.Popen(
        project.make_command(*words),
        cwd=project.place,
        env=project.make_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    stopper.hold(process)
    try:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                yield line.decode("utf-8", errors="replace").rstrip("\r\n")
        code = process.wait()
        if not stopper.is_stopped:
            _check_code(words[0], code)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _check_code(word: str, code: int) -> None:
    if code != 0:
        raise ComposeFailed(f"docker compose {word} ended with exit code {code}")
