"""A boot comes to its verdict also on an engine whose events are lost."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path

import pytest

from composegen.places.engine.boot import Booting, BootOptions
from composegen.places.engine.compose import Project
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.happened import Action
from composegen.places.engine.phases import OneCall
from composegen.places.events import Ready
from tests.enginefakes import FakeEngine, happen, make_container, make_noted, make_notes


class Silence:
    """A stream of events that brings what was put into it, and ends when closed."""

    def __init__(self, *happened):
        self._inbox = queue.SimpleQueue()
        for each in happened:
            self._inbox.put(each)

    def __iter__(self):
        return iter(self._inbox.get, None)

    def close(self):
        self._inbox.put(None)


class QuietEngine(FakeEngine):
    """An engine that has these containers, and says at most that they were started."""

    started: tuple = ()

    def watch(self, project):
        now = time.monotonic()
        return Silence(*(happen(each, Action.START, at=now) for each in self.started))

    def list_containers(self, project):
        """Its containers are made by Compose, after the first look at them."""
        found, self.made = getattr(self, "made", ()), tuple(self.containers)
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Project:
    """A project whose Compose does what it is asked to, at once."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Project(name="demo", folder=tmp_path, endpoint=Endpoint())


def boot(project, engine, *services, **options):
    """The reasons why it is not up, and the events that were reported."""
    events: list = []
    call = OneCall([each.name for each in services], ("up",), makes_containers=True)
    booting = Booting(
        engine,
        project,
        make_notes(*services, began=90.0),
        events.append,
        call,
        BootOptions(**options),
    )
    return booting.carry_out().reasons, events


def test_a_healthy_stack_is_up_on_an_engine_that_sends_no_health_events(project):
    engine = QuietEngine(containers=[make_container("web")])
    engine.started = ("web",)

    reasons, events = boot(project, engine, make_noted("web", boot=0.3))

    assert reasons == ()
    assert [each.service for each in events if isinstance(each, Ready)] == ["web"]


def test_a_healthy_stack_is_up_on_an_engine_that_sends_no_events(project):
    engine = QuietEngine(
        containers=[
            make_container("web"),
            make_container("seed", status=Status.EXITED, health="none"),
        ]
    )

    reasons, _ = boot(
        project,
        engine,
        make_noted("seed", is_job=True),
        make_noted("web", "seed"),
        look=0.05,
    )

    assert reasons == ()


def test_one_that_does_not_become_healthy_still_fails(project):
    engine = QuietEngine(containers=[make_container("web", health="starting")])
    engine.started = ("web",)

    reasons, _ = boot(project, engine, make_noted("web", boot=0.3), look=0.05)

    assert [each.service for each in reasons] == ["web"]
