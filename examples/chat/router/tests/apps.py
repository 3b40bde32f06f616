"""Routers for tests: served on a private port, with what the test hands in."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from router.app import make_app
from router.offline import OfflineProvider
from router.provider import Provider
from router.sessions.store import SessionStore
from router.settings import load_settings
from tests.servers import PATIENCE, free_port, serving

SESSION = {"X-User-Id": "alice", "X-Session-Id": "one"}
CHAT = "/v1/chat/completions"


@asynccontextmanager
async def routing(
    *,
    store: SessionStore | None = None,
    provider: Provider | None = None,
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a router that is served for this long."""
    settings = load_settings({"PORT": str(free_port()), **(env or {})})
    if provider is None and settings.llm_base_url is None:
        provider = OfflineProvider(pause=0)
    app = make_app(settings, store=store, provider=provider)
    # No certificates: to load them takes longer than most tests.
    async with (
        serving(app) as url,
        httpx.AsyncClient(
            base_url=url, trust_env=False, verify=False, timeout=PATIENCE
        ) as client,
    ):
        yield client


def say(text: str, **fields: object) -> dict[str, object]:
    """The body of a request with one message."""
    return {"model": "auto", "messages": [{"role": "user", "content": text}], **fields}
