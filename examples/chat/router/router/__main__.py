"""Starts the router: `python -m router`."""

import logging
import os
import resource
import signal
import socket
import sys
import time
from contextlib import nullcontext
from urllib.parse import urlsplit

import uvicorn

from router import __version__
from router.app import make_app
from router.guard import AnotherProcess, only_process
from router.routes import RoutesError
from router.sessions import look_at
from router.sessions.store import SessionStore, StoreMisconfigured
from router.settings import Settings, SettingsError, load_settings

_DRAIN = 5
_HANDLES = 4096
_log = logging.getLogger("router")


class _Server(uvicorn.Server):
    """Says in one line that it is ready, once it listens."""

    def __init__(
        self, config: uvicorn.Config, settings: Settings, store: SessionStore
    ) -> None:
        super().__init__(config)
        self._settings = settings
        self._store = store

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it; raises StoreMisconfigured."""
        await look_at(self._store)
        await super().startup(sockets)
        if self.started:
            settings = self._settings
            _log.info(
                "router %s ready on http://%s:%d (sessions: %s, provider: %s, key: %s)",
                __version__,
                settings.host,
                settings.port,
                "redis" if settings.redis_url else "memory",
                urlsplit(settings.llm_base_url or "").hostname or "offline responder",
                "configured" if settings.llm_api_key else "missing",
            )


def main() -> None:
    """Serve until asked to stop; exits with 1 and one line when that cannot begin."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    _raise_handles()
    try:
        settings = load_settings(os.environ)
        app = make_app(settings, guarded=True)
        time.sleep(settings.boot_delay)
    except (SettingsError, RoutesError) as error:
        sys.exit(f"router: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_DRAIN,
        # Longer than proxies keep theirs, so that none sends into one just closed.
        timeout_keep_alive=75,
    )
    server = _Server(config, settings, app.state.store)
    try:
        with nullcontext() if settings.redis_url else only_process(settings.port):
            server.run()
    except (AnotherProcess, StoreMisconfigured) as error:
        sys.exit(f"router: error: {error}")
    except KeyboardInterrupt:  # uvicorn raises it again when it has stopped
        sys.exit(130)
    if not server.started:
        sys.exit(1)


def _raise_handles() -> None:
    """Let this process hold more than a thousand streams, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _HANDLES if hard == resource.RLIM_INFINITY else min(_HANDLES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
