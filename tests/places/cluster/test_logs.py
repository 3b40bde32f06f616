"""The logs of a cluster, as they are followed: which containers are read."""

import threading
from types import SimpleNamespace

import pytest

from composegen.places.cluster import logs as module
from composegen.places.cluster.logs import LogReader
from tests.clusterfakes import (
    make_deployment,
    make_noted,
    make_notes,
    make_pod,
    running,
    take,
)


class Kubectl:
    """It has one line for each container that is read, and notes the pods."""

    def __init__(self):
        self.pods = []

    def iterate(self, *words, hold):
        self.pods.append(words[1])
        yield f"from {words[1]}"


class AtOnce:
    """A thread that has ended when it has begun."""

    def __init__(self, *, target, args, daemon):
        self._run = lambda: target(*args)

    def start(self):
        self._run()


@pytest.fixture
def kubectl(monkeypatch):
    threads = SimpleNamespace(Thread=AtOnce, Lock=threading.Lock)
    monkeypatch.setattr(module, "threading", threads)
    monkeypatch.setattr(module, "_LOOK", 0.0)
    return Kubectl()


def make_web(*numbers):
    """A snapshot with these pods of web."""
    pods = (
        make_pod("web", main=running(name=f"web{each}-"), number=each)
        for each in numbers
    )
    return take([make_deployment("web"), *pods])


def follow(kubectl, monkeypatch, first, *later):
    """Follow web while one look after the other finds what is given."""
    reader = LogReader(kubectl, make_notes(make_noted("web")), ["web"])
    looks = list(later)

    def look(*_, **__):
        if len(looks) == 1:
            reader.stop()
        return looks.pop(0)

    monkeypatch.setattr(module, "take_snapshot", look)
    return list(reader.follow(first, 5))


def test_a_container_is_read_once_however_often_it_is_seen(kubectl, monkeypatch):
    lines = follow(kubectl, monkeypatch, *[make_web(1)] * 4)

    assert kubectl.pods == ["web-h1-1"]
    assert lines == [("web", "from web-h1-1")]


def test_a_pod_that_is_made_later_is_read_from_then_on(kubectl, monkeypatch):
    follow(kubectl, monkeypatch, make_web(1), make_web(1), make_web(1, 2))

    assert kubectl.pods == ["web-h1-1", "web-h1-2"]
