"""The engine's API over the docker SDK, for contexts, ssh and TLS; it alone imports it.

Importing the SDK takes 490 million instructions, half of what ``status`` took with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker import errors

from composegen.errors import EngineUnreachable
from composegen.places.engine.api import Late, Refused, Silence
from composegen.places.engine.endpoint import Endpoint


class SdkApi:
    """The SDK's calls; each raises Refused, Silence or OSError."""

    def __init__(self, endpoint: Endpoint, timeout: int) -> None:
        with _translated():
            self._api = _connect(endpoint, timeout)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        if not callable(found):
            return found

        def ask(*arguments: Any, **options: Any) -> Any:
            with _translated():
                return found(*arguments, **options)

        return ask

    def events(self, **options: Any) -> _Events:
        """What happens, as it happens."""
        with _translated():
            return _Events(self._api.events(**options))

    def get_archive(self, id: str, path: str, chunk_size: int) -> tuple[Any, Any]:
        """The archive of a path in pieces, and what is known about the path."""
        with _translated():
            pieces, stat = self._api.get_archive(id, path, chunk_size=chunk_size)
        return _iterate(pieces), stat

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()


class _Events:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Any]:
        return _iterate(self._stream)

    def close(self) -> None:
        self._stream.close()


def _iterate(stream: Any) -> Iterator[Any]:
    with _translated():
        yield from stream


def _connect(endpoint: Endpoint, timeout: int) -> Any:
    options: dict[str, Any] = {
        "timeout": timeout,
        "use_ssh_client": endpoint.host.startswith("ssh://"),
    }
    if endpoint.context:
        if docker.ContextAPI.get_context(endpoint.context) is None:
            raise EngineUnreachable(
                f"there is no docker context `{endpoint.context}`",
                help="docker context ls lists the contexts",
            )
        return docker.DockerClient.from_context(endpoint.context, **options).api
    settings = {**endpoint.settings, "DOCKER_HOST": endpoint.host}
    return docker.from_env(environment=settings, **options).api


def find_host(context: str) -> str:
    """The address that a docker context leads to; empty where there is none."""
    found = docker.ContextAPI.get_context(context)
    return str(found.Host) if found is not None else ""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.APIError as error:
        words = str(error.explanation or error)
        raise Refused(error.status_code or 0, words) from error
    except requests.Timeout as error:
        raise Late(str(error)) from error
    except (errors.DockerException, requests.RequestException) as error:
        raise Silence(str(error)) from error
