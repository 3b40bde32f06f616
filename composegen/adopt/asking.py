"""`docker compose config` of a project, asked several times side by side."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.adopt.project import Project
from composegen.errors import ComposeMissing, FileRefused
from composegen.patterns import make_pattern
from composegen.records import field, record
from composegen.system.docker import find_docker_command
from composegen.text import escape_control

Plain = dict[str, Any]

_LIMIT = 120.0
_TEXT_WORDS = (
    *("--no-interpolate", "--no-path-resolution", "--no-normalize"),
    *("--no-env-resolution", "--no-consistency"),
)
_QUIET = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PATH_SEPARATOR")
_PREFIX = make_pattern(r"^(?:time=\S+ )?level=(?:error|fatal) msg=")


@record
class Source:
    """What Compose is asked about: files, a folder, and an override read last.

    ``files`` may be ``-``, which stands for ``text``. ``profiles`` are the
    active ones, at first all of them.
    """

    folder: Path
    files: tuple[str, ...]
    env_files: tuple[Path, ...] = ()
    text: str = ""
    profiles: tuple[str, ...] = ("*",)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Answer:
    """A call of Compose that is under way."""

    def __init__(self, process: subprocess.Popen[bytes], text: str) -> None:
        self._process = process
        self._text = text
        self._done: tuple[int, bytes, bytes] | None = None

    def wait(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        if self._done is None:
            try:
                out, err = self._process.communicate(self._text.encode(), _LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                out, err = self._process.communicate()
                err += f"no answer within {_LIMIT:.0f}s".encode()
            self._done = (self._process.returncode, out, err)
        code, out, err = self._done
        return code, out.decode(errors="replace"), err.decode(errors="replace")

    def close(self) -> None:
        """End the call, if it is still under way: its answer is not needed."""
        if self._done is None:
            self._process.kill()
            self.wait()

    def read(self) -> Plain | None:
        """The model, or None where Compose refuses the files."""
        code, out, _ = self.wait()
        if code != 0:
            return None
        found = json.loads(out or "{}")
        return found if isinstance(found, dict) else {}

    @property
    def complaint(self) -> str:
        """Why Compose refuses the files, in its own words, on one line."""
        _, _, err = self.wait()
        # Where Compose itself crashes, the first lines say over what.
        kept = err.partition("\ngoroutine ")[0].splitlines()
        lines = [line for line in kept if "level=warning" not in line]
        said = " ".join(" ".join(lines).split())
        return escape_control(_PREFIX.sub("", said).strip('"')) or "no reason given"


@record
class Begun:
    """A project about which Compose is being asked in both forms side by side."""

    source: Source
    texts: Answer
    model: Answer

    def close(self) -> None:
        """End what is still under way."""
        self.texts.close()
        self.model.close()


def ask_project(project: Project) -> Begun:
    """Begin to ask for a project's texts and its model."""
    source = Source(
        folder=project.folder,
        files=tuple(map(str, project.files)),
        env_files=project.env_files,
    )
    return Begun(source=source, texts=ask_texts(source), model=ask_model(source))


def ask_model(source: Source) -> Answer:
    """The model with its variables filled."""
    return _ask(source, ())


def ask_texts(source: Source) -> Answer:
    """The merged texts as they were written: no variable filled, no path resolved."""
    return _ask(source, _TEXT_WORDS)


def _ask(source: Source, words: tuple[str, ...]) -> Answer:
    program = find_docker_command()
    if program is None:
        raise ComposeMissing(
            "there is no `docker` command here: Compose reads the project",
            help="install Docker with Compose; no engine is needed",
        )
    command = [program, "compose", "--project-directory", str(source.folder)]
    for path in source.env_files:
        command += ["--env-file", str(path)]
    for profile in source.profiles:
        command += ["--profile", profile]
    for name in source.files:
        command += ["-f", name]
    environment = {
        name: text
        for name, text in {**os.environ, **source.environment}.items()
        if name not in _QUIET
    }
    try:
        process = subprocess.Popen(
            [*command, "config", "--format", "json", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        raise FileRefused.by_system(program, error) from None
    return Answer(process, source.text)
