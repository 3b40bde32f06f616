"""What the environment says, read once at start; an empty variable is not set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_ROUTER = "http://127.0.0.1:8888"


class SettingsError(Exception):
    """A variable holds something the backend cannot start with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The backend's settings; `redis_url` is None when turns are counted in memory.

    `router_url` is where a router usually is, unless it is set.
    """

    host: str = "127.0.0.1"
    port: int = 3002
    router_url: str = DEFAULT_ROUTER
    redis_url: str | None = field(default=None, repr=False)
    rate_limit: int = 60


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsError with the variable's name."""
    return Settings(
        host=environment.get("HOST") or "127.0.0.1",
        port=_read_number(environment, "PORT", default=3002, highest=65535),
        router_url=_read_router_url(environment),
        redis_url=_read_redis_url(environment),
        rate_limit=_read_number(environment, "RATE_LIMIT", default=60, highest=10_000),
    )


def _read_number(
    environment: Mapping[str, str], name: str, *, default: int, highest: int
) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= highest):
        raise SettingsError(f"{name} is {text!r}: expected 1 to {highest}")
    return int(text)


def _read_router_url(environment: Mapping[str, str]) -> str:
    url = environment.get("ROUTER_URL") or DEFAULT_ROUTER
    if not _is_address(url, ("http", "https")):
        raise SettingsError(f"ROUTER_URL is {url!r}: expected http://host:port")
    return url.rstrip("/")


def _read_redis_url(environment: Mapping[str, str]) -> str | None:
    """Redis' address when turns are to be counted there, else None."""
    url = environment.get("REDIS_URL") or _read_file(environment, "REDIS_URL_FILE")
    store = environment.get("RATE_LIMIT_STORE") or ("redis" if url else "memory")
    if store not in ("memory", "redis"):
        raise SettingsError(f"RATE_LIMIT_STORE is {store!r}: expected memory or redis")
    if store == "memory":
        return None
    if not url:
        raise SettingsError("RATE_LIMIT_STORE is redis, but REDIS_URL is not set")
    if not _is_address(url, ("redis", "rediss", "unix")):
        # Not shown: it may hold a password.
        raise SettingsError("REDIS_URL is no address: expected redis://host:port")
    return url


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.path if parts.scheme == "unix" else parts.hostname
        return parts.scheme in schemes and bool(named) and parts.port != 0
    except ValueError:
        return False


def _read_file(environment: Mapping[str, str], name: str) -> str | None:
    path = environment.get(name)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{name} is {path!r}: {error}") from error
