"""`python -m frontend`: reads the environment, serves until it is stopped."""

import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import uvicorn

from frontend.app import create_app

DRAIN_SECONDS = 4


def read_port(environment: Mapping[str, str]) -> int:
    """The port to listen on; raises ValueError for what is none."""
    text = environment.get("PORT") or "3000"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):  # noqa: PLR2004
        raise ValueError(f"PORT is {text!r}: expected 1 to 65535")
    return int(text)


def read_backend_url(environment: Mapping[str, str]) -> str:
    """The backend's address; raises ValueError for what is none."""
    url = environment.get("BACKEND_URL") or "http://127.0.0.1:3002"
    if not _is_address(url):
        raise ValueError(f"BACKEND_URL is {url!r}: expected http://host:port")
    return url.rstrip("/")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname)
        return named and parts.port != 0
    except ValueError:
        return False


def main() -> None:
    """Serve until stopped; a mistake in the settings ends it with one line and 1."""
    host = os.environ.get("HOST") or "127.0.0.1"
    try:
        port, backend_url = read_port(os.environ), read_backend_url(os.environ)
    except ValueError as error:
        sys.exit(f"frontend: {error}")
    print(f"frontend   http://{host}:{port}", flush=True)
    print(f"backend    {backend_url}", flush=True)
    uvicorn.run(
        create_app(backend_url),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        # Longer than proxies keep theirs, so that none sends into one just closed.
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
