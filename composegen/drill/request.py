"""One question to a service: over HTTP, by connecting, or by a command.

A deadline holds for the whole of it, so that a service that sends a byte a second does
not pass for one that answers.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from composegen.ask import Ask, Drill
from composegen.drill.asking import Answer
from composegen.health import Health, HealthKind
from composegen.oserrors import describe_os_error
from composegen.records import field, record
from composegen.text import escape_control, shorten

_MOST = 1024 * 1024
_CHUNK = 65536
_FIRST_GOOD, _FIRST_BAD = 200, 400
_SHOWN = 160
_DEFAULT_LIMIT = 2.0
_AGENT = "composegen-drill"


class Unanswered(Exception):
    """A question got no answer; the message says how."""


@record
class Wanted:
    """What is asked, and which answer is good.

    ``request`` is whole but for its Host header, which ``host`` replaces where it is
    not empty. Without a request, ``command`` is run; without one, connecting is all.
    """

    limit: float
    port: int | None = None
    method: str = ""
    path: str = ""
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    command: tuple[str, ...] = ()
    status: int = 0
    contains: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.method} {self.path}"
        if self.command:
            return " ".join(self.command)
        return f"connect to port {self.port}"


class Way(Protocol):
    """How a service is reached; each method raises Unanswered and OSError."""

    def exchange(self, wanted: Wanted, make_request: Callable[[str], bytes]) -> bytes:
        """Send a request, made for the name of a host, and read the raw answer."""
        ...

    def connect(self, wanted: Wanted) -> None:
        """Connect, and no more."""
        ...

    def execute(self, wanted: Wanted) -> tuple[int, str]:
        """Run a command in the service; its exit code and output."""
        ...


def make_wanted(
    drill: Drill,
    health: Health | None,
    port: int | None,
    command: tuple[str, ...],
    fill: Callable[[str], str],
) -> Wanted | None:
    """What a drill asks of a service; None where there is nothing to ask.

    ``command`` is the one that its health check runs, ``fill`` fills variables.
    """
    limit = health.timeout.seconds if health is not None else _DEFAULT_LIMIT
    if drill.within is not None:
        limit = drill.within.seconds
    if drill.ask is not None:
        return _want_asked(drill.ask, drill, port, limit, fill)
    if health is None or not health.can_be_asked:
        return None
    at = health.port or port
    if health.kind is HealthKind.HTTP:
        path = health.path or "/"
        return Wanted(limit=limit, port=at, method="GET", path=path, host=health.host)
    if health.kind is HealthKind.TCP:
        return Wanted(limit=limit, port=at)
    return Wanted(limit=limit, command=command) if command else None


def _want_asked(
    ask: Ask,
    drill: Drill,
    port: int | None,
    limit: float,
    fill: Callable[[str], str],
) -> Wanted:
    if not ask.path:
        words = ask.command
        command = ("sh", "-c", words) if isinstance(words, str) else words
        return Wanted(
            limit=limit,
            command=tuple(fill(word) for word in command),
            contains=drill.contains,
        )
    headers = {name: fill(text) for name, text in ask.headers.items()}
    body = str(ask.body)
    if ask.is_json:
        body = json.dumps(_fill_raw(ask.body, fill), ensure_ascii=False)
        headers = {"Content-Type": "application/json", **headers}
    return Wanted(
        limit=limit,
        port=port,
        method=ask.method,
        path=ask.path,
        headers=headers,
        body=(body if ask.is_json else fill(body)).encode(),
        status=drill.status,
        contains=drill.contains,
    )


def _fill_raw(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [_fill_raw(each, fill) for each in value]
    if isinstance(value, dict):
        return {fill(key): _fill_raw(each, fill) for key, each in value.items()}
    return value


# Asking


def ask_once(way: Way, wanted: Wanted) -> Answer:
    """Ask once; whatever comes is an answer."""
    begun = time.monotonic()
    try:
        problem = _ask(way, wanted)
    except Unanswered as error:
        problem = str(error)
    except TimeoutError:
        problem = f"no answer within {wanted.limit:g} s"
    except OSError as error:
        problem = _describe(error, wanted)
    return Answer(at=begun, seconds=time.monotonic() - begun, problem=problem)


def _ask(way: Way, wanted: Wanted) -> str:
    if wanted.path:
        raw = way.exchange(wanted, lambda host: make_request(wanted, host))
        return judge_response(raw, wanted)
    if not wanted.command:
        way.connect(wanted)
        return ""
    code, output = way.execute(wanted)
    if code != 0:
        last = output.strip().splitlines()[-1:]
        said = f": {_show(last[0])}" if last else ""
        return f"`{shorten(str(wanted))}` exited with {code}{said}"
    return _miss(output, wanted, "its output is")


def make_request(wanted: Wanted, host: str) -> bytes:
    """The bytes of a request."""
    headers = {
        "Host": wanted.host or host,
        "User-Agent": _AGENT,
        "Accept": "*/*",
        "Connection": "close",
        **wanted.headers,
    }
    if wanted.body or wanted.method in {"POST", "PUT", "PATCH"}:
        headers["Content-Length"] = str(len(wanted.body))
    lines = [f"{wanted.method} {wanted.path} HTTP/1.1"]
    lines += [f"{name}: {text}" for name, text in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + wanted.body


class _Raw:
    """Bytes that the parser of HTTP takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def judge_response(raw: bytes, wanted: Wanted) -> str:
    """What is wrong with a raw response; empty where it is what is wanted."""
    if not raw:
        return "the connection was closed without an answer"
    response = http.client.HTTPResponse(_Raw(raw), method=wanted.method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read(_MOST)
    except http.client.IncompleteRead as error:
        return f"the answer broke off after {len(error.partial)} bytes"
    except (http.client.HTTPException, ValueError):
        return f"the answer is not HTTP: {_show(raw[:60].decode('latin-1'))}"
    if response.length:
        return f"the answer broke off after {len(body)} bytes"
    text = body.decode("utf-8", "replace")
    is_good = _FIRST_GOOD <= response.status < _FIRST_BAD
    if wanted.status:
        is_good = response.status == wanted.status
    if not is_good:
        shown = f": {_show(text)}" if text.strip() else ""
        return f"answered {response.status} {response.reason}".rstrip() + shown
    return _miss(text, wanted, f"answered {response.status} with")


def _miss(text: str, wanted: Wanted, how: str) -> str:
    if wanted.contains in text:
        return ""
    shown = _show(text) if text.strip() else "nothing"
    return f"{how} {shown}, without `{shorten(wanted.contains)}`"


def _show(text: str) -> str:
    """A text of a service on one line, without what steers a terminal."""
    return f"`{escape_control(shorten(' '.join(text.split()), _SHOWN))}`"


def _describe(error: OSError, wanted: Wanted) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on port {wanted.port}"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was reset"
    return describe_os_error(error)[0]


# Sockets


class Deadline:
    """The end of a question; ``left`` raises TimeoutError when it has passed."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def open_connection(host: str, port: int | None, deadline: Deadline) -> socket.socket:
    """A connection to a service. Raises OSError."""
    return socket.create_connection((host, port or 0), timeout=deadline.left)


def exchange_on(link: socket.socket, request: bytes, deadline: Deadline) -> bytes:
    """Send a request and read the answer until it is whole, or the other end closes."""
    link.settimeout(deadline.left)
    link.sendall(request)
    raw = bytearray()
    while len(raw) <= _MOST:
        link.settimeout(deadline.left)
        data = link.recv(_CHUNK)
        if not data:
            break
        raw += data
        if is_whole(bytes(raw), is_head=request.startswith(b"HEAD ")):
            break
    return bytes(raw)


def is_whole(raw: bytes, *, is_head: bool = False) -> bool:
    """Whether an answer says by itself that it is at its end."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    if not gap:
        return False
    fields = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, text = line.partition(b":")
        fields[name.strip().lower()] = text.strip().lower()
    if is_head or head.split(b" ", 2)[1:2] in ([b"204"], [b"304"]):
        return True
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return _has_last_chunk(body)
    length = fields.get(b"content-length", b"")
    return length.isdigit() and len(body) >= int(length)


def _has_last_chunk(body: bytes) -> bool:
    """Whether chunks are all there, to the empty one at the end and its trailers."""
    while True:
        size, gap, rest = body.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            return bool(gap)  # these are no chunks: the parser says so
        if not gap:
            return False
        if length == 0:
            return rest.startswith(b"\r\n") or b"\r\n\r\n" in rest
        body = rest[length + 2 :]
        if not body:
            return False


def run_command(
    command: Sequence[str],
    wanted: Wanted,
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> tuple[int, str]:
    """Run a command to its end, or to the deadline. Raises Unanswered and OSError."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=wanted.limit,
            check=False,
            env=None if env is None else dict(env),
            cwd=folder,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Unanswered(f"no answer within {wanted.limit:g} s") from None
    return done.returncode, done.stdout[-_MOST:].decode("utf-8", "replace")
