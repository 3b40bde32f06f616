"""What the guardian is told, and what its successor is told again."""

import asyncio
import os
import signal
import sys

import pytest

from composegen.system.guard import Guard
from tests import leaks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_its_successor_learns_what_still_stands_and_no_more(monkeypatch):
    told, people = [], []
    real = Guard._send
    monkeypatch.setattr(
        Guard, "_send", lambda guard, line: (told.append(line), real(guard, line))
    )

    async def lose():
        guard = Guard("f" * 16, people.append)
        guard.start()
        guard.watch_group(2**22 + 1, 0.1, signal.SIGTERM)
        guard.watch_group(2**22 + 2, 2.0, signal.SIGINT)
        guard.watch_log("/logs/a.log")
        guard.add_cleanup(("true", "a"))
        guard.add_cleanup(("true", "b"))
        guard.forget_group(2**22 + 1)
        guard.forget_cleanup(("true", "a"))
        del told[:]
        os.kill(leaks.wait_for_guardian("f" * 16), signal.SIGKILL)
        while not people:
            await asyncio.sleep(0.01)
        again = list(told)
        guard.forget_group(2**22 + 2)
        await guard.end(60.0)
        return again

    stands = [f"+{2**22 + 2} 2 2", '="/logs/a.log"', '*["true", "b"]']
    assert asyncio.run(lose()) == stands
    assert people == ["the guardian was killed; a new one has replaced it"]
    assert leaks.find_guardian("f" * 16) is None


def test_a_guardian_that_is_frozen_holds_nothing_up():
    async def freeze():
        guard = Guard("e" * 16, lambda _: None)
        guard.start()
        os.kill(leaks.wait_for_guardian("e" * 16), signal.SIGSTOP)
        for number in range(20000):
            guard.watch_group(2**22 + number, 0.1, signal.SIGTERM)
            guard.forget_group(2**22 + number)
        await guard.end(0.1)

    asyncio.run(freeze())

    assert leaks.find_guardian("e" * 16) is None
