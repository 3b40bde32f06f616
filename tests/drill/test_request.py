"""One question to a service: what is sent, and which answers are good."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composegen.ask import Ask, Drill
from composegen.drill.request import (
    Deadline,
    Wanted,
    ask_once,
    exchange_on,
    is_whole,
    judge_response,
    make_request,
    make_wanted,
    open_connection,
    run_command,
)
from composegen.health import Health, HealthKind
from composegen.values import Duration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HTTP = Health(kind=HealthKind.HTTP, path="/health", port=80, host="example.com")
ASKED = Wanted(limit=5, port=1, method="GET", path="/")


def want(drill: Drill, health: Health | None = HTTP) -> Wanted | None:
    return make_wanted(drill, health, 8000, (), lambda text: text.replace("$N", "7"))


# What is asked


def test_without_an_ask_the_health_check_is_asked() -> None:
    assert want(Drill()) == Wanted(
        limit=2, port=80, method="GET", path="/health", host="example.com"
    )
    assert want(Drill(), Health(kind=HealthKind.TCP)) == Wanted(limit=2, port=8000)
    assert want(Drill(), Health(kind=HealthKind.NONE)) is None
    assert want(Drill(), None) is None


def test_a_health_command_is_the_one_that_its_container_has() -> None:
    health = Health(kind=HealthKind.COMMAND, command=("written",))
    found = make_wanted(Drill(), health, None, ("sh", "-c", "ready"), str)

    assert found == Wanted(limit=2, command=("sh", "-c", "ready"))


def test_an_answer_has_the_time_that_is_written_or_that_of_the_health_check() -> None:
    slow = Health(kind=HealthKind.TCP, timeout=Duration("7s", 7))
    for drill, limit in ((Drill(), 7), (Drill(within=Duration("3s", 3)), 3)):
        found = want(drill, slow)
        assert found is not None
        assert found.limit == limit


def test_json_is_sent_with_its_variables_filled() -> None:
    ask = Ask(path="/a", method="POST", body={"n": [1, "$N"]}, is_json=True)
    found = want(Drill(ask=ask, status=201, contains="x"))

    assert found is not None
    assert found.body == b'{"n": [1, "7"]}'
    assert found.headers == {"Content-Type": "application/json"}
    assert (found.status, found.contains, found.port) == (201, "x", 8000)


def test_headers_and_a_body_are_filled_too() -> None:
    found = want(Drill(ask=Ask(path="/a", headers={"X": "$N"}, body="n=$N")))

    assert found is not None
    assert (found.headers, found.body) == ({"X": "7"}, b"n=7")


def test_a_command_is_a_text_for_a_shell_or_words() -> None:
    for command, words in ((("a", "$N"), ("a", "7")), ("a $N", ("sh", "-c", "a 7"))):
        found = want(Drill(ask=Ask(command=command)))
        assert found is not None
        assert found.command == words


def test_a_request_is_whole_and_closes_its_connection() -> None:
    text = make_request(
        Wanted(limit=1, method="POST", path="/a", headers={"X": "1"}, body=b"b"), "h:1"
    ).decode()

    assert text.startswith("POST /a HTTP/1.1\r\nHost: h:1\r\n")
    assert "\r\nConnection: close\r\n" in text
    assert text.endswith("\r\nX: 1\r\nContent-Length: 1\r\n\r\nb")


# Which answers are good


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (OK, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", ""),
        (b"HTTP/1.1 404 Not Found\r\n\r\nno", "answered 404 Not Found: `no`"),
        (b"", "the connection was closed without an answer"),
        (b"hello", "the answer is not HTTP: `hello`"),
        (OK[:-2], "the answer broke off after 3 bytes"),
    ],
)
def test_an_answer_is_judged_by_its_status(raw: bytes, problem: str) -> None:
    assert judge_response(raw, ASKED) == problem


def test_a_status_that_is_named_is_the_only_good_one() -> None:
    wanted = Wanted(limit=1, method="GET", path="/", status=404)

    assert judge_response(b"HTTP/1.1 404 No\r\n\r\n", wanted) == ""
    assert judge_response(OK, wanted) == "answered 200 OK: `hello`"


def test_a_good_status_with_the_wrong_text_is_not_good() -> None:
    wanted = Wanted(limit=1, method="GET", path="/", contains="reply")
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    assert judge_response(OK, wanted) == "answered 200 with `hello`, without `reply`"
    assert judge_response(empty, wanted) == (
        "answered 200 with nothing, without `reply`"
    )


def test_a_text_in_a_chunked_answer_is_found_over_the_chunks() -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nrep\r\n2\r\nly\r\n0\r\n\r\n"
    )

    assert is_whole(raw)
    assert judge_response(raw, Wanted(limit=1, path="/", contains="reply")) == ""
    assert not is_whole(raw[:-1])


HARD = st.lists(st.sampled_from([b"\r\n", b"0", b"0\r\n\r\n", b"1", b"x"]), max_size=6)


@given(chunks=st.lists(HARD.map(b"".join).filter(bool)), has_trailer=st.booleans())
def test_a_chunked_answer_is_whole_with_its_last_chunk_whatever_it_holds(
    chunks: list[bytes], has_trailer: bool
) -> None:
    """Chunks that look like the end, cut at every place at which they may arrive."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n"
    raw += b"Trailer: 0\r\n\r\n" if has_trailer else b"\r\n"

    assert is_whole(raw)
    assert [end for end in range(len(raw)) if is_whole(raw[:end])] == []
    wanted = Wanted(limit=1, path="/", contains=b"".join(chunks).decode())
    assert judge_response(raw, wanted) == ""


def test_what_claims_to_be_chunked_and_is_not_is_no_http() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"

    assert is_whole(raw)
    assert judge_response(raw, ASKED)


def test_what_steers_a_terminal_is_shown_escaped() -> None:
    raw = b"HTTP/1.1 500 No\r\n\r\n\x1b[2Jbad"

    assert "\x1b" not in judge_response(raw, ASKED)


# Asking, with real sockets and programs


class Here:
    """The way to a server of this process."""

    def __init__(self, port: int) -> None:
        self.port = port

    def exchange(self, wanted: Wanted, make_request: Callable[[str], bytes]) -> bytes:
        deadline = Deadline(wanted.limit)
        with open_connection("127.0.0.1", self.port, deadline) as link:
            return exchange_on(link, make_request("h"), deadline)

    def connect(self, wanted: Wanted) -> None:
        open_connection("127.0.0.1", self.port, Deadline(wanted.limit)).close()

    def execute(self, wanted: Wanted) -> tuple[int, str]:
        return run_command(wanted.command, wanted)


@contextmanager
def serve(act: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that acts on its one connection."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def run() -> None:
            link, _ = door.accept()
            with link:
                act(link)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        thread.join(10)


def test_an_answer_that_says_its_length_needs_no_end_of_the_connection() -> None:
    over = threading.Event()

    def act(link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(OK)
        over.wait(10)

    with serve(act) as port:
        answer = ask_once(Here(port), ASKED)
        over.set()

    assert answer.is_good
    assert answer.seconds < 5


def test_a_service_that_never_ends_its_answer_is_given_up() -> None:
    over = threading.Event()

    def act(link: socket.socket) -> None:
        link.recv(65536)
        while not over.wait(0.02):
            link.send(b"x")

    with serve(act) as port:
        wanted = Wanted(limit=0.3, port=port, method="GET", path="/")
        answer = ask_once(Here(port), wanted)
        over.set()

    assert answer.problem == "no answer within 0.3 s"


def test_a_port_that_nothing_listens_on_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    answer = ask_once(Here(port), Wanted(limit=5, port=port))

    assert answer.problem == f"nothing listens on port {port}"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("true",), ""),
        (("sh", "-c", "echo no; exit 3"), "exited with 3: `no`"),
        (("no-such-program",), ""),
    ],
)
def test_a_command_is_judged_by_its_exit_code(
    command: tuple[str, ...], problem: str
) -> None:
    answer = ask_once(Here(0), Wanted(limit=5, command=command))

    assert answer.is_good is (command == ("true",))
    assert problem in answer.problem


def test_a_command_must_say_what_is_expected_within_its_time() -> None:
    said = Wanted(limit=5, command=("echo", "yes"), contains="yes")
    other = Wanted(limit=5, command=("echo", "no"), contains="yes")
    slow = Wanted(limit=0.2, command=("sleep", "60"))

    assert ask_once(Here(0), said).is_good
    assert ask_once(Here(0), other).problem == "its output is `no`, without `yes`"
    assert ask_once(Here(0), slow).problem == "no answer within 0.2 s"
