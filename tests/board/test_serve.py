"""Where the board is served."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from composegen.board import serve as module
from composegen.board.serve import bind
from composegen.errors import CannotServe


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The usual port of the board, which another program has."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(module, "PORT", port)
        yield port


def test_the_next_port_is_used_where_the_usual_one_is_taken(taken: int) -> None:
    with bind(None) as door:
        assert taken < door.getsockname()[1] < taken + module.PORTS


def test_a_port_that_was_asked_for_is_the_one_or_none(taken: int) -> None:
    with pytest.raises(CannotServe, match="another program uses it"):
        bind(taken)
