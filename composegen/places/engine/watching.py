"""The events of an engine, about the containers of one project."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.errors import EngineUnreachable
from composegen.places.engine.api import Refused, Silence, Stream
from composegen.places.engine.happened import Happened, read_happened
from composegen.places.engine.unreachable import describe


class Watch:
    """What happens to a project's containers, from now on; ends when closed."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Happened]:
        """Raises EngineUnreachable when the engine goes away."""
        try:
            for data in self._stream:
                happened = read_happened(data)
                if happened is not None:
                    yield happened
        except (OSError, Silence, Refused) as error:
            raise EngineUnreachable(describe(error)) from None

    def close(self) -> None:
        """End it, from any thread."""
        self._stream.close()
