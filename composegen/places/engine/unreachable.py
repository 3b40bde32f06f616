"""Every way in which an engine can be out of reach becomes one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from composegen.errors import EngineUnreachable
from composegen.oserrors import describe_os_error, find_shortage
from composegen.places.engine.api import Refused, Silence
from composegen.places.engine.endpoint import (
    Endpoint,
    describe_silence,
    suggest_start,
)


@contextmanager
def catch_silence(endpoint: Endpoint) -> Iterator[None]:
    """Raise EngineUnreachable for whatever an engine refuses or does not answer."""
    try:
        yield
    except Refused as error:
        raise EngineUnreachable(describe(error)) from None
    except (Silence, OSError) as error:
        shortage = find_shortage(error)
        if shortage is not None:
            words, help = describe_os_error(shortage)
            raise EngineUnreachable(words, help=help) from None
        message = describe(error)
        raise EngineUnreachable(
            f"{message} ({endpoint})", help=suggest_start(endpoint, message)
        ) from None


def describe(error: BaseException) -> str:
    """What is wrong, in the engine's words or in ours."""
    if isinstance(error, Refused):
        return f"the Docker engine says: {error.explanation}"
    return describe_silence(str(error))
