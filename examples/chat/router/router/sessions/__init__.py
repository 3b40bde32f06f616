"""Chat sessions: in memory, in Redis, or in Redis with memory for its outages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from router.sessions.log import Limits
from router.sessions.memory import MemoryStore
from router.sessions.recovering import RecoveringStore
from router.sessions.store import SessionStore, StoreMisconfigured, StoreUnavailable


def make_store(redis_url: str | None, lifetime: float) -> SessionStore:
    """A store in Redis with memory for its outages; without an address, in memory."""
    limits = Limits(lifetime=lifetime)
    if not redis_url:
        return MemoryStore(limits=limits)
    # Importing it takes 100 ms, which a start without Redis need not spend.
    from router.sessions.redis import RedisStore  # noqa: PLC0415

    return RecoveringStore(RedisStore(redis_url, limits=limits))


async def look_at(store: SessionStore) -> None:
    """Ask a store once; one that is away may come.

    Raises StoreMisconfigured where it will never do as it is set up, and closes it.
    """
    try:
        await store.check()
    except StoreMisconfigured:
        await store.close()
        raise
    except StoreUnavailable:
        pass


@asynccontextmanager
async def tended(store: SessionStore) -> AsyncIterator[SessionStore]:
    """The store, asked once and then looked after until the end; closed there.

    Raises StoreMisconfigured where it will never do as it is set up.
    """
    await look_at(store)
    tending = asyncio.create_task(store.tend())
    try:
        yield store
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        await store.close()
