"""One process only, where sessions live in a process's memory."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class AnotherProcess(Exception):
    """Another process serves the same port and would not know this one's sessions."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"another router process with PORT={port} runs here, and sessions live in "
            "the memory of one process: run one process, give each router a PORT of "
            "its own, or set REDIS_URL"
        )


@contextmanager
def only_process(port: int) -> Iterator[None]:
    """Hold a name that one process at a time can have; raises AnotherProcess.

    The name is an abstract socket: it needs no file and ends with its process. Only
    Linux has them; elsewhere nothing is guarded.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guard:
        try:
            guard.bind(f"\0chat-router-{port}")
        except OSError as error:
            raise AnotherProcess(port) from error
        yield
