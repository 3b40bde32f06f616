"""The board's server: who may ask, what a page gets, what is done."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from composegen.board.logs import AGAIN
from composegen.errors import EngineUnreachable
from composegen.places.events import Exited, Ready, Started
from composegen.places.place import Act
from composegen.places.status import ServiceStatus, State
from tests.boards import HOSTILE, SECONDS, FakePlace, Page, Served, serve
from tests.leaks import wait_for


@pytest.fixture
def place() -> FakePlace:
    return FakePlace("db", "web")


@pytest.fixture
def served(place: FakePlace, tmp_path: Path) -> Iterator[Served]:
    with serve(place, tmp_path) as made:
        yield made


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with served.open() as opened:
        opened.wait_for_state("web", "ready")
        yield opened


# Who may ask


def test_it_listens_on_loopback_and_prints_its_token_in_the_fragment(
    served: Served,
) -> None:
    assert served.host == f"127.0.0.1:{served.port}"
    assert len(served.token) >= 43


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", ""]
)
def test_another_host_is_refused_without_a_word(served: Served, host: str) -> None:
    status, _, body = served.ask("/", Host=host)

    assert status in {400, 403}
    assert body == b"" or host == ""


def test_localhost_is_another_name_for_it(served: Served) -> None:
    assert served.ask("/", Host=f"localhost:{served.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/acts", "POST")])
def test_another_origin_is_refused(
    served: Served, origin: str, path: str, method: str
) -> None:
    status, _, body = served.ask(
        path, method=method, Origin=origin, Authorization=f"Bearer {served.token}"
    )
    assert (status, body) == (403, b"")


def test_an_act_without_an_origin_is_refused(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.token}"}
    assert served.ask("/acts", method="POST", **headers)[0] == 403


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_a_socket_of_another_page_is_refused(
    served: Served, origin: str | None
) -> None:
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(f"ws://{served.host}/live", origin=origin),  # type: ignore[arg-type]
    ):
        pass


@pytest.mark.parametrize("said", ['{"token": "wrong"}', "{}", "no json", "[]"])
def test_a_socket_that_does_not_show_the_token_gets_nothing(
    served: Served, said: str
) -> None:
    with connect(f"ws://{served.host}/live", origin=f"http://{served.host}") as socket:  # type: ignore[arg-type]
        socket.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=SECONDS)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"])
def test_an_act_without_the_token_is_refused(
    served: Served, place: FakePlace, token: str
) -> None:
    assert served.act("stop", "web", token=token.encode().decode("latin-1"))[0] == 401
    assert place.acts == []


@pytest.mark.parametrize(
    "body",
    ["", "[]", '{"act": "rm", "services": []}', '{"act": "stop", "services": 1}'],
)
def test_what_is_no_act_is_refused(served: Served, place: FakePlace, body: str) -> None:
    status, _, _ = served.ask(
        "/acts",
        method="POST",
        body=body,
        Origin=f"http://{served.host}",
        Authorization=f"Bearer {served.token}",
    )
    assert (status, place.acts) == (400, [])


def test_the_page_holds_no_data_and_may_run_no_script_of_others(served: Served) -> None:
    status, headers, body = served.ask("/")
    policy = headers["content-security-policy"]

    assert status == 200
    assert b"shop" not in body
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/board.py", "/live", "/acts"])
def test_there_are_no_other_files(served: Served, path: str) -> None:
    assert served.ask(path)[0] in {403, 404, 405}


# What a page gets


def test_a_page_gets_the_graph_and_the_state_of_each_service(page: Page) -> None:
    assert [box["service"] for box in page.values["graph"]["boxes"]] == ["db", "web"]
    assert page.values["stack"]["name"] == "shop"
    assert page.values["place"]["running"] is True


def test_what_happens_is_on_the_page_at_once(page: Page, place: FakePlace) -> None:
    gone = ServiceStatus(service="web", state=State.FAILED, exit_code=3)
    place.happen(Exited(service="web", at=1, exit_code=3, restart_in=None), gone)
    page.wait_for_state("web", "failed")
    assert page.values["status/web"]["exit_code"] == 3

    back = ServiceStatus(service="web", state=State.READY, health="healthy", restarts=1)
    place.happen(Started(service="web", at=2, pid=1, restarts=1))
    place.happen(Ready(service="web", at=3, after=1.0), back)
    page.wait_for_state("web", "ready")
    page.wait_for(lambda page: "ready after 1.0 s" in str(page.values["happened"]))


def test_two_pages_see_the_same(served: Served, page: Page, place: FakePlace) -> None:
    with served.open() as other:
        place.happen(Exited(service="web", at=1, exit_code=3, restart_in=None))
        other.wait_for_state("web", "failed")
    page.wait_for_state("web", "failed")


def test_a_run_that_ends_is_said_and_another_one_is_found(
    page: Page, place: FakePlace, tmp_path: Path
) -> None:
    place.end()
    page.wait_for(lambda page: page.values["place"]["running"] is False)

    place.is_running = True
    (tmp_path / ".composegen" / "run").mkdir(parents=True)
    (tmp_path / ".composegen" / "run" / "run-1.json").touch()
    page.wait_for(lambda page: page.values["place"]["running"] is True)
    place.happen(Exited(service="web", at=1, exit_code=3, restart_in=None))
    page.wait_for_state("web", "failed")


def test_an_engine_that_is_gone_is_said_until_it_is_back(
    page: Page, place: FakePlace, tmp_path: Path
) -> None:
    place.trouble = EngineUnreachable("the engine is gone", help="start it")
    (tmp_path / "stack.yaml").touch()
    page.wait_for(lambda page: page.values.get("trouble"))
    assert page.values["trouble"] == {
        "message": "the engine is gone",
        "help": "start it",
    }

    place.trouble = None
    page.wait_for(lambda page: not page.values.get("trouble"))


def test_why_is_what_the_place_says_without_what_steers(page: Page) -> None:
    page.send(do="why", service="web")
    while (message := page.take())["type"] != "why":
        pass
    [reason] = message["reasons"]

    assert (reason["reason"], reason["help"]) == ("it broke", "mend it")
    assert "\x1b" not in json.dumps(reason, ensure_ascii=False)
    assert "\u202e" not in reason["cause"]


# Logs


def ask_logs(page: Page, *services: str, text: str = "", errors: bool = False) -> None:
    page.send(do="logs", services=services, text=text, errors=errors)


def list_texts(page: Page) -> list[str]:
    return [line[2] for line in page.lines]


def test_lines_come_as_they_are_written_and_keep_colours_alone(
    page: Page, place: FakePlace
) -> None:
    place.first_lines = [("web", f"\x1b[31mred\x1b[0m {HOSTILE}")]
    ask_logs(page)
    page.wait_for(lambda page: page.lines)
    [text] = list_texts(page)
    assert text.startswith("\x1b[31mred\x1b[0m </script><img")
    assert not any(each in text for each in ("\x1b]", "\x07", "\u202e"))

    place.lines.put(("db", "second"))
    page.wait_for(lambda page: len(page.lines) == 2)


def test_a_page_gets_the_lines_that_it_asks_for(page: Page, place: FakePlace) -> None:
    place.first_lines = [("web", "GET /"), ("db", "ERROR: no"), ("web", "Error: bad")]
    ask_logs(page)
    page.wait_for(lambda page: len(page.lines) == 3)
    assert [line[3] for line in page.lines] == [0, 1, 1]

    ask_logs(page, "web")
    page.wait_for(lambda page: list_texts(page) == ["GET /", "Error: bad"])
    ask_logs(page, text="error")
    page.wait_for(lambda page: list_texts(page) == ["ERROR: no", "Error: bad"])
    ask_logs(page, "db", errors=True)
    page.wait_for(lambda page: list_texts(page) == ["ERROR: no"])


def test_logs_are_read_only_while_a_page_wants_them(
    page: Page, place: FakePlace
) -> None:
    place.first_lines = [("web", "GET /")]
    ask_logs(page)
    page.wait_for(lambda page: page.lines)
    assert not place.has_stopped_logs.is_set()

    page.send(do="no-logs")
    assert place.has_stopped_logs.wait(SECONDS)


def test_logs_that_were_interrupted_go_on_and_none_is_taken_from_the_page(
    page: Page, place: FakePlace
) -> None:
    place.first_lines = [("web", "GET /")]
    ask_logs(page, "web")
    page.wait_for(lambda page: page.lines)
    place.lines.put(None)

    page.wait_for(lambda page: list_texts(page)[1:] == [AGAIN, "GET /"])
    place.lines.put(("web", "more"))
    page.wait_for(lambda page: list_texts(page)[-1] == "more")


def test_a_page_that_does_not_read_holds_nothing_up(
    served: Served, page: Page, place: FakePlace
) -> None:
    with served.open() as slow:
        ask_logs(slow)
        ask_logs(page, text="the last")
        for each in (slow, page):
            each.wait_for(lambda page: page.has_logs)
        for number in range(60_000):
            place.lines.put(("web", f"{number} {'x' * 200}"))
        place.lines.put(("web", "the last"))
        page.wait_for(lambda page: list_texts(page) == ["the last"])

        slow.wait_for(lambda page: page.lines and page.lines[-1][2] == "the last")
        assert len(slow.lines) + slow.skipped >= 60_001


# Acts


def test_an_act_is_done_by_the_place_and_shown_in_the_terminal(
    served: Served, page: Page, place: FakePlace
) -> None:
    assert served.act("stop", "web") == (200, {"said": ["web stopped"]})
    assert place.acts == [(Act.STOP, ("web",))]
    assert served.said == ["board: stop web", "board: web stopped"]


def test_an_act_that_cannot_be_done_says_why(served: Served, page: Page) -> None:
    status, told = served.act("start", "broken")

    assert (status, told["error"], told["help"]) == (
        200,
        "nothing runs here",
        "composegen up",
    )


def test_all_is_taken_down(served: Served) -> None:
    assert served.act("down") == (200, {"said": ["ended the run"]})


def test_a_drill_is_a_child_that_is_on_the_page(served: Served, page: Page) -> None:
    served.act("drill", "db")
    page.wait_for(lambda page: page.values.get("drill", {}).get("going") is False)

    assert page.values["drill"]["lines"] == ["begun", "over"]
    assert page.values["drill"]["code"] == 3
    assert served.act("end-drill")[1]["error"] == "no drill goes on"


def test_a_board_that_is_read_only_refuses_acts(
    place: FakePlace, tmp_path: Path
) -> None:
    with serve(place, tmp_path, is_read_only=True) as served:
        assert served.act("stop", "web")[0] == 405
        with served.open() as page:
            page.wait_for(lambda page: page.values.get("readOnly") is True)
    assert place.acts == []


# The end


def test_pages_that_come_and_go_leave_nothing_behind(
    served: Served, page: Page, place: FakePlace
) -> None:
    for _ in range(20):
        with served.open() as other:
            ask_logs(other)
            other.wait_for_state("web", "ready")

    wait_for(lambda: len(served.board._server._sessions) == 1)
    assert len(served.board._shared._listeners) == 1
    assert served.board._server._wanting == 0


def test_half_a_request_holds_nothing_up(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=SECONDS)
    connection.connect()
    connection.send(b"GET / HTTP/1.1\r\nHost:")
    assert served.ask("/")[0] == 200
    connection.close()
