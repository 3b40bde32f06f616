"""Is it ready: what counts, how often it is asked, and what ends the wait."""

import asyncio
import os
import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from composegen.health import HealthKind
from composegen.places.processes import readiness as health
from composegen.places.processes.readiness import (
    Died,
    NeverReady,
    NothingListens,
    NotReady,
    Probe,
    ask,
    choose_pause,
    wait_until_ready,
    wait_until_settled,
)
from composegen.system.identity import identify
from tests.leaks import LIMIT, wait_for
from tests.refusals import close, no_handles, other_user
from tests.simulated import simulate


@contextmanager
def serve(answer):
    """A server that answers everything in one way; None: it never answers."""
    seen = []
    server = socket.create_server(("127.0.0.1", 0))

    def handle():
        connection, _ = server.accept()
        with connection:
            seen.append(connection.recv(4096))
            if answer is None:
                connection.recv(4096)
            else:
                with suppress(OSError):
                    connection.sendall(answer)
                    if b"stream" in answer:
                        connection.recv(4096)

    thread = threading.Thread(target=handle)
    thread.start()
    try:
        yield server.getsockname()[1], seen
    finally:
        thread.join()
        server.close()


def ask_http(answer, **options):
    with serve(answer) as (port, seen):
        timeout = 0.2 if answer is None else LIMIT
        probe = Probe(kind=HealthKind.HTTP, port=port, timeout=timeout, **options)
        try:
            asyncio.run(ask(probe))
        except NotReady as error:
            return str(error), seen
        return "ready", seen


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "ready"),
        (b"HTTP/1.0 204 No Content\r\n\r\n", "ready"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "ready"),
        (b"HTTP/1.1 399 Odd\r\n\r\n", "ready"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answered 400 Bad Request"),
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "answered 503 Service Unavailable",
        ),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "answered 101 Switching"),
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP: 'SSH-2.0-OpenSSH'"),
        (b"", "the connection was closed without an answer"),
        (None, "no answer within 0.2 s"),
    ],
)
def test_http_is_ready_from_200_to_399_at_the_first_status_line(answer, said):
    assert ask_http(answer)[0] == said


def test_the_request_has_the_path_and_the_host_that_are_wanted():
    _, seen = ask_http(b"HTTP/1.1 200 OK\r\n\r\n", path="/up?x=1", host_header="a.test")

    assert seen[0].startswith(b"GET /up?x=1 HTTP/1.1\r\nHost: a.test\r\n")


def test_a_large_body_that_never_ends_does_not_hold_it_up():
    assert ask_http(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3_000_000)[0] == "ready"


def test_an_answer_that_goes_on_for_ever_is_one():
    assert ask_http(b"HTTP/1.1 200 OK\r\nX: stream\r\n\r\n")[0] == "ready"


def test_tcp_is_ready_when_a_process_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asyncio.run(ask(Probe(kind=HealthKind.TCP, port=port)))
    with pytest.raises(NotReady, match=f"nothing listens on 127.0.0.1:{port}"):
        asyncio.run(ask(Probe(kind=HealthKind.TCP, port=port)))


@pytest.mark.parametrize("kind", [HealthKind.TCP, HealthKind.HTTP])
def test_a_connection_that_is_not_made_is_no_answer(kind):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # more than it keeps
        try:
            for each in waiting:
                each.settimeout(0)
                each.connect_ex(address)
            with pytest.raises(NotReady, match=r"no answer within 0\.2 s"):
                asyncio.run(ask(Probe(kind=kind, port=address[1], timeout=0.2)))
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize(
    ("kind", "times"),
    [(HealthKind.TCP, 1), (HealthKind.HTTP, 1), (HealthKind.COMMAND, 0)],
)
def test_something_is_done_while_the_answer_is_on_its_way(kind, times):
    done = []
    with serve(b"HTTP/1.1 200 OK\r\n\r\n") as (port, seen):
        probe = Probe(kind=kind, port=port, command=("true",))
        asyncio.run(ask(probe, lambda: done.append(len(seen))))
        if kind is HealthKind.COMMAND:
            socket.create_connection(("127.0.0.1", port)).close()
    assert len(done) == times


def make_command(text, **options):
    return Probe(
        kind=HealthKind.COMMAND,
        command=("/bin/sh", "-c", text),
        env={"PATH": os.environ["PATH"], "WORD": "hello"},
        folder=Path("/tmp"),
        **options,
    )


def test_a_command_is_asked_with_its_environment_in_its_folder():
    asyncio.run(ask(make_command('[ "$WORD" = hello ] && [ "$PWD" = /tmp ]')))
    with pytest.raises(NotReady, match="the check exited with 3: no luck"):
        asyncio.run(ask(make_command("echo no luck; exit 3")))
    with pytest.raises(NotReady, match="no such file"):
        asyncio.run(ask(Probe(kind=HealthKind.COMMAND, command=("/no/such",))))


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    written = tmp_path / "pid"
    text = f"sleep 600 & echo $! > {written}; wait"

    for timeout in (0.2, 1, 5, 25):  # a busy machine is slow to start the shell
        with pytest.raises(NotReady, match=f"no answer within {timeout:g} s"):
            asyncio.run(ask(make_command(text, timeout=timeout)))
        if written.exists() and written.read_text():
            break

    pid = int(written.read_text())
    wait_for(lambda: identify(pid) is None)


# The loop


def test_it_is_asked_eagerly_at_first_and_calmly_later():
    ages = (0, 2.99, 3.01, 29.9, 30.1, 600)

    assert [choose_pause(age) for age in ages] == [
        *(0.005, 0.005),
        *(0.025, 0.025),
        *(0.1, 0.1),
    ]


def refuse_until(seconds):
    """Asks something that answers well from this time of the simulation on."""
    end = asyncio.get_running_loop().time() + seconds

    async def ask_once():
        if asyncio.get_running_loop().time() < end:
            raise NotReady("too early")

    return ask_once


@pytest.mark.parametrize(("after", "pause"), [(0.2, 0.005), (10, 0.025), (40, 0.1)])
def test_readiness_is_seen_within_one_pause(after, pause, monkeypatch):
    async def go():
        return await wait_until_ready(refuse_until(after), boot=60)

    seconds = simulate(go(), monkeypatch, health)

    assert after <= seconds <= after + pause + 0.001


def test_the_deadline_says_what_the_last_answer_was(monkeypatch):
    async def go():
        begin = asyncio.get_running_loop().time()
        with pytest.raises(NeverReady, match=r"not ready after 0\.1 s: too early"):
            await wait_until_ready(refuse_until(60), boot=0.1)
        return asyncio.get_running_loop().time() - begin

    assert simulate(go(), monkeypatch, health) == pytest.approx(0.1)


def test_an_exit_ends_the_wait_at_once_though_a_question_hangs(monkeypatch):
    async def go():
        loop = asyncio.get_running_loop()
        exited = loop.create_future()

        async def hang():
            await asyncio.sleep(60)

        loop.call_later(0.05, exited.set_result, 3)
        begin = loop.time()
        with pytest.raises(Died) as caught:
            await wait_until_ready(hang, boot=60, exited=exited)
        return caught.value.exit_code, loop.time() - begin

    assert simulate(go(), monkeypatch, health) == (3, pytest.approx(0.05))


def test_a_heavy_question_is_asked_twice_as_seldom_as_it_takes(monkeypatch):
    async def go():
        asked = 0

        async def ask_once():
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.05)
            raise NotReady("no")

        with pytest.raises(NeverReady):
            await wait_until_ready(ask_once, boot=0.62, is_heavy=True)
        return asked

    assert simulate(go(), monkeypatch, health) == 5


def test_without_a_check_an_early_exit_is_a_death(monkeypatch):
    async def go():
        exited = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.95, exited.set_result, 0)
        await wait_until_settled(exited)

    with pytest.raises(Died):
        simulate(go(), monkeypatch, health)


def test_without_a_check_alive_for_a_second_is_ready(monkeypatch):
    async def go():
        return await wait_until_settled(asyncio.get_running_loop().create_future())

    assert simulate(go(), monkeypatch, health) == pytest.approx(1)


def test_a_question_without_any_answer_yet_is_reported(monkeypatch) -> None:
    questions = 0

    async def ask_once() -> None:
        nonlocal questions
        questions += 1
        if questions == 1:
            raise NotReady("nothing listens")
        await asyncio.sleep(60)

    async def wait() -> None:
        await wait_until_ready(ask_once, boot=0.3)

    with pytest.raises(
        NeverReady, match=r"not ready after 0\.3 s: no answer for 0\.3 s"
    ):
        simulate(wait(), monkeypatch, health)


@pytest.mark.parametrize(
    "probe",
    [
        Probe(kind=HealthKind.HTTP, port=9),
        Probe(kind=HealthKind.TCP, port=9),
        Probe(kind=HealthKind.COMMAND, command=("true",), env=dict(os.environ)),
    ],
    ids=str,
)
def test_a_probe_without_a_file_handle_says_so_and_not_that_nothing_listens(probe):
    async def ask_once():
        with no_handles():
            await ask(probe)

    with pytest.raises(NotReady, match="too many open files") as answer:
        asyncio.run(ask_once())

    assert "ulimit -n" in str(answer.value)


def test_a_probe_in_a_closed_folder_names_it(shared_folder):
    closed = close(shared_folder / "home")
    probe = Probe(
        kind=HealthKind.COMMAND,
        command=("true",),
        env=dict(os.environ),
        folder=closed,
    )

    with other_user(), pytest.raises(NotReady, match=f"enter the folder {closed} "):
        asyncio.run(ask(probe))


# Until something listens


class Service:
    """Begins to listen at a time of the simulation, and is ready a while later."""

    def __init__(self, listens: float, ready: float) -> None:
        self.listens, self.ready = listens, ready
        self.asked = 0

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def ask(self) -> None:
        self.asked += 1
        if self.now < self.listens:
            raise NothingListens("nothing listens")
        if self.now < self.ready:
            raise NotReady("answered 503")

    async def arrives(self, seconds: float, every: float) -> bool:
        end = self.now + seconds
        while self.now < min(self.listens, end):
            await asyncio.sleep(every)
        return self.now >= self.listens


def boot_up(service: Service, monkeypatch, arrives=None) -> float:
    async def go() -> float:
        began = asyncio.get_running_loop().time()
        service.listens += began
        service.ready += began
        await wait_until_ready(service.ask, boot=60, arrives=arrives or service.arrives)
        return asyncio.get_running_loop().time() - began

    seconds: float = simulate(go(), monkeypatch, health)
    return seconds


@pytest.mark.parametrize(("boot", "within"), [(0.2, 0.001), (10, 0.005), (40, 0.02)])
def test_a_service_is_asked_as_soon_as_it_listens(boot, within, monkeypatch) -> None:
    service = Service(boot, boot)

    assert boot <= boot_up(service, monkeypatch) <= boot + within + 0.0005


def test_one_that_does_not_listen_is_asked_ten_times_a_second(monkeypatch) -> None:
    service = Service(2.0, 2.0)
    boot_up(service, monkeypatch)

    assert service.asked <= 22


def test_one_that_listens_and_is_not_ready_is_asked_as_before(monkeypatch) -> None:
    service = Service(1.0, 1.5)
    seconds = boot_up(service, monkeypatch)

    assert 1.5 <= seconds <= 1.506
    assert 100 <= service.asked - 10 <= 103


def test_one_that_listens_elsewhere_is_not_asked_without_a_pause(monkeypatch) -> None:
    service = Service(1.0, 1.0)

    async def arrives(seconds: float, every: float) -> bool:
        return True

    assert boot_up(service, monkeypatch, arrives) <= 1.006
    assert service.asked <= 2 * 202
