"""The stack behind nginx, HAProxy and Caddy, as Debian has them, set up by the docs."""

import json
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat_stack import PATIENCE, Stack, free_port
from conftest import miss

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream frontend {{ server {target}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://frontend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  option abortonclose
frontend in
  bind 127.0.0.1:{port}
  default_backend chat
backend chat
  server frontend {target}
"""
CADDY = """
{{
  admin off
  storage file_system {folder}
}}
http://127.0.0.1:{port} {{
  reverse_proxy {target}
}}
"""
CONFIGS = {"nginx": NGINX, "haproxy": HAPROXY, "caddy": CADDY}
OPTIONS = {
    "nginx": ["-c"],
    "haproxy": ["-f"],
    "caddy": ["run", "--adapter", "caddyfile", "--config"],
}
KINDS = tuple(CONFIGS)
EVENTS = {"Accept": "text/event-stream"}


class Proxy:
    """A proxy in front of the frontend."""

    def __init__(self, kind: str, folder: Path, target: str) -> None:
        program = shutil.which(kind, path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if program is None:
            miss(kind)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / f"{kind}.conf"
        host = target.removeprefix("http://")
        text = CONFIGS[kind].format(folder=folder, port=self.port, target=host)
        config.write_text(text)
        with (folder / f"{kind}.out").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *OPTIONS[kind], str(config)],
                env={"HOME": str(folder)},  # where Caddy keeps its last configuration
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / f"{kind}.out").read_text())
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            url = f"{self.url}/health"
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        """Stop it; its workers end with it."""
        self._process.terminate()
        self._process.wait(PATIENCE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("served"), with_redis=False) as running:
        yield running


@pytest.fixture(scope="module")
def proxies(
    served: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Proxy]]:
    folder = tmp_path_factory.mktemp("proxies")
    made = {kind: Proxy(kind, folder, served.url("frontend")) for kind in KINDS}
    yield made
    for proxy in made.values():
        proxy.end()


def ask(url: str, message: str) -> Generator[tuple[dict[str, Any], float], None, None]:
    """The events of a streamed reply, and the seconds at which each came."""
    begun = time.monotonic()
    with httpx.stream(
        "POST",
        f"{url}/api/chat",
        json={"message": message},
        headers=EVENTS | {"Origin": url},
        timeout=PATIENCE,
        trust_env=False,
    ) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:]), time.monotonic() - begun


def read_seen(served: Stack) -> dict[str, int]:
    url = f"{served.url('provider')}/seen"
    seen: dict[str, int] = httpx.get(url, trust_env=False).json()
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_comes_piece_by_piece_and_a_stop_reaches_the_provider(
    kind: str, served: Stack, proxies: dict[str, Proxy]
) -> None:
    before = read_seen(served)["cancelled"]
    pieces = ask(proxies[kind].url, "say it slowly")
    assert next(pieces)[0] == {"delta": "word0 "}
    assert next(pieces)[0] == {"delta": "word1 "}
    pieces.close()
    deadline = time.monotonic() + PATIENCE
    while read_seen(served)["cancelled"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_first_token_after_seventy_seconds_arrives(
    proxies: dict[str, Proxy],
) -> None:
    def read_reply(proxy: Proxy) -> tuple[str, float]:
        events = list(ask(proxy.url, "answer thoughtfully"))
        text = "".join(event.get("delta", "") for event, _ in events)
        return text, events[0][1]

    with ThreadPoolExecutor() as pool:
        for text, first in pool.map(read_reply, proxies.values()):
            assert "answer thoughtfully" in text
            assert first > 60
