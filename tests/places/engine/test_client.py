"""What an engine answers, also where it refuses, over HTTP as the SDK asks it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from composegen.errors import EngineUnreachable
from composegen.places.engine.client import Engine
from composegen.places.engine.endpoint import Endpoint
from tests.enginefakes import make_container

VERSION = (200, {"ApiVersion": "1.45", "Version": "26.1.5"})
FOUND = (200, {"Config": {"Tty": False}})


class Daemon(ThreadingHTTPServer):
    """Answers by the end of a path; what it was asked is kept with its query."""

    daemon_threads = True

    def __init__(self, answers):
        self.answers = {"/version": VERSION, **answers}
        self.asked = []
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, parse_qs(asked.query)))
        code, body = next(
            answer
            for end, answer in self.server.answers.items()
            if asked.path.endswith(end)
        )
        if code >= 400:
            body = {"message": body}
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def connect(answers):
    """An engine that answers so, and the daemon that it is."""
    with Daemon(answers) as daemon:
        threading.Thread(
            target=daemon.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        host = f"tcp://127.0.0.1:{daemon.server_port}"
        try:
            with Engine(Endpoint(host=host, context="")) as engine:
                yield engine, daemon
        finally:
            daemon.shutdown()


@pytest.mark.parametrize(
    "answer", [(404, "No such image: x"), (400, "invalid reference format")]
)
def test_an_image_that_is_not_there_or_can_be_none_is_none(answer):
    with connect({"/images/x/json": answer}) as (engine, _):
        assert engine.find_image("x") is None


@pytest.mark.parametrize(
    "answer", [(400, "client version 1.45 is too old"), (500, "the disk is full")]
)
def test_what_an_engine_refuses_is_said_in_its_words(answer):
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
    containers, networks, has_any
):
    answers = {"/containers/json": (200, containers), "/networks": (200, networks)}
    with connect(answers) as (engine, daemon):
        assert engine.has_any("demo") is has_any
    found = [query["filters"] for _, query in daemon.asked if query]
    assert found
    assert all("com.docker.compose.project=demo" in each for [each] in found)


def test_a_log_that_is_kept_nowhere_is_empty():
    refused = (501, "configured logging driver does not support reading")
    with connect({"/logs": refused, "/json": FOUND}) as (engine, _):
        assert engine.read_logs("id", 20, 5.0) == ()


@pytest.mark.parametrize("code", [400, 409, 500])
def test_a_container_in_which_nothing_can_be_run_shows_nothing(code):
    with connect({"/exec": (code, "no cat is there")}) as (engine, _):
        assert engine.list_sockets(make_container("web", id="id")) is None
        assert engine.find_programs("id", ["wget"]) is None


def test_a_folder_that_a_container_has_not_is_none():
    with connect({"/archive": (404, "no such path")}) as (engine, _):
        assert engine.find_folder("id", "/data") is None


def test_a_folder_that_cannot_be_looked_at_is_no_answer():
    with (
        connect({"/archive": (500, "the disk is away")}) as (engine, _),
        pytest.raises(LookupError),
    ):
        engine.find_folder("id", "/data")


def test_the_past_is_over_by_the_clock_of_the_engine():
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


def test_a_request_that_the_sdk_lacks_is_asked_with_its_version():
    with connect({"/system/df": (200, {"Volumes": []})}) as (engine, daemon):
        answer = engine.ask_api("GET", "/system/df", type="volume")
        assert answer.json() == {"Volumes": []}
        assert daemon.asked[-1] == ("/v1.45/system/df", {"type": ["volume"]})
