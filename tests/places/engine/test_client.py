"""What an engine answers, also where it refuses: over the SDK, and over a socket."""

import json
import re
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from composegen.errors import EngineUnreachable
from composegen.places.engine import client
from composegen.places.engine.client import Engine
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.local import LocalApi
from tests.enginefakes import make_container

VERSION = (200, {"ApiVersion": "1.45", "Version": "26.1.5"})
FOUND = (200, {"Config": {"Tty": False}})


class Daemon(ThreadingHTTPServer):
    """Answers by the end of a path; what it was asked is kept with its query."""

    daemon_threads = True

    def __init__(self, answers, path=None):
        self.answers = {"/version": VERSION, **answers}
        self.asked = []
        self.address_family = socket.AF_INET if path is None else socket.AF_UNIX
        super().__init__(("127.0.0.1", 0) if path is None else str(path), _Answer)

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "here", self.server_address[1:2]

    def get_request(self):
        connection, address = super().get_request()
        return connection, address or ("here", 0)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, parse_qs(asked.query)))
        code, body = next(
            answer
            for end, answer in self.server.answers.items()
            if asked.path.endswith(end)
        )
        if code >= 400:
            body = {"message": body}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(params=["the SDK", "a socket"])
def connect(request, tmp_path):
    """Make an engine that answers so, and the daemon that it is."""

    @contextmanager
    def make(answers):
        path = tmp_path / "engine.sock" if request.param == "a socket" else None
        with Daemon(answers, path) as daemon:
            threading.Thread(
                target=daemon.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
            ).start()
            host = (
                f"unix://{path}" if path else f"tcp://127.0.0.1:{daemon.server_port[0]}"
            )
            try:
                with Engine(Endpoint(host=host, context="")) as engine:
                    assert isinstance(engine._api, LocalApi) is bool(path)
                    yield engine, daemon
            finally:
                daemon.shutdown()

    return make


def test_what_containers_use_is_counted(connect):
    listed = [{"Id": "one", "Labels": {"com.docker.compose.service": "web"}}]
    counted = {
        "cpu_stats": {"cpu_usage": {"total_usage": 2_000_000_000}},
        "memory_stats": {"usage": 500, "stats": {"inactive_file": 100}},
        "networks": {"eth0": {"rx_bytes": 7, "tx_bytes": 3}},
    }
    answers = {"/containers/json": (200, listed), "/one/stats": (200, counted)}
    with connect(answers) as (engine, daemon):
        [usage] = engine.measure("demo")
        [query] = [query for path, query in daemon.asked if path.endswith("/stats")]

    assert (usage.service, usage.cpu, usage.memory) == ("web", 2, 400)
    assert (usage.received, usage.sent) == (7, 3)
    assert {name: value.lower() for name, [value] in query.items()} in (
        {"stream": "false", "one-shot": "true"},
        {"stream": "0", "one-shot": "1"},
    )


def test_the_socket_knows_every_call_of_the_client():
    source = Path(client.__file__).read_text()
    asked = {*re.findall(r"self\._api\.(\w+)\(", source)}

    assert "stats" in asked
    assert {name for name in asked if not hasattr(LocalApi, name)} == set()


@pytest.mark.parametrize(
    "answer", [(404, "No such image: x"), (400, "invalid reference format")]
)
def test_an_image_that_is_not_there_or_can_be_none_is_none(answer, connect):
    with connect({"/images/x/json": answer}) as (engine, _):
        assert engine.find_image("x") is None


@pytest.mark.parametrize(
    "answer", [(400, "client version 1.45 is too old"), (500, "the disk is full")]
)
def test_what_an_engine_refuses_is_said_in_its_words(answer, connect):
    with (
        connect({"/containers/json": answer}) as (engine, _),
        pytest.raises(EngineUnreachable) as caught,
    ):
        engine.list_containers("demo")
    assert caught.value.message == f"the Docker engine says: {answer[1]}"


@pytest.mark.parametrize(
    ("containers", "networks", "has_any"),
    [
        ([], [], False),
        ([{"Id": "id"}], [], True),
        ([], [{"Name": "demo_default"}], True),
    ],
)
def test_a_project_is_there_with_a_container_or_a_network(
    containers, networks, has_any, connect
):
    answers = {"/containers/json": (200, containers), "/networks": (200, networks)}
    with connect(answers) as (engine, daemon):
        assert engine.has_any("demo") is has_any
    found = [query["filters"] for _, query in daemon.asked if query]
    assert found
    assert all("com.docker.compose.project=demo" in each for [each] in found)


def test_a_log_that_is_kept_nowhere_is_empty(connect):
    refused = (501, "configured logging driver does not support reading")
    with connect({"/logs": refused, "/json": FOUND}) as (engine, _):
        assert engine.read_logs("id", 20, 5.0) == ()


@pytest.mark.parametrize("code", [400, 409, 500])
def test_a_container_in_which_nothing_can_be_run_shows_nothing(code, connect):
    with connect({"/exec": (code, "no cat is there")}) as (engine, _):
        assert engine.list_sockets(make_container("web", id="id")) is None
        assert engine.find_programs("id", ["wget"]) is None


def test_a_folder_that_a_container_has_not_is_none(connect):
    with connect({"/archive": (404, "no such path")}) as (engine, _):
        assert engine.find_folder("id", "/data") is None


def test_a_folder_that_cannot_be_looked_at_is_no_answer(connect):
    with (
        connect({"/archive": (500, "the disk is away")}) as (engine, _),
        pytest.raises(LookupError),
    ):
        engine.find_folder("id", "/data")


def test_the_past_is_over_by_the_clock_of_the_engine(connect):
    """An engine whose clock is behind would wait until it is not."""
    death = {
        "Action": "die",
        "Actor": {"ID": "id", "Attributes": {"exitCode": "3"}},
        "timeNano": 995_000_000_000,
    }
    answers = {
        "/info": (200, {"SystemTime": "1970-01-01T00:16:40.5Z"}),
        "/events": (200, death),
    }
    with connect(answers) as (engine, daemon):
        [happened] = engine.list_past("id", since=900.0)
        assert happened.exit_code == 3
        [until] = daemon.asked[-1][1]["until"]
        assert float(until) == 1000.5


def test_a_request_that_the_sdk_lacks_is_asked_with_its_version(connect):
    with connect({"/system/df": (200, {"Volumes": []})}) as (engine, daemon):
        answer = engine.ask_api("GET", "/system/df", type="volume")
        assert answer.json() == {"Volumes": []}
        assert daemon.asked[-1] == ("/v1.45/system/df", {"type": ["volume"]})


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KNOWN = json.dumps(VERSION[1]).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(KNOWN)


@contextmanager
def talk(folder, answer, *, hang_up=False, knows_version=True, settings=None):
    """An engine that tells its version, and then answers these very bytes."""
    path = folder / "engine.sock"
    kept = []

    def serve():
        for each in [HEAD + KNOWN, answer] if knows_version else [answer]:
            try:
                connection, _ = listening.accept()
            except OSError:  # nobody asked so often
                return
            connection.recv(65536)
            connection.sendall(each)
            kept.append(connection)
            if hang_up:
                connection.close()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        endpoint = Endpoint(host=f"unix://{path}", context="", settings=settings or {})
        try:
            yield Engine(endpoint)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            server.join()
            for each in kept:
                each.close()


def frame(stream, data):
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4) + data


def test_what_a_program_writes_is_put_together_from_its_pieces(connect):
    written = frame(1, b"one\ntw") + frame(2, b"") + frame(2, b"o\nthree\n")
    with connect({"/logs": (200, written), "/json": FOUND}) as (engine, daemon):
        assert engine.read_logs("id", 2, 5.0) == ("two", "three")
        [query] = [query for path, query in daemon.asked if path.endswith("/logs")]
        assert query["tail"] == ["2"]
        assert query["stdout"] == query["stderr"] == ["1"]


def test_what_a_terminal_shows_has_no_pieces(connect):
    found = (200, {"Config": {"Tty": True}})
    with connect({"/logs": (200, b"one\ntwo\n"), "/json": found}) as (engine, _):
        assert engine.read_logs("id", 2, 5.0) == ("one", "two")


@pytest.mark.parametrize("connect", ["a socket"], indirect=True)
def test_a_program_in_a_container_is_run_and_its_end_is_known(connect):
    """The SDK reads what a program writes past HTTP: it needs a real engine."""
    answers = {
        "/containers/id/exec": (201, {"Id": "one"}),
        "/start": (200, frame(1, b"/bin/wget\nend\n")),
        "/exec/one/json": (200, {"ExitCode": 0}),
    }
    with connect(answers) as (engine, _):
        assert engine.find_programs("id", ["wget", "curl"]) == ("wget",)


def test_a_watch_sees_each_event_also_one_in_two_pieces(tmp_path):
    death = {"Action": "die", "Actor": {"ID": "id", "Attributes": {"exitCode": "3"}}}
    line = json.dumps(death).encode() + b"\n"
    pieces = [line + line[:9], line[9:]]
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces)
    with talk(tmp_path, CHUNKED + body + b"0\r\n\r\n") as engine:
        assert [each.exit_code for each in engine.watch("demo")] == [3, 3]


def test_a_watch_is_ended_from_another_thread(tmp_path):
    """The engine says nothing and keeps the connection."""
    with talk(tmp_path, CHUNKED) as engine:
        watch = engine.watch("demo")
        threading.Timer(0.01, watch.close).start()
        assert list(watch) == []


def test_a_watch_whose_engine_goes_away_says_so(tmp_path):
    with (
        talk(tmp_path, CHUNKED, hang_up=True) as engine,
        pytest.raises(EngineUnreachable, match="was lost"),
    ):
        list(engine.watch("demo"))


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda path: None, "no Docker engine is there"),
        (lambda path: path.touch(), "no Docker engine answers"),
    ],
)
def test_a_socket_at_which_nobody_is_is_named(tmp_path, break_it, words):
    path = tmp_path / "engine.sock"
    break_it(path)
    with pytest.raises(EngineUnreachable, match=words):
        Engine(Endpoint(host=f"unix://{path}", context=""))


def test_an_engine_that_hangs_up_is_lost(tmp_path):
    with (
        pytest.raises(EngineUnreachable, match="was lost"),
        talk(tmp_path, b"", hang_up=True, knows_version=False),
    ):
        pass


def test_what_people_have_docker_add_to_each_request_is_added(tmp_path):
    (tmp_path / "config.json").write_text('{"HttpHeaders": {"X-Who": "me"}}')
    with talk(tmp_path, CHUNKED, settings={"DOCKER_CONFIG": str(tmp_path)}) as engine:
        assert engine._api._headers == {"X-Who": "me"}
