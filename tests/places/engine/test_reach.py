"""A service that only its own container reaches is found once for each start."""

import threading

import pytest

from composegen.errors import EngineUnreachable
from composegen.places.engine import reach as module
from composegen.places.engine.containers import Published, Socket
from composegen.places.engine.reach import Reach, explain_unreached
from tests.enginefakes import FakeEngine, make_container, make_noted, make_notes

PUBLISHED = (Published(target="8000/tcp", host="127.0.0.1", port=8982),)
WEB = make_noted("web", port=8000)
NEEDED = make_notes(WEB, make_noted("front", "web"))
ALONE = make_notes(WEB)


def listen(*hosts, port=8000):
    return {"id-web": [Socket(host=host, port=port) for host in hosts]}


def look(notes, sockets, **values):
    engine = FakeEngine(sockets=sockets)
    return Reach(notes).look(engine, [make_container("web", **values)])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"])
def test_a_needed_service_on_loopback_is_found(host):
    [(name, found)] = look(NEEDED, listen(host)).items()
    assert (name, found.hosts, found.port) == ("web", (host,), 8000)
    assert (found.is_needed, found.is_published) == (True, False)


def test_a_published_service_on_loopback_is_found():
    [found] = look(ALONE, listen("127.0.0.1"), published=PUBLISHED).values()
    assert (found.is_needed, found.is_published) == (False, True)


def test_a_published_port_that_is_not_the_services_own_counts_too():
    admin = (Published(target="9000/tcp", host="127.0.0.1", port=9000),)
    sockets = {
        "id-web": [
            Socket(host="0.0.0.0", port=8000),
            Socket(host="127.0.0.1", port=9000),
        ]
    }
    [found] = look(NEEDED, sockets, published=admin).values()
    assert found.port == 9000


@pytest.mark.parametrize(
    ("notes", "sockets", "values"),
    [
        (ALONE, listen("127.0.0.1"), {}),
        (NEEDED, listen("0.0.0.0"), {}),
        (NEEDED, listen("127.0.0.1", "0.0.0.0"), {}),
        (NEEDED, listen("::"), {}),
        (NEEDED, listen("127.0.0.1", port=1), {}),
        (NEEDED, {}, {}),
        (NEEDED, listen("127.0.0.1"), {"network": "host"}),
        (NEEDED, listen("127.0.0.1"), {"network": "container:abc"}),
        (NEEDED, listen("127.0.0.1"), {"health": "starting"}),
        (make_notes(make_noted("web"), make_noted("f", "web")), listen("::1"), {}),
    ],
    ids=[
        *("for-itself", "everywhere", "both", "six", "other-port", "unseen"),
        *("host", "shared", "starting", "no-port"),
    ],
)
def test_others_are_not_found(notes, sockets, values):
    assert look(notes, sockets, **values) == {}


def test_a_service_that_is_asked_for_by_name_is_looked_at_for_its_port():
    engine = FakeEngine(sockets=listen("127.0.0.1"))
    assert Reach(ALONE).look(engine, [make_container("web")], named="web")


class Counting(FakeEngine):
    def list_sockets(self, container):
        self.looks = getattr(self, "looks", 0) + 1
        return super().list_sockets(container)


def test_each_start_is_looked_at_once():
    engine = Counting(sockets=listen("127.0.0.1"))
    reach = Reach(NEEDED)
    for moment in (100.0, 100.0, 200.0, 200.0):
        assert "web" in reach.look(engine, [make_container("web", started_at=moment)])
    assert engine.looks == 2


def test_one_that_does_not_listen_yet_is_looked_at_again():
    engine = Counting(sockets={"id-web": []})
    reach = Reach(NEEDED)
    assert reach.look(engine, [make_container("web")]) == {}
    engine.sockets = listen("127.0.0.1")
    assert "web" in reach.look(engine, [make_container("web")])


def test_an_engine_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    answer = threading.Event()

    class Silent(FakeEngine):
        def list_sockets(self, container):
            answer.wait()

    try:
        assert Reach(NEEDED).look(Silent(), [make_container("web")]) == {}
    finally:
        answer.set()


def test_an_engine_that_has_gone_is_reported():
    class Gone(FakeEngine):
        def list_sockets(self, container):
            raise EngineUnreachable("it has gone")

    with pytest.raises(EngineUnreachable):
        Reach(NEEDED).look(Gone(), [make_container("web")])


@pytest.mark.parametrize(
    ("notes", "published", "words"),
    [
        (NEEDED, (), "healthy, but no other service can reach it"),
        (ALONE, PUBLISHED, "healthy, but this machine cannot reach its published port"),
        (
            NEEDED,
            PUBLISHED,
            "healthy, but neither another service nor this machine can reach it",
        ),
    ],
)
def test_who_does_not_reach_it_is_said(notes, published, words):
    [found] = look(notes, listen("127.0.0.1"), published=published).values()
    failure = explain_unreached(WEB, found)
    assert failure.reason == f"web is {words}"
    assert failure.cause == "it listens only on 127.0.0.1:8000"
    assert failure.help == "let it listen on 0.0.0.0:8000"


def test_a_command_that_names_the_address_is_pointed_at():
    command = ("python", "-m", "http.server", "--bind=127.0.0.1")
    [found] = look(NEEDED, listen("127.0.0.1"), command=command).values()
    assert explain_unreached(WEB, found).help.endswith(
        "; its command says `--bind=127.0.0.1`"
    )
