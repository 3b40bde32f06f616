"""Why a process failed to start, as far as its log and this machine prove it."""

import socket
from types import SimpleNamespace

import pytest

from composegen.places.processes.causes import find_cause
from composegen.places.processes.plan import Way


@pytest.fixture
def taken():
    """A port of this machine that a process has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def find(line, port):
    unit = SimpleNamespace(name="app", port=port, way=Way.PROCESS)
    found = find_cause(unit, 1, ("starting", line))
    return found.text, found.help


LINES = [
    "[Errno 98] bind on address ('127.0.0.1', {}): address already in use",
    "Error: listen EADDRINUSE: address already in use :::{}",
    "listen tcp :{}: bind: address already in use",
    "listen tcp 127.0.0.1:{}: bind: address already in use",
    "12:50:51,123 ERROR address already in use: port {}",
]


@pytest.mark.parametrize("line", LINES)
def test_the_port_that_the_log_names_is_the_one_that_is_taken(line, taken, free):
    cause, help = find(line.format(taken), free)
    assert cause.startswith(f"port {taken}, which it listens on too, is taken by ")
    assert help.endswith("let the program listen on another port")


def test_without_a_name_it_is_the_port_of_the_service(taken):
    cause, help = find("12:50:51 OSError: [Errno 98] Address already in use", taken)
    assert cause.startswith(f"port {taken} is taken by ")
    assert "local: {port: " in help


@pytest.mark.parametrize("line", LINES)
def test_a_port_that_is_free_by_now_was_taken(line, free):
    cause, _ = find(line.format(free), free)
    assert cause == f"port {free} was taken when it started, and is free now"
