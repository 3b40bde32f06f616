"""The Docker engine's API as ``client`` asks it, over the SDK or a local socket.

Both ways have the same calls, which are the SDK's, and raise the same errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Refused(Exception):
    """The engine answers with an error; ``explanation`` is in its words."""

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status = status
        self.explanation = explanation

    @property
    def is_client_error(self) -> bool:
        """Whether what was asked is wrong, or not there."""
        return 400 <= self.status < 500


NOT_FOUND = 404


class Silence(Exception):
    """The engine does not answer; the message has the words of who asked."""


class Late(Silence):
    """The engine does not answer in time."""


class Stream(Protocol):
    """What an engine goes on to send."""

    def __iter__(self) -> Iterator[Any]: ...
    def close(self) -> None:
        """End it, from any thread."""
        ...


class Reply(Protocol):
    """The answer to a request that has no call."""

    @property
    def status_code(self) -> int:
        """The status of HTTP."""
        ...

    @property
    def headers(self) -> Any:
        """The headers, by their names in any case."""
        ...

    def json(self) -> Any:
        """What it holds. Raises ValueError for what is no JSON."""
        ...
