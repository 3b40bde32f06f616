"""Who listens on a port is seen, whichever way the kernel is asked."""

import os
import socket
import sys
from pathlib import Path

import pytest

from composegen.system import listeners
from composegen.system.listeners import (
    find_listeners,
    is_free,
    list_ports,
    parse_table,
    read_tables,
)
from tests.leaks import find_port
from tests.refusals import no_handles


@pytest.fixture(params=["asked", "read"])
def way(request, monkeypatch):
    if request.param == "read":

        def refuse(*_):
            raise OSError

        monkeypatch.setattr(listeners, "_ask_kernel", refuse)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_listener_is_found_with_its_address_and_its_process(family, host):
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]

        (found,) = find_listeners(port)
        assert (found.host, found.port, found.pids) == (host, port, (os.getpid(),))
        assert find_listeners(port, among=[1])[0].pids == ()
        assert port in list_ports([os.getpid()])
        assert not is_free(port)
    assert find_listeners(port) == []
    assert is_free(port)


@pytest.mark.usefixtures("way")
def test_a_connection_is_no_listener():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert find_listeners(client.getsockname()[1]) == []


def test_both_ways_see_the_same():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = dict(listeners._ask_kernel(socket.AF_INET))
        read = listeners._read_tables()

    assert {place for place in asked.values() if place[1] == port} == {
        place for place in read.values() if place[1] == port
    }


def test_the_remnant_of_a_closed_connection_does_not_make_a_port_busy():
    port = find_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        connection, _ = server.accept()
        connection.close()  # the side that closes first keeps the remnant
        client.close()

    assert is_free(port)


@pytest.mark.usefixtures("way")
def test_without_a_file_handle_a_port_is_neither_free_nor_unheld():
    port = find_port()
    with no_handles():
        for look in (is_free, find_listeners, lambda port: list_ports([os.getpid()])):
            with pytest.raises(OSError, match="Too many open files"):
                look(port)


def test_a_container_on_this_machine_is_looked_into_by_its_process():
    group = Path("/proc/self/cgroup").read_text().strip()
    with socket.create_server(("127.0.0.1", 0)) as server:
        tables = read_tables(group, os.getpid())
        listening = parse_table(tables.splitlines()).values()
        assert ("127.0.0.1", server.getsockname()[1]) in listening


def test_a_process_that_is_not_the_containers_says_nothing():
    """The engine may be on another machine, where the pid is another process's."""
    assert read_tables("0123456789abcdef", os.getpid()) is None
    assert read_tables("0123456789abcdef", 0) is None


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel")
def test_the_kernel_is_asked_for_one_port_alone():
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port, another = one.getsockname()[1], other.getsockname()[1]
        ports = {place[1] for _, place in listeners._ask_kernel(socket.AF_INET)}
        assert {port, another} <= ports
        found = dict(listeners._ask_kernel(socket.AF_INET, port))
    assert {place[1] for place in found.values()} == {port}
