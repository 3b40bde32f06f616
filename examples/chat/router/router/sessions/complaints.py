"""What an error of a Redis means: it is away, takes no writes, or will never do."""

import re

from redis.exceptions import InvalidResponse, RedisError

from router.sessions.store import StoreMisconfigured, StoreReadOnly, StoreUnavailable

CLUSTER = (
    "REDIS_URL leads to one node of a Redis Cluster, which holds only some keys: "
    "use a Redis without cluster mode, or Sentinel behind one address"
)
_PASSWORD = "Redis refuses the user or password in REDIS_URL"  # noqa: S105 - words
_RIGHTS = (
    "the Redis user in REDIS_URL lacks rights: allow the keys ~chat:* and the commands "
    "of @read, @write, @scripting and time"
)
_SETTINGS = {
    r"\b(MOVED|ASK|CROSSSLOT)\b|cluster.?mode": CLUSTER,
    r"NOAUTH|WRONGPASS|Client sent AUTH|invalid (username|password)": _PASSWORD,
    r"NOPERM|no permissions|can't (run this command|access)": _RIGHTS,
    r"unknown command|unknown subcommand": (
        "what REDIS_URL leads to does not know a command that the router needs: use "
        "Redis 5 or newer, or Valkey, without renamed commands"
    ),
    r"invalid DB index|DB index is out of range|Invalid Database": (
        "REDIS_URL names a database that Redis does not have: use /0"
    ),
    r"WRONG_VERSION_NUMBER|wrong version number|record layer failure": (
        "Redis does not speak TLS there: use redis:// instead of rediss://"
    ),
    r"CERTIFICATE_VERIFY_FAILED": (
        "the certificate of Redis is not trusted: add ssl_ca_certs=FILE to REDIS_URL"
    ),
}
_READ_ONLY = re.compile(r"\b(READONLY|OOM|MISCONF|NOREPLICAS)\b")
_WAITS = re.compile(r"\b(LOADING|BUSY|MASTERDOWN|TRYAGAIN|CLUSTERDOWN)\b")


def explain(error: RedisError | OSError) -> StoreUnavailable:
    """The error in the store's words; no word of an address or a password."""
    code = getattr(error, "status_code", None) or ""
    text = f"{code} {error}".strip()
    if isinstance(error, InvalidResponse):
        return StoreMisconfigured("what REDIS_URL leads to is no Redis")
    if found := _READ_ONLY.search(text):
        return StoreReadOnly(_READ_ONLY_WORDS[found[0]])
    if not _WAITS.search(text):
        for pattern, words in _SETTINGS.items():
            if re.search(pattern, text):
                return StoreMisconfigured(words)
    return StoreUnavailable(f"Redis does not answer ({text or type(error).__name__})")


_READ_ONLY_WORDS = {
    "READONLY": "Redis is a replica now and takes no writes",
    "OOM": "Redis has no memory left (maxmemory) and takes no writes",
    "MISCONF": "Redis cannot save to its disk and takes no writes",
    "NOREPLICAS": "Redis has too few replicas and takes no writes",
}
