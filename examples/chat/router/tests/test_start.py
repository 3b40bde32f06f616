"""Starting and stopping the real process: `python -m router`."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.servers import PATIENCE, ROUTER, RedisServer, free_port


class Process:
    """A router process, its output in one file."""

    def __init__(
        self, port: int, folder: Path, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.port = port
        self.output = folder / f"output-{time.monotonic_ns()}"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROUTER,
                env={"PATH": os.environ["PATH"], "PORT": str(port), **env},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        self.wait_until_it_says("ready")

    def wait_until_it_says(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.01)

    def get(self, path: str) -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(address, trust_env=False, timeout=PATIENCE)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.HTTPError):
                if self.get("/health").status_code == 200:
                    return
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def stream(self, session: str) -> AbstractContextManager[httpx.Response]:
        """A streamed reply of a session of alice."""
        return httpx.stream(
            "POST",
            f"http://127.0.0.1:{self.port}/v1/chat/completions",
            headers={"X-User-Id": "alice", "X-Session-Id": session},
            json={"stream": True, "messages": [{"role": "user", "content": "hi"}]},
            trust_env=False,
            timeout=PATIENCE,
        )


class EndlessProvider:
    """A provider in threads, whose replies begin and never end."""

    def __init__(self) -> None:
        self._leave = threading.Event()
        leave = self._leave

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                chunk = {"choices": [{"delta": {"content": "begun"}}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
                leave.wait(PATIENCE)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(
    folder: Path,
    env: Mapping[str, str] | None = None,
    *,
    port: int = 0,
    command: Sequence[str] = ("-m", "router"),
) -> Iterator[Process]:
    """A router process that ends with the test."""
    made = Process(port or free_port(), folder, command, env or {})
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_it_says_when_it_is_ready_and_stops_promptly(
    tmp_path: Path, number: int, code: int
) -> None:
    with running(tmp_path, {"GROQ_API_KEY": "gsk-canary"}) as router:
        router.wait_until_ready()
        line = router.output.read_text()
        assert f"ready on http://127.0.0.1:{router.port}" in line
        assert "canary" not in line
        assert router.get("/health").json()["provider"]["host"] == "api.groq.com"
        router.process.send_signal(number)
        assert router.process.wait(PATIENCE) == code
        assert router.output.read_text() == line


def test_a_reply_under_way_is_finished_before_it_stops(tmp_path: Path) -> None:
    with running(tmp_path) as router:
        router.wait_until_ready()
        body = {"stream": True, "messages": [{"role": "user", "content": "hi"}]}
        address = f"http://127.0.0.1:{router.port}/v1/chat/completions"
        with httpx.stream(
            "POST", address, json=body, trust_env=False, timeout=PATIENCE
        ) as reply:
            lines = reply.iter_lines()
            next(lines)
            router.process.send_signal(signal.SIGTERM)
            assert "data: [DONE]" in list(lines)
        assert router.process.wait(PATIENCE) == 143


UVICORN = [
    *("-m", "uvicorn", "--factory", "router.app:make_app"),
    *("--timeout-graceful-shutdown", "1"),
]


@pytest.mark.parametrize("by", ["module", "uvicorn", "workers"])
def test_what_was_shown_of_a_reply_is_stored_when_it_stops(
    tmp_path: Path, redis_server: RedisServer, by: str
) -> None:
    redis_server.empty()
    port, streams = free_port(), 20
    uvicorn = [*UVICORN, "--port", str(port)]
    command = {
        "module": ["-m", "router"],
        "uvicorn": uvicorn,
        "workers": [*uvicorn, "--workers", "2"],
    }[by]
    with EndlessProvider() as provider, ExitStack() as stack:
        env = {"REDIS_URL": redis_server.url, "LLM_BASE_URL": provider.url}
        router = stack.enter_context(running(tmp_path, env, port=port, command=command))
        router.wait_until_it_answers()
        for number in range(streams):
            lines = stack.enter_context(router.stream(f"s{number}")).iter_lines()
            assert "begun" in next(lines)
        router.process.send_signal(signal.SIGTERM)
        router.process.wait(PATIENCE)
        assert "Traceback" not in router.output.read_text()
    with running(tmp_path, {"REDIS_URL": redis_server.url}) as again:
        again.wait_until_ready()
        for number in range(streams):
            session = again.get(f"/v1/sessions/alice/s{number}").json()
            said = [(m["role"], m["interrupted"]) for m in session["messages"]]
            assert said == [("user", False), ("assistant", True)]


def test_a_redis_that_will_never_do_is_an_error_at_the_start(tmp_path: Path) -> None:
    with RedisServer() as server:
        server.command("CONFIG SET requirepass right")
        with running(tmp_path, {"REDIS_URL": server.url}) as router:
            assert router.process.wait(PATIENCE) == 1
            output = router.output.read_text()
    assert output == "router: error: Redis refuses the user or password in REDIS_URL\n"


def test_boot_delay_stretches_the_time_before_it_is_ready(tmp_path: Path) -> None:
    begun = time.monotonic()
    with running(tmp_path, {"BOOT_DELAY": "1"}) as router:
        router.wait_until_ready()
        assert time.monotonic() - begun >= 1


# The router's program, with a delay that says that it has begun and ends when told.
DELAYED = """
import os, time
from router.__main__ import main
sleep = time.sleep
def wait(seconds):
    print(f"a delay of {seconds:g} s", flush=True)
    while not os.path.exists(os.environ["ENOUGH"]):
        sleep(0.01)
time.sleep = wait
main()
"""


def test_during_its_boot_delay_it_does_not_listen_and_can_be_stopped(
    tmp_path: Path,
) -> None:
    enough = tmp_path / "enough"
    env = {"BOOT_DELAY": "60", "ENOUGH": str(enough)}
    with running(tmp_path, env, command=("-c", DELAYED)) as router:
        router.wait_until_it_says("a delay of 60 s")
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", router.port)) != 0
        assert "ready" not in router.output.read_text()
        enough.touch()
        router.wait_until_ready()
        assert router.get("/health").status_code == 200
    enough.unlink()
    with running(tmp_path, env, command=("-c", DELAYED)) as router:
        router.wait_until_it_says("a delay of 60 s")
        router.process.send_signal(signal.SIGTERM)
        assert router.process.wait(PATIENCE) == 143


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"SESSION_STORE": "redis"}, "REDIS_URL"),
        ({"ROUTES_FILE": "/nowhere/routes.yaml"}, "/nowhere/routes.yaml"),
    ],
)
def test_what_cannot_start_says_so_in_one_line(
    tmp_path: Path, env: dict[str, str], words: str
) -> None:
    with running(tmp_path, env) as router:
        assert router.process.wait(PATIENCE) == 1
        output = router.output.read_text()
    assert words in output
    assert output.startswith("router: error: ")
    assert len(output.splitlines()) == 1


def test_a_second_process_without_redis_is_refused_with_the_fix(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as first:
        first.wait_until_ready()
        with running(tmp_path, port=first.port) as second:
            assert second.process.wait(PATIENCE) == 1
            assert "set REDIS_URL" in second.output.read_text()
        assert first.get("/health").status_code == 200


def test_a_second_worker_without_redis_is_refused(tmp_path: Path) -> None:
    port = free_port()
    factory = ["-m", "uvicorn", "--factory", "router.app:make_app", "--workers", "2"]
    with running(
        tmp_path, port=port, command=[*factory, "--port", str(port)]
    ) as router:
        router.wait_until_it_says("set REDIS_URL")
        # Its supervisor would go on starting workers; let it take them down itself.
        router.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            router.process.wait(5)


def test_with_redis_two_processes_serve_one_session(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    redis_server.empty()
    with (
        running(tmp_path, {"REDIS_URL": redis_server.url}) as one,
        running(tmp_path, {"REDIS_URL": redis_server.url}) as other,
    ):
        one.wait_until_ready()
        other.wait_until_ready()
        deadline = time.monotonic() + PATIENCE
        for number in itertools.count():  # Redis may be too slow for a busy machine
            headers = {"X-User-Id": "alice", "X-Session-Id": str(number)}
            body = {"messages": [{"role": "user", "content": "hi"}]}
            address = f"http://127.0.0.1:{one.port}/v1/chat/completions"
            reply = httpx.post(
                address, json=body, headers=headers, trust_env=False, timeout=PATIENCE
            )
            stored = other.get(f"/v1/sessions/alice/{number}").json()
            is_shared = len(stored.get("messages", ())) == 2
            if is_shared and reply.headers["X-Session-Durability"] == "redis":
                break
            assert time.monotonic() < deadline, (reply.headers, stored)


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        with running(tmp_path, port=squatter.getsockname()[1]) as router:
            assert router.process.wait(PATIENCE) != 0
            assert "address already in use" in router.output.read_text()
            assert "Traceback" not in router.output.read_text()


def test_redis_is_imported_only_when_it_is_used(tmp_path: Path) -> None:
    code = (
        "import sys; from router.app import make_app; make_app(guarded=True); "
        "print('redis' in sys.modules)"
    )
    for url, expected in (("", "False"), ("redis://127.0.0.1:1", "True")):
        command = [sys.executable, "-c", code]
        env = {"PATH": os.environ["PATH"], "REDIS_URL": url}
        done = subprocess.run(
            command, cwd=ROUTER, env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
