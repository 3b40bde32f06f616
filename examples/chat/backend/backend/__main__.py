"""`python -m backend`: starts the backend, says what it found, stops on request."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from socket import socket
from urllib.parse import urlsplit

import uvicorn
import uvloop

from backend.app import Backend, create_app
from backend.owned import Place, find_place
from backend.ratelimit import open_rate_limit
from backend.router import Router, RouterHealth
from backend.settings import Settings, SettingsError, read_settings

DRAIN_SECONDS = 3


class Server(uvicorn.Server):
    """uvicorn's server, stopped by `stop` alone so that every context unwinds.

    It greets when it listens. When it is to stop, replies may end for
    DRAIN_SECONDS; then it hangs up on the router, which ends them with an error.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        greet: Callable[[], None],
        hang_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._greet = greet
        self._hang_up = hang_up

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._greet()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        async def end_replies() -> None:
            await asyncio.sleep(DRAIN_SECONDS)
            await self._hang_up()

        ending = asyncio.create_task(end_replies())
        await super().shutdown(sockets)
        ending.cancel()

    def stop(self) -> None:
        """Drain; asked a second time, leave at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then drain and close what was opened."""
    read_settings(environment)  # a mistake is reported before anything is started
    starting = asyncio.current_task()
    if starting is not None:
        _on_signals(starting.cancel)
    async with find_place(environment) as place:
        settings = read_settings(place.environment)
        async with (
            Router(settings.router_url) as router,
            open_rate_limit(settings.redis_url, settings.rate_limit) as rate_limit,
        ):
            app = create_app(Backend(router=router, rate_limit=rate_limit, place=place))
            banner = format_banner(settings, place, await router.health())
            server = Server(
                uvicorn.Config(
                    app,
                    host=settings.host,
                    port=settings.port,
                    lifespan="off",
                    log_level="warning",
                    access_log=False,
                    timeout_graceful_shutdown=DRAIN_SECONDS + 1,
                    # Longer than proxies keep theirs: none sends into a closed one.
                    timeout_keep_alive=75,
                ),
                greet=lambda: print(banner, flush=True),
                hang_up=router.aclose,
            )
            _on_signals(server.stop)
            await server.serve()


def format_banner(settings: Settings, place: Place, router: RouterHealth) -> str:
    """What a person wants to know at start, in five lines; no secret is in it."""
    state = "ready" if router.ready else "not ready" if router.running else "away"
    redis = urlsplit(settings.redis_url or "")
    counted = f"in Redis at {redis.hostname}" if settings.redis_url else "in memory"
    offline = router.provider["mode"] == "offline"
    key = router.provider["key"] + (", replies are offline" if offline else "")
    return "\n".join(
        (
            f"backend    http://{settings.host}:{settings.port}",
            f"router     {settings.router_url} is {state} ({place.note})",
            f"key        {key}",
            f"limit      {settings.rate_limit} turns a minute and user, {counted}",
            "endpoints  POST /api/chat, GET and DELETE /api/chat/{session},",
            "           GET /api/status, GET /health",
        )
    )


def _on_signals(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def main() -> None:
    """Run until stopped; a mistake in the settings ends it with one line and 1."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(os.environ))
    except SettingsError as error:
        sys.exit(f"backend: {error}")
    except asyncio.CancelledError:
        sys.exit("backend: stopped before it was ready")


if __name__ == "__main__":
    main()
