"""Settings from the environment; for keys and addresses also from files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_GROQ = "https://api.groq.com/openai/v1"
_OPENAI = "https://api.openai.com/v1"
_LONGEST_TTL = 366 * 24 * 3600


class SettingsError(Exception):
    """A setting cannot be used; the text says which one and what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one router needs to know; no key or address is shown when it is printed."""

    host: str
    port: int
    redis_url: str | None = field(repr=False)
    session_ttl: float
    boot_delay: float
    llm_base_url: str | None = field(repr=False)
    llm_api_key: str | None = field(repr=False)
    llm_model: str | None
    llm_timeout: float
    llm_limit_name: str
    routes_file: Path


def load_settings(env: Mapping[str, str]) -> Settings:
    """Settings from an environment; raises SettingsError. Empty means not set."""
    own_key = _secret(env, "LLM_API_KEY")
    groq_key = _secret(env, "GROQ_API_KEY")
    default_url = _OPENAI if own_key else _GROQ if groq_key else None
    base_url = _secret(env, "LLM_BASE_URL") or default_url
    if base_url and not _is_address(base_url, ("http", "https")):
        raise SettingsError("LLM_BASE_URL: use an address such as http://host:port/v1")
    port = _number(env, "PORT", 8888)
    if port != int(port) or not 0 < port < 2**16:
        raise SettingsError("PORT: use a whole number from 1 to 65535")
    ttl = _number(env, "SESSION_TTL", 1800)
    if not 1 <= ttl <= _LONGEST_TTL:
        raise SettingsError(f"SESSION_TTL: use 1 to {_LONGEST_TTL} seconds")
    return Settings(
        host=env.get("HOST") or "127.0.0.1",
        port=int(port),
        redis_url=_redis_url(env),
        session_ttl=ttl,
        boot_delay=_number(env, "BOOT_DELAY", 0),
        llm_base_url=base_url.rstrip("/") if base_url else None,
        llm_api_key=own_key or groq_key,
        llm_model=env.get("LLM_MODEL") or None,
        llm_timeout=_number(env, "LLM_TIMEOUT", 600),
        llm_limit_name=_limit_name(env),
        routes_file=_routes_file(env),
    )


def _limit_name(env: Mapping[str, str]) -> str:
    name = env.get("LLM_LIMIT_NAME") or "max_tokens"
    if name not in ("max_tokens", "max_completion_tokens"):
        text = f"use max_tokens or max_completion_tokens, not {name!r}"
        raise SettingsError(f"LLM_LIMIT_NAME: {text}")
    return name


def _redis_url(env: Mapping[str, str]) -> str | None:
    url = _secret(env, "REDIS_URL")
    store = env.get("SESSION_STORE") or ("redis" if url else "memory")
    if store not in ("memory", "redis"):
        raise SettingsError(f"SESSION_STORE: use memory or redis, not {store!r}")
    if store == "memory":
        return None
    if not url:
        raise SettingsError("SESSION_STORE is redis: set REDIS_URL too, or use memory")
    if not _is_address(url, ("redis", "rediss", "unix")):
        text = "use an address such as redis://host:6379 (also rediss:// and unix://)"
        raise SettingsError(f"REDIS_URL: {text}")
    return url


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether a client can use it; it is never shown, since it may hold a password."""
    try:
        parts = urlsplit(url)
        named = parts.path if parts.scheme == "unix" else parts.hostname
        return parts.scheme in schemes and bool(named) and parts.port != 0
    except ValueError:
        return False


def _secret(env: Mapping[str, str], name: str) -> str | None:
    if value := env.get(name, "").strip():
        return value
    path = env.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE: cannot read {path}: {error}") from error


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name}: use a number, not {text!r}")
    return value


def _routes_file(env: Mapping[str, str]) -> Path:
    if path := env.get("ROUTES_FILE"):
        return Path(path)
    package = Path(__file__).parent
    # In a checkout the rules are beside the package, where people look for them; an
    # installed package carries its own copy.
    installed = package / "routes.yaml"
    return installed if installed.exists() else package.parent / "routes.yaml"
