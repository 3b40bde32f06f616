"""`python -m backend` as people start it: settings, banner, own router, the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from backend.__main__ import DRAIN_SECONDS
from backend.settings import Settings, SettingsError, read_settings
from backend_fakes import EVENTS, PATIENCE, free_port

SERVICE = Path(__file__).parents[1]

# A router that sends a first piece and then nothing for as long as it is asked for.
SLOW_ROUTER = """
import asyncio, sys
async def answer(reader, writer):
    request = await reader.readuntil(b"\\r\\n\\r\\n")
    head = b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n"
    if b"/health" in request:
        writer.write(head + b'{"status": "ok", "provider": {"key": "configured"}}')
    else:
        piece = b'data: {"choices": [{"delta": {"content": "so far"}}]}\\n\\n'
        writer.write(head + piece)
        await writer.drain()
        await asyncio.sleep(float(sys.argv[2]))
        writer.write(b"data: [DONE]\\n\\n")
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    print("listening", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

# What composegen offers, in few words: addresses, whose they are, and an end.
OWN_DEPENDENCIES = """
import asyncio, os
from contextlib import asynccontextmanager
class Dependencies:
    environment = {"ROUTER_URL": "http://127.0.0.1:1", "RATE_LIMIT": "7"}
    def is_owned(self, service): return service == "router"
    def pid(self, service): return 4711
@asynccontextmanager
async def own_dependencies(stack, service):
    print("up for", service, "of", stack.parent.name, flush=True)
    try:
        await asyncio.sleep(float(os.environ.get("BOOT", "0")))
        yield Dependencies()
    finally:
        print("taken down", flush=True)
"""


@contextmanager
def running(
    environment: dict[str, str], *command: str, python_path: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """A process of this Python in the service's folder, ended with the block."""
    with subprocess.Popen(
        [sys.executable, *(command or ("-m", "backend"))],
        cwd=SERVICE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": python_path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    raise AssertionError(f"ended before it said {words!r}: {text}")


def test_settings_have_defaults_and_empty_is_not_set() -> None:
    names = "HOST PORT ROUTER_URL REDIS_URL REDIS_URL_FILE RATE_LIMIT_STORE RATE_LIMIT"
    empty = dict.fromkeys(names.split(), "")
    assert read_settings(empty) == read_settings({}) == Settings()


def test_the_store_follows_the_address_unless_it_is_named(tmp_path: Path) -> None:
    url = {"REDIS_URL": "redis://:secret@redis:6379/0"}
    secret = tmp_path / "redis-url"
    secret.write_text("redis://other:6379/0\n")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert read_settings(url).redis_url == "redis://:secret@redis:6379/0"
    assert read_settings({**url, "RATE_LIMIT_STORE": "memory"}).redis_url is None
    from_file = read_settings({"REDIS_URL_FILE": str(secret)})
    assert from_file.redis_url == "redis://other:6379/0"
    assert read_settings({"REDIS_URL_FILE": str(empty)}).redis_url is None
    assert "secret" not in repr(read_settings(url))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("RATE_LIMIT", "-1"),
        ("RATE_LIMIT", "²"),
        ("RATE_LIMIT_STORE", "disk"),
        ("RATE_LIMIT_STORE", "redis"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis://:secret@h:port"),
        ("REDIS_URL_FILE", "/nowhere"),
        ("ROUTER_URL", "router:8888"),
        ("ROUTER_URL", "http://["),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is ") as caught:
        read_settings({name: value})
    assert "secret" not in str(caught.value)


def test_a_wrong_setting_ends_the_start_with_one_line() -> None:
    for wrong in ({"PORT": "x"}, {"REDIS_URL": "redis:6379"}):
        with running(wrong) as backend:
            text, _ = backend.communicate(timeout=PATIENCE)
        assert backend.returncode == 1
        assert text.startswith(f"backend: {next(iter(wrong))}")
        assert text.count("\n") == 1


def test_the_banner_says_what_was_found_and_no_secret() -> None:
    router, port = str(free_port()), str(free_port())
    settings = {
        "PORT": port,
        "ROUTER_URL": f"http://127.0.0.1:{router}",
        "REDIS_URL": f"redis://:secret@127.0.0.1:{free_port()}/0",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    with running({}, "-c", SLOW_ROUTER, router, "0") as slow:
        read_until(slow, "listening")
        with running(settings) as backend:
            banner = read_until(backend, "/health")
            assert (
                httpx.get(
                    f"http://127.0.0.1:{port}/health", timeout=PATIENCE
                ).status_code
                == 200
            )
    assert f"backend    http://127.0.0.1:{port}" in banner
    assert f"router     http://127.0.0.1:{router} is ready" in banner
    assert "key        configured" in banner
    assert "in Redis at 127.0.0.1" in banner
    assert "secret" not in banner


def test_without_a_router_url_and_composegen_the_usual_address_is_used() -> None:
    hidden = "import sys; sys.modules['composegen'] = None; "
    start = "import runpy; runpy.run_module('backend', run_name='__main__')"
    with running({"PORT": str(free_port())}, "-c", hidden + start) as backend:
        banner = read_until(backend, "/health")
    assert "http://127.0.0.1:8888" in banner
    assert "ROUTER_URL is not set, and composegen cannot start one" in banner


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_owned_router_is_taken_down_however_the_backend_is_stopped(
    tmp_path: Path, number: int
) -> None:
    (tmp_path / "composegen.py").write_text(OWN_DEPENDENCIES)
    port = str(free_port())
    with running({"PORT": port}, python_path=str(tmp_path)) as backend:
        banner = read_until(backend, "/health")
        status = httpx.get(
            f"http://127.0.0.1:{port}/api/status", timeout=PATIENCE
        ).json()
        backend.send_signal(number)
        rest, _ = backend.communicate(timeout=PATIENCE)
    assert "up for backend of chat" in banner
    assert "http://127.0.0.1:1 is away (owned, it ends with this backend)" in banner
    assert "7 turns a minute" in banner
    assert status["router"]["owned"] is True
    assert status["router"]["pid"] == 4711
    assert rest == "taken down\n"
    assert backend.returncode == 0


def test_a_backend_that_is_stopped_while_its_router_boots_takes_it_down(
    tmp_path: Path,
) -> None:
    (tmp_path / "composegen.py").write_text(OWN_DEPENDENCIES)
    with running({"BOOT": "60"}, python_path=str(tmp_path)) as backend:
        read_until(backend, "up for backend")
        backend.terminate()
        rest, _ = backend.communicate(timeout=PATIENCE)
    assert rest == "taken down\nbackend: stopped before it was ready\n"
    assert backend.returncode == 1


PATIENT = """
from backend import __main__
__main__.DRAIN_SECONDS = 600
__main__.main()
"""


@pytest.mark.parametrize(
    ("seconds", "command", "end"),
    [("0.5", ("-c", PATIENT), b'"done":true'), ("600", (), b"error")],
)
def test_a_stop_lets_replies_end_for_three_seconds(
    seconds: str, command: tuple[str, ...], end: bytes
) -> None:
    assert DRAIN_SECONDS == 3
    router, port = str(free_port()), str(free_port())
    settings = {"PORT": port, "ROUTER_URL": f"http://127.0.0.1:{router}"}
    url = f"http://127.0.0.1:{port}/api/chat"
    asked = {"message": "x"}
    with running({}, "-c", SLOW_ROUTER, router, seconds) as slow:
        read_until(slow, "listening")
        with running(settings, *command) as backend:
            read_until(backend, "/health")
            with httpx.stream(
                "POST", url, json=asked, headers=EVENTS, timeout=PATIENCE
            ) as answer:
                parts = answer.iter_raw()
                assert b"so far" in next(parts)
                backend.terminate()
                assert end in b"".join(parts)
            assert backend.wait(timeout=PATIENCE) == 0
            rest, _ = backend.communicate()
    assert "Traceback" not in rest
