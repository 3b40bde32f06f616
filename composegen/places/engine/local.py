"""The engine's API over a socket of this machine: the calls of the SDK, without it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode

from composegen.places.engine.api import Late, Refused, Silence

_FRAME = 8
"""The bytes before each piece of what a program writes: its stream, its length."""
_PIECE = 65536


class LocalApi:
    """One engine behind a socket; each call has a connection of its own.

    Every call raises Refused, Silence or OSError.
    """

    base_url = ""

    def __init__(self, path: str, headers: Mapping[str, str], timeout: float) -> None:
        self._path = path
        self._headers = headers
        self._timeout = timeout
        self.api_version = ""
        self.api_version = str(self._get("/version", is_versioned=False)["ApiVersion"])

    # What the engine and its things are

    def version(self) -> Any:
        """The engine's version."""
        return self._get("/version")

    def info(self) -> Any:
        """The machine that the engine runs on."""
        return self._get("/info")

    def containers(self, *, all: bool = False, filters: Mapping[str, Any]) -> Any:
        """The containers that fit, running ones or all."""
        return self._get("/containers/json", all=int(all), filters=_write(filters))

    def networks(self, *, filters: Mapping[str, Any]) -> Any:
        """The networks that fit."""
        return self._get("/networks", filters=_write(filters))

    def volumes(self, *, filters: Mapping[str, Any]) -> Any:
        """The volumes that fit."""
        return self._get("/volumes", filters=_write(filters))

    def inspect_container(self, id: str) -> Any:
        """What is known about a container."""
        return self._get(f"/containers/{_quote(id)}/json")

    def inspect_volume(self, name: str) -> Any:
        """What is known about a volume."""
        return self._get(f"/volumes/{_quote(name)}")

    def inspect_image(self, name: str) -> Any:
        """What is known about an image."""
        return self._get(f"/images/{_quote(name)}/json")

    # What happens

    def events(
        self,
        *,
        filters: Mapping[str, Any],
        since: float | None = None,
        until: float | None = None,
        decode: bool,
    ) -> Events:
        """What happens, as it happens."""
        assert decode
        asked = {"since": since, "until": until, "filters": _write(filters)}
        given = {key: value for key, value in asked.items() if value is not None}
        return Events(self._open("GET", "/events", given))

    def logs(
        self, id: str, *, stdout: bool, stderr: bool, tail: int, since: float | None
    ) -> bytes:
        """The last lines that a container wrote."""
        has_terminal = self.inspect_container(id)["Config"]["Tty"]
        path = f"/containers/{_quote(id)}/logs"
        asked = {"stdout": int(stdout), "stderr": int(stderr), "tail": tail}
        given = asked if since is None else {**asked, "since": since}
        written = self._read("GET", path, given)
        return written if has_terminal else b"".join(_split_frames(written))

    # Within a container

    def get_archive(
        self, id: str, path: str, chunk_size: int
    ) -> tuple[Iterator[bytes], None]:
        """The archive of a path in pieces."""
        name = f"/containers/{_quote(id)}/archive"
        return _read_pieces(self._open("GET", name, {"path": path}), chunk_size), None

    def exec_create(self, id: str, command: list[str]) -> Any:
        """A command that is to run in a container."""
        asked = {"Cmd": command, "AttachStdout": True, "AttachStderr": True}
        path = f"/containers/{_quote(id)}/exec"
        return json.loads(self._read("POST", path, {}, asked))

    def exec_start(self, id: str) -> bytes:
        """Run it; what it wrote."""
        asked = {"Tty": False, "Detach": False}
        written = self._read("POST", f"/exec/{_quote(id)}/start", {}, asked)
        return b"".join(_split_frames(written))

    def exec_inspect(self, id: str) -> Any:
        """How it ended."""
        return self._get(f"/exec/{_quote(id)}/json")

    def stats(self, id: str, *, stream: bool, one_shot: bool) -> Any:
        """What a container has used, as it is now."""
        path = f"/containers/{_quote(id)}/stats"
        return self._get(path, **{"stream": stream, "one-shot": one_shot})

    # Anything else

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any],
        json: Any,
        timeout: float,
    ) -> Answer:
        """The answer to a request that has no call; it may be a refusal."""
        with (
            _translated(),
            self._send(method, url, params, json, timeout) as response,
        ):
            return Answer(response.status, response.headers, response.read())

    def close(self) -> None:
        """There is nothing to let go of."""

    def _get(self, path: str, *, is_versioned: bool = True, **params: Any) -> Any:
        return json.loads(self._read("GET", path, params, is_versioned=is_versioned))

    def _read(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        data: Any = None,
        *,
        is_versioned: bool = True,
    ) -> bytes:
        response = self._open(method, path, params, data, is_versioned=is_versioned)
        with response, _translated():
            return response.read()

    def _open(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        data: Any = None,
        *,
        is_versioned: bool = True,
    ) -> HTTPResponse:
        """A good answer whose body is not read yet. Raises Refused for another."""
        url = f"/v{self.api_version}{path}" if is_versioned else path
        with _translated():
            response = self._send(method, url, params, data, self._timeout)
            if response.status < 400:
                return response
            with response:
                raise Refused(response.status, _read_words(response.read()))

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        data: Any,
        timeout: float,
    ) -> HTTPResponse:
        connection = _Connection(self._path, timeout)
        headers = {**self._headers, "Connection": "close"}
        body = None
        if data is not None:
            body = json.dumps(data)
            headers["Content-Type"] = "application/json"
        try:
            query = f"?{urlencode(params)}" if params else ""
            connection.request(method, url + query, body, headers)
            response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            connection.sock.close()  # it stays open until the answer is closed
        return response


class Answer:
    """What was answered to a request that has no call."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status_code = status
        self.headers = headers
        self._body = body

    def json(self) -> Any:
        """What it holds. Raises ValueError for what is no JSON."""
        return json.loads(self._body)


class Events:
    """One JSON value after the other, until the engine or we end it."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        self._is_ended = False
        self._socket = socket.socket(fileno=os.dup(response.fileno()))
        self._socket.settimeout(None)  # nothing may happen for long

    def __iter__(self) -> Iterator[Any]:
        try:
            with _translated():
                yield from self._read()
        except Silence:
            if not self._is_ended:
                raise
        finally:
            self._response.close()
            self._socket.close()

    def _read(self) -> Iterator[Any]:
        rest = b""
        while piece := self._response.read1(_PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            for line in filter(None, lines):
                yield json.loads(line)
        if rest.strip():
            yield json.loads(rest)

    def close(self) -> None:
        """End it, from any thread."""
        self._is_ended = True
        with suppress(OSError):  # it is at its end already
            self._socket.shutdown(socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_path)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Late(str(error)) from error
    except (HTTPException, ConnectionResetError, BrokenPipeError) as error:
        raise Silence(f"Connection aborted: {error}") from error
    except ValueError as error:
        raise Silence(f"what it answers cannot be read: {error}") from error


def _read_pieces(response: HTTPResponse, size: int) -> Iterator[bytes]:
    with response, _translated():
        while piece := response.read(size):
            yield piece


def _split_frames(written: bytes) -> Iterator[bytes]:
    """What a program wrote, without the heads of its pieces."""
    begin = _FRAME
    while begin <= len(written):
        length = int.from_bytes(written[begin - 4 : begin])
        yield written[begin : begin + length]
        begin += length + _FRAME


def _read_words(body: bytes) -> str:
    """Why the engine refuses, in its words."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return body.decode("utf-8", "replace").strip()


def _quote(name: str) -> str:
    return quote(name, safe="/:")


def _write(filters: Mapping[str, Any]) -> str:
    """Filters as the engine reads them: JSON, each a list."""
    return json.dumps(
        {
            key: value if isinstance(value, list) else [value]
            for key, value in filters.items()
        }
    )
