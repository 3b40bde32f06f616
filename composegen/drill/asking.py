"""Asks a service over and over, and remembers every answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from composegen.records import record

INTERVAL = 0.3
"""Seconds between the beginnings of two questions."""


@record
class Answer:
    """One answer: when it was asked, on the monotonic clock, and how long it took.

    ``problem`` says what is wrong with it; empty where it is good.
    """

    at: float
    seconds: float
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is what is expected."""
        return not self.problem

    @property
    def ended(self) -> float:
        """When it came."""
        return self.at + self.seconds


Question: TypeAlias = Callable[[], Answer]


class Asker:
    """Asks one service from a thread of its own until it is ended."""

    def __init__(self, service: str, ask: Question, interval: float = INTERVAL) -> None:
        self.service = service
        self._ask = ask
        self._interval = interval
        self._answers: list[Answer] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def end(self) -> None:
        """Ask no more; the last question may still wait for its answer."""
        self._over.set()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What came so far, in the order of the questions."""
        return tuple(self._answers)

    def _run(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            self._answers.append(self._ask())
            self._over.wait(max(0.0, begun + self._interval - time.monotonic()))
