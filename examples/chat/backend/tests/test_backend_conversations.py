"""Stored conversations, whose they are, the status, CORS, and unknown addresses."""

import re
from typing import Any

import pytest

from backend.owned import Place
from backend_fakes import FakeRouter, backend_client, free_port

pytestmark = pytest.mark.anyio


async def test_a_conversation_is_read_and_forgotten() -> None:
    async with backend_client(FakeRouter()) as client:
        await client.post("/api/chat", json={"message": "hi", "session": "s"})
        loaded = await client.get("/api/chat/s")
        assert loaded.json()["durability"] == "memory"
        assert [m["content"] for m in loaded.json()["messages"]] == ["hi"]
        assert (await client.delete("/api/chat/s")).status_code == 204
        assert (await client.get("/api/chat/s")).status_code == 404
        assert (await client.delete("/api/chat/s")).status_code == 204


async def test_no_user_reads_or_deletes_the_conversation_of_another() -> None:
    async with backend_client(FakeRouter()) as client:
        await client.post("/api/chat", json={"message": "secret", "session": "s"})
        mine = client.cookies["chat_user"]
        client.cookies.clear()
        assert (await client.get("/api/chat/s")).status_code == 404
        assert (await client.delete("/api/chat/s")).status_code == 204
        await client.post("/api/chat", json={"message": "other", "session": "s"})
        theirs = (await client.get("/api/chat/s")).json()["messages"]
        assert [message["content"] for message in theirs] == ["other"]
        client.cookies.clear()
        client.cookies.set("chat_user", mine)
        assert (await client.get("/api/chat/s")).status_code == 200


async def test_the_cookie_is_random_and_out_of_reach_of_scripts() -> None:
    async with backend_client(FakeRouter()) as client:
        first = await client.post("/api/chat", json={"message": "x"})
        again = await client.post("/api/chat", json={"message": "x"})
        client.cookies.clear()
        client.cookies.set("chat_user", "../admin")
        other = await client.post("/api/chat", json={"message": "x"})
    cookie = first.headers["Set-Cookie"]
    assert re.match(
        r"chat_user=[\w-]{22}; HttpOnly; Max-Age=31536000; Path=/; ", cookie
    )
    assert cookie.lower().endswith("samesite=lax")
    assert "Set-Cookie" not in again.headers
    assert re.match(r"chat_user=[\w-]{22};", other.headers["Set-Cookie"])


@pytest.mark.parametrize("session", ["%2e", "%2E%2e", "a%20b", "a%0A", "a" * 129, "ü"])
async def test_bad_session_ids_are_refused(session: str) -> None:
    async with backend_client(FakeRouter()) as client:
        answers = [
            await client.get(f"/api/chat/{session}"),
            await client.delete(f"/api/chat/{session}"),
        ]
    assert [answer.status_code for answer in answers] == [400, 400]


async def test_odd_but_allowed_ids_reach_the_router_unchanged() -> None:
    router = FakeRouter()
    odd = "aZ0._~:@+=-"
    async with backend_client(router) as client:
        await client.post("/api/chat", json={"message": "hi", "session": odd})
        assert (await client.get(f"/api/chat/{odd}")).status_code == 200


async def test_health_is_about_the_backend_itself() -> None:
    async with backend_client(f"http://127.0.0.1:{free_port()}") as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("report", "status", "mode", "key"),
    [
        (
            {"status": "ok", "provider": {"mode": "remote", "key": "configured"}},
            "ok",
            "remote",
            "configured",
        ),
        (
            {"status": "degraded", "provider": {"mode": "offline", "key": "missing"}},
            "degraded",
            "offline",
            "missing",
        ),
        ({"provider": None}, "unreachable", "unknown", "unknown"),
        ([], "unreachable", "unknown", "unknown"),
    ],
)
async def test_status_shows_what_the_router_says(
    report: Any, status: str, mode: str, key: str
) -> None:
    async with backend_client(FakeRouter(health=(200, report))) as client:
        told = (await client.get("/api/status")).json()
    assert told["router"] == {
        "running": True,
        "ready": True,
        "owned": False,
        "pid": None,
        "status": status,
    }
    assert told["provider"] == {"mode": mode, "key": key}
    assert told["rate_limit"] == {"store": "memory"}


async def test_status_distinguishes_a_router_that_is_not_ready_from_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = FakeRouter(health_takes=1.2)
    for starting in (FakeRouter(health=(503, {})), slow):
        if starting is slow:
            monkeypatch.setattr("backend.router.HEALTH_TIMEOUT", 0.2)
        async with backend_client(starting) as client:
            router = (await client.get("/api/status")).json()["router"]
            assert (router["running"], router["ready"]) == (True, False)
    async with backend_client(f"http://127.0.0.1:{free_port()}") as client:
        router = (await client.get("/api/status")).json()["router"]
        assert (router["running"], router["ready"]) == (False, False)


class OwnRouter:
    """What composegen hands out for a router that it has started."""

    @property
    def environment(self) -> dict[str, str]:
        return {"ROUTER_URL": "http://127.0.0.1:8888"}

    def is_owned(self, service: str) -> bool:
        return service == "router"

    def pid(self, service: str) -> int | None:
        return 4711


async def test_status_shows_an_owned_router_and_its_process() -> None:
    place = Place(environment={}, note="", dependencies=OwnRouter())
    async with backend_client(FakeRouter(), place=place) as client:
        status = (await client.get("/api/status")).json()["router"]
    assert (status["owned"], status["pid"]) == (True, 4711)


async def test_pages_of_this_machine_may_call_and_others_may_not() -> None:
    async with backend_client(FakeRouter()) as client:
        asked = {"Access-Control-Request-Method": "POST"}
        local = {"Origin": "http://localhost:5173", **asked}
        allowed = await client.options("/api/chat", headers=local)
        assert allowed.headers["Access-Control-Allow-Origin"] == local["Origin"]
        assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
        for origin in ("https://example.org", "http://localhost.example.org"):
            away = {"Origin": origin, **asked}
            assert (await client.options("/api/chat", headers=away)).status_code == 400


async def test_unknown_addresses_and_methods_are_reported_in_the_same_shape() -> None:
    async with backend_client(FakeRouter()) as client:
        missing = await client.get("/api/nothing")
        wrong = await client.put("/api/chat", json={})
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.json()["error"]["code"] == "not_found"
    assert wrong.json()["error"]["code"] == "method_not_allowed"
