"""What a drill does to containers, and how it undoes what may have been done."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.errors import FaultFailed
from composegen.places.engine.faults import Hands, is_ending
from composegen.places.engine.happened import Action, Happened
from composegen.places.engine.links import Link, Links, read_links

ID, NET = "a" * 64, "b" * 64


class Reply:
    def __init__(self, status: int, data: Any = None) -> None:
        self.status_code = status
        self._data = data

    def json(self) -> Any:
        return self._data


class FakeEngine:
    """One container, changed as the engine's API would change it."""

    def __init__(self, **state: Any) -> None:
        self.state: dict[str, Any] = {"Running": True, "Paused": False, **state}
        self.networks: dict[str, Any] = {"demo_default": {"NetworkID": NET}}
        self.project = "demo"
        self.asked: list[str] = []
        self.sent: list[Any] = []
        self.past: list[Happened] = []
        self.refusal = ""
        self.refusals = 1_000

    def ask_api(self, method: str, path: str, /, *, data: Any = None) -> Reply:
        if method == "GET":
            labels = {"com.docker.compose.project": self.project}
            return Reply(
                200,
                {
                    "Id": ID,
                    "State": self.state,
                    "Config": {"Labels": labels},
                    "NetworkSettings": {"Networks": self.networks},
                },
            )
        do = path.rpartition("/")[2]
        self.asked.append(do)
        self.sent.append(data)
        if self.refusal and self.refusals:
            self.refusals -= 1
            return Reply(409, {"message": self.refusal})
        changes = {
            "start": {"Running": True},
            "stop": {"Running": False},
            "kill": {"Running": False},
            "pause": {"Paused": True},
            "unpause": {"Paused": False},
        }
        self.state |= changes.get(do, {})
        if do == "connect":
            self.networks["demo_default"] = {"NetworkID": NET}
        if do == "disconnect":
            self.networks.clear()
        return Reply(204)

    def read_clock(self) -> float:
        return 100.0

    def list_past(self, id: str, since: float) -> list[Happened]:
        past, self.past = self.past, []
        return past


def make_hands(engine: FakeEngine) -> Hands:
    return Hands(engine, "demo", apart=0, poll=0)  # type: ignore[arg-type]


def make_happened(action: Action, number: int = 0) -> Happened:
    return Happened(id=ID, service="cache", action=action, at=0.0, signal=number)


LINKS = [
    Links(
        container=ID,
        links=(
            Link(network=NET, name="demo_default", aliases=("c",), address4="10.0.0.9"),
        ),
    )
]


def test_a_frozen_container_is_thawed_and_one_that_is_not_stays_untouched() -> None:
    engine = FakeEngine(Paused=True)
    make_hands(engine).thaw([ID])
    assert engine.asked == ["unpause"]

    engine = FakeEngine()
    make_hands(engine).thaw([ID])
    assert engine.asked == []


def test_a_container_that_is_about_to_end_is_started_when_it_has_ended() -> None:
    engine = FakeEngine()
    engine.past = [make_happened(Action.KILL, 15)]

    def end(id: str, since: float) -> list[Happened]:
        engine.state["Running"] = False
        engine.list_past = lambda one, since: []  # type: ignore[method-assign]
        return engine.past

    engine.list_past = end  # type: ignore[method-assign]
    make_hands(engine).start([ID])

    assert engine.asked == ["start"]
    assert engine.state["Running"]


def test_a_network_is_given_back_with_aliases_and_the_fixed_address() -> None:
    engine = FakeEngine()
    hands = make_hands(engine)
    hands.cut(LINKS)
    assert engine.networks == {}
    hands.connect(LINKS)

    assert engine.asked == ["disconnect", "connect"]
    config = engine.sent[-1]["EndpointConfig"]
    assert config["Aliases"] == ["c"]
    assert config["IPAMConfig"] == {"IPv4Address": "10.0.0.9"}


def test_a_container_of_another_project_is_never_touched() -> None:
    engine = FakeEngine(Paused=True, Running=False)
    engine.project = "other"
    hands = make_hands(engine)
    hands.thaw([ID])
    hands.start([ID])
    hands.connect(LINKS)
    hands.undo_at_once("start", [ID])
    hands.connect_at_once(LINKS)

    assert engine.asked == []


def test_what_the_engine_refuses_is_said_unless_it_is_so_already() -> None:
    engine = FakeEngine()
    engine.refusal = "the disk is full"
    with pytest.raises(FaultFailed, match="the disk is full"):
        make_hands(engine).stop([ID])

    engine.refusal = "container is already paused"
    make_hands(engine).freeze([ID])


BUSY = "OCI runtime pause failed: unable to freeze: unknown"


def test_a_container_that_is_too_busy_to_be_frozen_is_tried_again() -> None:
    engine = FakeEngine()
    engine.refusal, engine.refusals = BUSY, 3
    make_hands(engine).freeze([ID])
    assert engine.asked == ["pause"] * 4
    assert engine.state["Paused"]


def test_a_container_that_cannot_be_frozen_at_all_is_reported() -> None:
    engine = FakeEngine()
    engine.refusal = BUSY
    with pytest.raises(FaultFailed, match="unable to freeze"):
        make_hands(engine).freeze([ID])


@pytest.mark.parametrize(
    ("past", "pending"),
    [
        ([], False),
        ([make_happened(Action.KILL, 15)], True),
        ([make_happened(Action.KILL, 1)], False),
        ([make_happened(Action.KILL, 15), make_happened(Action.DIE)], False),
        ([make_happened(Action.DIE), make_happened(Action.KILL, 9)], True),
    ],
)
def test_a_wish_to_end_holds_until_the_container_has_died(
    past: list[Happened], pending: bool
) -> None:
    assert is_ending(past) is pending


def test_the_links_of_a_container_leave_out_what_the_engine_makes() -> None:
    data = {
        "Id": ID,
        "NetworkSettings": {
            "Networks": {
                "demo_default": {
                    "NetworkID": NET,
                    "Aliases": ["web", ID[:12]],
                    "IPAMConfig": {"IPv4Address": "10.0.0.9"},
                    "DriverOpts": {"a": "b"},
                },
                "host": {"NetworkID": NET},
            }
        },
    }

    assert read_links(data) == (
        Link(
            network=NET,
            name="demo_default",
            aliases=("web",),
            address4="10.0.0.9",
            options={"a": "b"},
        ),
    )


class Pair(FakeEngine):
    """A container `o`, and one that shares its network."""

    def __init__(self, started: str, *, running: bool = True) -> None:
        super().__init__()
        self.starts = {"o": "2026-01-01T00:00:05Z", "s": started}
        self.running = running

    def ask_api(self, method: str, path: str, /, *, data: Any = None) -> Reply:
        name = path.split("/")[2]
        is_up = self.running or name == "o"
        self.state = {"Running": is_up, "StartedAt": self.starts[name]}
        return super().ask_api(method, path, data=data)


@pytest.mark.parametrize(
    ("started", "running", "asked"),
    [
        ("2026-01-01T00:00:01Z", True, ["restart"]),
        ("2026-01-01T00:00:09Z", True, []),
        ("2026-01-01T00:00:09Z", False, ["restart"]),
    ],
)
def test_what_shares_a_network_is_started_again_unless_it_was(
    started: str, running: bool, asked: list[str]
) -> None:
    engine = Pair(started, running=running)
    make_hands(engine).start_sharing(["s"], ["o"])
    assert engine.asked == asked


def test_one_that_cannot_be_started_without_its_owner_does_not_end_the_drill() -> None:
    engine = Pair("2026-01-01T00:00:01Z")
    engine.refusal = "cannot join network of a non running container"
    make_hands(engine).start_sharing(["s"], ["o"])
    assert engine.asked == ["restart"]
