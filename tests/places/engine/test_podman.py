"""On Podman the health checks of what boots are run as often as Docker runs them."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from composegen.errors import EngineUnreachable
from composegen.places.engine.containers import Status
from composegen.places.engine.podman import run_checks
from tests.enginefakes import make_container
from tests.leaks import wait_for


class FakePodman:
    """Podman with these containers; it notes which checks were run."""

    def __init__(self, *containers, is_gone=False):
        self.containers = containers
        self.is_gone = is_gone
        self.asked = []
        self.held = threading.Event()
        self.connections = 0

    @contextmanager
    def connect(self):
        self.connections += 1
        try:
            yield self
        finally:
            self.connections -= 1

    def list_containers(self, project):
        if self.is_gone:
            raise EngineUnreachable("Podman is gone")
        return self.containers if project == "demo" else ()

    def run_check(self, id):
        self.asked.append(id)
        if id == "id-slow":
            self.held.wait(10)
        if id == "id-ended":
            raise EngineUnreachable("the container does not run")


def run(podman):
    return run_checks(podman.connect, "demo", pause=0.005)


def test_the_check_of_what_boots_is_run_again_and_again():
    podman = FakePodman(make_container("web", health="starting"))

    with run(podman):
        wait_for(lambda: len(podman.asked) >= 3)

    assert set(podman.asked) == {"id-web"}


def test_no_other_check_is_run():
    podman = FakePodman(
        make_container("web", health="starting"),
        make_container("ready"),
        make_container("bad", health="unhealthy"),
        make_container("plain", health="none"),
        make_container("down", health="starting", status=Status.EXITED),
    )

    with run(podman):
        wait_for(lambda: len(podman.asked) >= 3)

    assert set(podman.asked) == {"id-web"}


def test_a_check_that_takes_long_holds_up_no_other_and_is_not_run_twice():
    podman = FakePodman(
        make_container("slow", health="starting"),
        make_container("web", health="starting"),
    )

    with run(podman):
        wait_for(lambda: podman.asked.count("id-web") >= 3)
        assert podman.asked.count("id-slow") == 1
        podman.held.set()


def test_one_that_ends_meanwhile_holds_up_no_other():
    podman = FakePodman(
        make_container("ended", health="starting"),
        make_container("web", health="starting"),
    )

    with run(podman):
        wait_for(lambda: podman.asked.count("id-web") >= 2)


def test_it_ends_with_the_boot():
    podman = FakePodman(make_container("web", health="starting"))

    with run(podman):
        wait_for(lambda: podman.connections == 1)

    wait_for(lambda: podman.connections == 0)


def test_an_engine_that_is_gone_is_reported_by_who_waits_for_it():
    podman = FakePodman(is_gone=True)

    with run(podman):
        wait_for(lambda: podman.connections == 0)
