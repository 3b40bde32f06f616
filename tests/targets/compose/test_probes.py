"""Probes are run for real against small servers, with every tool that is here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from composegen.health import Health, HealthKind
from composegen.planning.asking import choose_tool
from composegen.stackfile.keys.health import TOOLS
from composegen.targets.compose.probes import (
    choose_start_interval,
    make_outside_test,
    make_test,
)
from composegen.values import Duration, parse_duration
from composegen.workspace.dotenv import fill_variables
from tests.parts import require_part, skip_without

INSTALLED_BY_CI = frozenset({"python3", "bash", "curl", "wget", "node"})
PROGRAMS = [*TOOLS, "busybox", "outside"]
"""The tools; ``busybox`` is its wget instead of GNU's, ``outside`` its nc and sh."""

TIMEOUT = parse_duration("2s")


# What asks


@pytest.fixture(params=PROGRAMS)
def tool(request: pytest.FixtureRequest) -> str:
    """A tool that is on this machine."""
    name: str = request.param
    if name in INSTALLED_BY_CI:
        require_part(shutil.which(name) is not None, name)
    elif shutil.which(program := name.replace("outside", "busybox")) is None:
        skip_without(program)
    return name


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this very Python, which needs no wrapper to be found."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("python", "python3"):
        (folder / name).symlink_to(Path(sys.executable).resolve())
    return folder


_WITHOUT_A_TIME_LIMIT = """\
#!/bin/sh
count=$#
while [ $count -gt 0 ]; do
  word=$1 count=$((count - 1))
  shift
  if [ "$word" = -T ]; then shift; count=$((count - 1)); else set -- "$@" "$word"; fi
done
exec busybox wget "$@"
"""
"""Some distributions build busybox without ``wget -T``, as no image of theirs is."""


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``wget`` and ``grep`` are busybox's."""
    folder = tmp_path_factory.mktemp("busybox")
    program = shutil.which("busybox")
    if program is None:
        return folder
    (folder / "grep").symlink_to(program)
    help = subprocess.run(
        [program, "wget", "--help"], capture_output=True, text=True, check=False
    )
    if "-T SEC" in help.stderr + help.stdout:
        (folder / "wget").symlink_to(program)
    else:
        (folder / "wget").write_text(_WITHOUT_A_TIME_LIMIT)
        (folder / "wget").chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def netcat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``nc``, ``sh`` and ``true`` are busybox's."""
    folder = tmp_path_factory.mktemp("netcat")
    program = shutil.which("busybox")
    for name in ("nc", "sh", "true") if program else ():
        (folder / name).symlink_to(str(program))
    return folder


def make_health(tool: str, port: int, **values: object) -> Health:
    name = "wget" if tool == "busybox" else tool
    settings: dict[str, Any] = {
        "kind": HealthKind.HTTP,
        "path": "/health",
        "timeout": TIMEOUT,
        "tools": (name,),
        "port": port,
        **values,
    }
    return Health(**settings)


def list_words(test: list[str]) -> list[str]:
    """The command that an engine makes of Compose's ``test``."""
    for word in test:
        assert "$" not in word.replace("$$", ""), "Compose would take this dollar"
    words = [word.replace("$$", "$") for word in test]
    return ["sh", "-c", *words[1:]] if words[0] == "CMD-SHELL" else words[1:]


class Asking:
    """Runs probes as an engine does: in a folder, with a time limit."""

    def __init__(
        self, folder: Path, programs: Path, busybox: Path, netcat: Path
    ) -> None:
        self.folder = folder
        self.env = dict(os.environ)
        self.was_ended = False
        self._programs = programs
        self._busybox = busybox
        self._netcat = netcat

    def ask(
        self,
        tool: str,
        port: int,
        *,
        limit: Duration = TIMEOUT,
        values: Mapping[str, str] | None = None,
        **settings: object,
    ) -> bool:
        """Whether the probe says that the service is healthy.

        ``values`` are those of variables, which Compose would fill in.
        """
        health = make_health(tool, port, **settings)
        is_outside = tool == "outside"
        test = (
            make_outside_test(health, "127.0.0.1") if is_outside else make_test(health)
        )
        assert test is not None
        if values is not None:
            test = [fill_variables(word, values).replace("$", "$$") for word in test]
        self.was_ended = False
        folders = {"busybox": self._busybox, "outside": self._netcat}
        first = folders.get(tool, self._programs)
        try:
            # An engine ends a probe that takes longer than its timeout.
            done = subprocess.run(
                list_words(test),
                cwd=self.folder,
                env={**self.env, "PATH": f"{first}{os.pathsep}{self.env['PATH']}"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=limit.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.was_ended = True
            return False
        return done.returncode == 0


@pytest.fixture
def asking(tmp_path: Path, programs: Path, busybox: Path, netcat: Path) -> Asking:
    folder = tmp_path / "app"
    folder.mkdir()
    return Asking(folder, programs, busybox, netcat)


# What is asked


@dataclass
class Server:
    """Answers every connection with the same bytes, and keeps what it was asked."""

    port: int
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve(answer: bytes | Callable[[str], bytes]) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    done = threading.Event()

    def work() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if done.is_set():
                    return
                connection.settimeout(1)
                with closing(connection.makefile("rb")) as reader:
                    head = read_head(reader)
                if not head:
                    continue
                server.requests.append(head)
                made = answer if isinstance(answer, bytes) else answer(head)
                try:
                    connection.sendall(made)
                except OSError:
                    continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        done.set()
        with closing(socket.create_connection(("127.0.0.1", server.port))):
            pass
        thread.join(5)
        listener.close()


def read_head(reader: Iterable[bytes]) -> str:
    lines = []
    try:
        for line in reader:
            if not line.strip():
                break
            lines.append(line.decode("latin-1").rstrip("\r\n"))
    except OSError:
        return ""
    return "\n".join(lines)


def answer(status: str, *headers: str, body: str = "ok") -> bytes:
    length = "" if status.startswith("204") else f"Content-Length: {len(body)}\r\n"
    lines = "".join(f"{header}\r\n" for header in headers)
    text = f"HTTP/1.1 {status}\r\n{lines}{length}Connection: close\r\n\r\n"
    return (text + ("" if status.startswith("204") else body)).encode()


@contextmanager
def listen_and_say_nothing() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def find_closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


def list_requested_paths(server: Server) -> list[str]:
    return [request.split("\n")[0].split(" ")[1] for request in server.requests]


# Statuses


@pytest.mark.parametrize(
    "status", ["200 OK", "204 No Content", "304 Not Modified", "399 Odd"]
)
def test_200_to_399_is_healthy(asking: Asking, tool: str, status: str) -> None:
    with serve(answer(status)) as server:
        assert asking.ask(tool, server.port)


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oops"])
def test_400_and_above_is_unhealthy(asking: Asking, tool: str, status: str) -> None:
    with serve(answer(status)) as server:
        assert not asking.ask(tool, server.port)


def test_a_status_in_http_1_0_counts_too(asking: Asking, tool: str) -> None:
    with serve(b"HTTP/1.0 200 OK\r\n\r\nok") as server:
        assert asking.ask(tool, server.port)


def test_a_status_without_a_reason_counts_too(asking: Asking, tool: str) -> None:
    with serve(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n") as server:
        assert asking.ask(tool, server.port)


def test_another_number_in_the_answer_is_no_status(asking: Asking, tool: str) -> None:
    reply = answer("503 since 200 s", "X-Before: HTTP/1.1 200 OK", body=" 200 ")
    with serve(reply) as server:
        assert not asking.ask(tool, server.port)


def test_an_answer_that_is_not_http_is_unhealthy(asking: Asking, tool: str) -> None:
    with serve(b"220 mail ready\r\n") as server:
        assert not asking.ask(tool, server.port)


def test_a_connection_that_closes_at_once_is_unhealthy(
    asking: Asking, tool: str
) -> None:
    with serve(b"") as server:
        # GNU wget tries again and again: the engine ends it.
        assert not asking.ask(tool, server.port, limit=Duration("500ms", 0.5))


def test_nothing_listening_is_unhealthy(asking: Asking, tool: str) -> None:
    assert not asking.ask(tool, find_closed_port())


# Redirects


def test_a_redirect_to_a_dead_place_is_healthy(asking: Asking, tool: str) -> None:
    place = f"http://127.0.0.1:{find_closed_port()}/"
    with serve(answer("302 Found", f"Location: {place}")) as server:
        assert asking.ask(tool, server.port)


def test_a_redirect_to_a_place_that_never_answers_is_healthy(
    asking: Asking, tool: str
) -> None:
    with listen_and_say_nothing() as port:
        reply = answer("302 Found", f"Location: http://127.0.0.1:{port}/")
        with serve(reply) as server:
            assert asking.ask(tool, server.port)


def test_a_redirect_to_an_error_is_healthy(asking: Asking, tool: str) -> None:
    def reply(head: str) -> bytes:
        if head.startswith("GET /health "):
            return answer("302 Found", "Location: /login")
        return answer("500 Oops")

    with serve(reply) as server:
        assert asking.ask(tool, server.port)


# Silence


@pytest.mark.parametrize("tool", ["python3", "curl", "bash"], indirect=True)
def test_no_answer_is_unhealthy_by_the_tool_s_own_timeout(
    asking: Asking, tool: str
) -> None:
    asked_for, limit = Duration("300ms", 0.3), Duration("20s", 20.0)
    with listen_and_say_nothing() as port:
        assert not asking.ask(tool, port, timeout=asked_for, limit=limit)
    assert not asking.was_ended


# What is sent


def test_the_path_that_is_asked_for_arrives(asking: Asking, tool: str) -> None:
    with serve(answer("200 OK")) as server:
        asking.ask(tool, server.port, path="/api/health?deep=1&x=%20y")

    assert list_requested_paths(server) == ["/api/health?deep=1&x=%20y"]


HOSTILE = "/a'b\"c\\nd`id`;id|[1-3]{e,f}*!g$$h$$(id)%25~&(i)=?"


def test_no_character_of_a_path_means_anything_to_a_tool(
    asking: Asking, tool: str
) -> None:
    with serve(answer("200 OK")) as server:
        assert asking.ask(tool, server.port, path=HOSTILE)

    (sent,) = list_requested_paths(server)
    assert sent in list_encodings(HOSTILE.replace("$$", "$"))


def list_encodings(path: str) -> set[str]:
    """The path, and what clients make of it that encode some of its characters."""
    paths = {path}
    for characters in ('"\\`|{}', "\"'\\`|[]{}", '"\\`|[]{}', "\"\\`{}|'"):
        encoded = path
        for character in characters:
            encoded = encoded.replace(character, f"%{ord(character):02X}")
        paths.add(encoded)
    return paths


def test_the_host_header_is_the_address_unless_one_is_given(
    asking: Asking, tool: str
) -> None:
    with serve(answer("200 OK")) as server:
        assert asking.ask(tool, server.port)

    assert "host: 127.0.0.1" in server.requests[0].lower()


def test_an_application_that_checks_the_host_header_is_asked_by_its_name(
    asking: Asking, tool: str
) -> None:
    def reply(head: str) -> bytes:
        lines = head.lower().split("\n")
        return answer("200 OK" if "host: shop.example" in lines else "400 Bad Host")

    with serve(reply) as server:
        assert not asking.ask(tool, server.port)
        assert asking.ask(tool, server.port, host="shop.example")

    hosts = [
        line for line in server.requests[-1].lower().split("\n") if "host:" in line
    ]
    assert hosts == ["host: shop.example"]


# What must not disturb


def test_a_proxy_in_the_environment_is_passed_by(asking: Asking, tool: str) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        asking.env.pop(name, None)
    asking.env["NODE_USE_ENV_PROXY"] = "1"
    with serve(answer("502 Proxy")) as proxy, serve(answer("200 OK")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            asking.env[name] = f"http://127.0.0.1:{proxy.port}"

        assert asking.ask(tool, server.port)

    assert proxy.requests == []


FILES = "email.py http.py socket.py sitecustomize.py http.js wget curl php.ini".split()


def test_files_of_the_application_do_not_stand_in_the_way(
    asking: Asking, tool: str
) -> None:
    for name in FILES:
        (asking.folder / name).write_text("raise SystemExit(1)\n")
    asking.env["PYTHONPATH"] = str(asking.folder)
    with serve(answer("200 OK")) as server:
        assert asking.ask(tool, server.port)


def test_a_probe_writes_nothing(asking: Asking, tool: str) -> None:
    with serve(answer("200 OK")) as server:
        asking.ask(tool, server.port)

    assert list(asking.folder.iterdir()) == []


# TCP


def test_a_port_that_listens_is_healthy(asking: Asking, tool: str) -> None:
    with listen_and_say_nothing() as port:
        assert asking.ask(tool, port, kind=HealthKind.TCP)


@pytest.mark.parametrize("kind", [HealthKind.HTTP, HealthKind.TCP])
def test_a_port_that_a_variable_says_is_asked(
    asking: Asking, tool: str, kind: HealthKind
) -> None:
    texts = {"port": "${PORT:-1}"}
    with serve(answer("200 OK")) as server:
        values = {"PORT": str(server.port)}
        assert asking.ask(tool, 1, values=values, kind=kind, texts=texts)
        assert not asking.ask(tool, 1, values={}, kind=kind, texts=texts)


def test_a_probe_leaves_a_time_limit_that_a_variable_says_to_the_engine() -> None:
    limit = Duration("${LIMIT:-1s}", 1)

    test = make_test(make_health("python3", 1, timeout=limit))

    assert "timeout=30" in str(test)


def test_a_port_where_nothing_listens_is_unhealthy(asking: Asking, tool: str) -> None:
    assert not asking.ask(tool, find_closed_port(), kind=HealthKind.TCP)


def test_a_port_that_listens_on_ipv6_too_is_healthy(asking: Asking, tool: str) -> None:
    try:
        listener = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
        )
    except (OSError, ValueError):
        pytest.skip("no IPv6 here")
    with closing(listener):
        port = listener.getsockname()[1]
        assert asking.ask(tool, port, kind=HealthKind.TCP)


def test_a_port_that_was_only_connected_to_is_unhealthy(asking: Asking) -> None:
    # The kernel's table holds connections too: only a listening port counts.
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        client = socket.create_connection(listener.getsockname())
        port = client.getsockname()[1]
        assert not asking.ask("curl", port, kind=HealthKind.TCP)
        client.close()


# Every probe, whatever asks


@pytest.mark.parametrize("kind", [HealthKind.HTTP, HealthKind.TCP])
@pytest.mark.parametrize("name", TOOLS)
def test_a_probe_asks_127_0_0_1_and_never_a_name(name: str, kind: HealthKind) -> None:
    test = make_test(make_health(name, 8000, kind=kind))

    assert test is not None
    text = " ".join(test)
    assert "localhost" not in text
    assert "127.0.0.1" in text or "/proc/net/tcp" in text


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_can_ask_in_both_ways(name: str) -> None:
    assert choose_tool(make_health(name, 80))
    assert choose_tool(make_health(name, 80, kind=HealthKind.TCP))


def test_only_wget_needs_a_shell() -> None:
    shells = [
        name
        for name in TOOLS
        if (make_test(make_health(name, 80)) or [""])[0] == "CMD-SHELL"
    ]

    assert shells == ["wget"]


# Which tool asks


def test_the_first_tool_that_is_known_asks() -> None:
    health = make_health("curl", 80, tools=("nc", "wget", "curl"))

    assert choose_tool(health) == "wget"


def test_without_a_tool_there_is_no_probe() -> None:
    assert not choose_tool(make_health("curl", 80, tools=()))
    assert not choose_tool(make_health("curl", 80, tools=("nc",)))


# Commands


def test_a_list_of_words_is_a_command() -> None:
    health = Health(kind=HealthKind.COMMAND, command=("pg_isready", "-q"))

    assert make_test(health) == ["CMD", "pg_isready", "-q"]


def test_a_text_is_for_a_shell() -> None:
    health = Health(kind=HealthKind.COMMAND, command="test -f /ready && true")

    assert make_test(health) == ["CMD-SHELL", "test -f /ready && true"]


def test_the_image_s_own_check_has_no_test() -> None:
    assert make_test(Health(kind=HealthKind.IMAGE)) is None


# How often while it boots


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wget", "200ms"),
        ("curl", "200ms"),
        ("bash", "200ms"),
        ("python", "300ms"),
        ("python3", "300ms"),
        ("node", "300ms"),
        ("php", "300ms"),
    ],
)
def test_a_cheap_probe_asks_more_often_while_a_service_boots(
    name: str, text: str
) -> None:
    assert choose_start_interval(make_health(name, 80)).text == text


@pytest.mark.parametrize(
    "command",
    [
        ("mongosh", "--quiet"),
        "mongosh --eval 1",
        "rabbitmq-diagnostics -q ping",
        ("rabbitmqctl", "status"),
    ],
)
def test_a_heavy_command_asks_seldom(command: str | tuple[str, ...]) -> None:
    health = Health(kind=HealthKind.COMMAND, command=command)

    assert choose_start_interval(health).text == "5s"


def test_another_command_asks_as_usual() -> None:
    health = Health(kind=HealthKind.COMMAND, command="true")

    assert choose_start_interval(health).text == "300ms"


def test_what_a_recipe_knows_comes_first() -> None:
    health = Health(
        kind=HealthKind.COMMAND,
        command="mongosh",
        start_interval=parse_duration("200ms"),
    )

    assert choose_start_interval(health).text == "200ms"
