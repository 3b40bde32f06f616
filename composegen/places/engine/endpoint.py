"""Which Docker engine is meant: by DOCKER_HOST, by a context, or the one here."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.records import field, record

DEFAULT = "default"
_CONFIG = "DOCKER_CONFIG"
_SOCKET = "/var/run/docker.sock"
SETTINGS = (_CONFIG, "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
"""The variables that an endpoint may carry; no other one is ever passed on."""


@record
class Endpoint:
    """The engine that the docker command would use.

    ``host`` is an address, empty for the one that is here; ``context`` the docker
    context that it comes from, empty where DOCKER_HOST names it. ``settings`` are the
    variables that go with it: DOCKER_CONFIG, which holds contexts and plugins, and with
    an address those of TLS.
    """

    host: str = ""
    context: str = DEFAULT
    settings: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.context and self.context != DEFAULT:
            return f"docker context {self.context}"
        return self.host or "the engine of this machine"

    @property
    def is_local(self) -> bool:
        """Whether the engine is on this machine and sees the same files."""
        is_socket = not self.host or self.host.startswith("unix://")
        return is_socket and self.context in {"", DEFAULT}

    @property
    def socket(self) -> str:
        """The path of the socket that it listens on here; empty where it is another."""
        if self.context:
            return _SOCKET if self.context == DEFAULT else ""
        path = self.host.removeprefix("unix://")
        return path if path != self.host and path.startswith("/") else ""

    @property
    def environment(self) -> dict[str, str]:
        """What the docker command must find in its environment to use it."""
        if self.context:
            return {**self._known_settings, "DOCKER_CONTEXT": self.context}
        return {**self._known_settings, "DOCKER_HOST": self.host}

    @property
    def _known_settings(self) -> dict[str, str]:
        return {name: self.settings[name] for name in SETTINGS if name in self.settings}


def find_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """The engine that the docker command would choose in an environment."""
    host = environment.get("DOCKER_HOST")
    names = SETTINGS if host else (_CONFIG,)
    settings = {name: environment[name] for name in names if environment.get(name)}
    if host:
        return Endpoint(host=host, context="", settings=settings)
    context = environment.get("DOCKER_CONTEXT") or _read_current(environment)
    return Endpoint(context=context or DEFAULT, settings=settings)


def _read_current(environment: Mapping[str, str]) -> str:
    return str(_read_config(environment).get("currentContext") or "")


def read_headers(endpoint: Endpoint) -> dict[str, str]:
    """What the docker command adds to each request, from its own settings."""
    found = _read_config({**os.environ, **endpoint.settings}).get("HttpHeaders")
    return dict(found) if isinstance(found, dict) else {}


def _read_config(environment: Mapping[str, str]) -> dict[str, Any]:
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    folder = environment.get("DOCKER_CONFIG") or str(Path(home) / ".docker")
    try:
        data = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def use_endpoint(endpoint: Endpoint, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which the docker command talks to this engine."""
    chosen = {"DOCKER_HOST", "DOCKER_CONTEXT", *SETTINGS}
    kept = {name: text for name, text in environment.items() if name not in chosen}
    return {**kept, **endpoint.environment}


def describe_endpoint(endpoint: Endpoint) -> str:
    """An engine with the settings that lead to it, for people to compare."""
    settings = " ".join(f"{name}={text}" for name, text in endpoint.settings.items())
    return f"{endpoint} with {settings}" if settings else str(endpoint)


def suggest_choice(wanted: Endpoint, now: Endpoint) -> str:
    """The lines to type in a shell so that another engine is chosen.

    Empty where no variables of docker lead to it.
    """
    if not wanted.host and not wanted.context:
        return ""
    if not wanted.settings.keys() <= set(SETTINGS):
        return ""
    target, current = wanted.environment, now.environment
    sets = [
        f"export {name}={shlex.quote(text)}"
        for name, text in target.items()
        if current.get(name) != text
    ]
    drops = [
        f"unset {name}"
        for name in current
        # An address is stronger than a context.
        if name not in target and name != "DOCKER_CONTEXT"
    ]
    return "\n".join(sets + drops)


def describe_silence(error: str) -> str:
    """Why an engine does not answer, from the words of an error."""
    for marker, words in (
        ("Permission denied", "you may not use the Docker engine's socket"),
        ("Connection refused", "no Docker engine answers"),
        ("No such file", "no Docker engine is there"),
        ("timed out", "the Docker engine does not answer in time"),
        ("Remote end closed", "the connection to the Docker engine was lost"),
        ("Connection broken", "the connection to the Docker engine was lost"),
        ("Connection aborted", "the connection to the Docker engine was lost"),
    ):
        if marker in error:
            return words
    first = error.splitlines()[0] if error else ""
    return f"the Docker engine cannot be reached: {first}"


def suggest_start(endpoint: Endpoint, message: str) -> str:
    """What to do when an engine is out of reach."""
    if "may not use" in message:
        return (
            "join the group `docker`, and log in again: sudo usermod -aG docker $USER"
        )
    if "paramiko" in message:
        return "an engine over ssh needs paramiko: pip install paramiko"
    if endpoint.context and endpoint.context != DEFAULT:
        return "start it, or choose another: docker context use default"
    if endpoint.host:
        return "start it, or correct DOCKER_HOST"
    return "start it, or run the stack without containers: composegen run"
