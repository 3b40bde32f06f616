"""`python -m frontend` as people start it: settings, banner, the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from frontend.__main__ import read_backend_url, read_port
from frontend_fakes import PATIENCE, free_port

SERVICE = Path(__file__).parents[1]


@contextmanager
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The frontend as a process, ended with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "frontend"],
        cwd=SERVICE,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_settings_have_defaults_and_empty_is_not_set() -> None:
    for empty in ({}, {"PORT": "", "BACKEND_URL": ""}):
        assert read_port(empty) == 3000
        assert read_backend_url(empty) == "http://127.0.0.1:3002"
    assert read_backend_url({"BACKEND_URL": "http://b:1/"}) == "http://b:1"


@pytest.mark.parametrize(
    "wrong", [{"PORT": "http"}, {"PORT": "65536"}, {"BACKEND_URL": "http://["}]
)
def test_a_wrong_setting_ends_the_start_with_one_line(wrong: dict[str, str]) -> None:
    with running(wrong) as frontend:
        text, _ = frontend.communicate(timeout=PATIENCE)
    assert frontend.returncode == 1
    assert text.startswith(f"frontend: {next(iter(wrong))} is ")
    assert text.count("\n") == 1


def test_it_says_where_it_is_and_ends_on_request() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with running({"PORT": url.rsplit(":", 1)[1]}) as frontend:
        assert frontend.stdout is not None
        assert frontend.stdout.readline() == f"frontend   {url}\n"
        assert frontend.stdout.readline() == "backend    http://127.0.0.1:3002\n"
        transport = httpx.HTTPTransport(retries=5)
        with httpx.Client(
            transport=transport, trust_env=False, timeout=PATIENCE
        ) as client:
            assert client.get(f"{url}/health").json()["status"] == "ok"
        frontend.terminate()
        rest, _ = frontend.communicate(timeout=PATIENCE)
    assert frontend.returncode in (0, -signal.SIGTERM)
    assert rest == ""
