"""A Compose with an engine that stacks are tried on, and what is called there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from composegen.records import record

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPOSEGEN = [sys.executable, "-m", "composegen"]
_DEADLINE = 300.0
# Calls the real docker, and keeps what Compose says of its work.
_SHIM = """#!/usr/bin/env bash
set -o pipefail
[[ $1 == compose && -n ${RUNTIMES_LOG:-} ]] || exec @DOCKER@ "$@"
{ @DOCKER@ "$@" 2>&1 >&3 | tee -a "$RUNTIMES_LOG" >&2; } 3>&1
"""


@record
class Done:
    """How a command ended, and all that it printed."""

    code: int
    text: str


@record
class Runtime:
    """A Compose with an engine; ``environment`` is what leads to both.

    ``prefix`` are the words of a command that runs another one where published ports
    answer.
    """

    name: str
    compose: str
    engine: str
    environment: Mapping[str, str]
    prefix: tuple[str, ...] = ()

    @property
    def is_podman(self) -> bool:
        """Whether the engine is Podman, behind its socket."""
        return self.engine.startswith("Podman")

    def call(
        self,
        *words: str,
        folder: Path | None = None,
        log: Path | None = None,
        deadline: float = _DEADLINE,
    ) -> Done:
        """Run a command to its end, or end it and its children at the deadline."""
        kept = {"RUNTIMES_LOG": str(log)} if log is not None else {}
        with subprocess.Popen(
            (*self.prefix, *words),
            cwd=folder,
            env={**self.environment, **kept},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                text, _ = process.communicate(timeout=deadline)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                text, _ = process.communicate()
                text += f"\nnot done within {deadline:g} s"
        return Done(code=process.returncode, text=text)

    def composegen(self, folder: Path, *words: str, log: Path | None = None) -> Done:
        """Run a command of ours in a folder."""
        return self.call(*COMPOSEGEN, *words, folder=folder, log=log)

    def inspect(self, project: str) -> dict[str, Any]:
        """What the engine says of a project's containers, by service."""
        label = f"label=com.docker.compose.project={project}"
        ids = self.call("docker", "ps", "-aq", "--filter", label).text.split()
        found = json.loads(self.call("docker", "inspect", *ids).text) if ids else []
        key = "com.docker.compose.service"
        return {each["Config"]["Labels"][key]: each for each in found}

    def remove_images(self, project: str) -> None:
        """Remove what was built for a project."""
        named = f"reference={project}-*"
        ids = self.call("docker", "images", "-q", "--filter", named).text.split()
        if ids:
            self.call("docker", "image", "rm", "--force", *sorted({*ids}))


def make_runtime(
    program: Path | None, folder: Path, host: str = "", prefix: tuple[str, ...] = ()
) -> Runtime:
    """A runtime of a Compose, the installed one by default, on an engine.

    Its settings of docker are in ``folder``.
    """
    docker = shutil.which("docker")
    assert docker is not None, "there is no docker command"
    plugins = folder / "config" / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    if program is not None:
        (plugins / "docker-compose").symlink_to(program)
    bin = folder / "bin"
    bin.mkdir(exist_ok=True)
    shim = bin / "docker"
    shim.write_text(_SHIM.replace("@DOCKER@", docker))
    shim.chmod(0o755)
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("COMPOSE_", "DOCKER_"))
    }
    environment = {
        **kept,
        "PATH": f"{bin}:{kept.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "DOCKER_CONFIG": str(folder / "config"),
        **({"DOCKER_HOST": host} if host else {}),
    }
    plain = Runtime(name="", compose="", engine="", environment=environment)
    said = plain.call("docker", "compose", "version", "--short").text
    version = re.search(r"\d+\.\d+\.\d+", said)
    assert version is not None, said
    answer = json.loads(
        plain.call("docker", "version", "--format", "{{json .Server}}").text
    )
    parts = {each["Name"]: each["Version"] for each in answer.get("Components", ())}
    podman = parts.get("Podman Engine")
    number = (podman or answer["Version"]).partition("+")[0]
    engine = f"Podman {number}" if podman else f"Docker Engine {number}"
    return Runtime(
        name=f"Compose {version[0]} on {engine}",
        compose=version[0],
        engine=engine,
        environment=environment,
        prefix=prefix,
    )


def fill_folder(source: Path, folder: Path, words: Mapping[str, str]) -> None:
    """Copy a stack's folder, with its words in @CAPITALS@ filled in."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    file = folder / "stack.yaml"
    text = file.read_text()
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    file.write_text(text)
