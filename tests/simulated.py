"""An event loop in simulated time: no test on it waits, and none is ever late."""

import asyncio
import selectors
from types import SimpleNamespace


class _NoWait(selectors.DefaultSelector):
    """Adds what would have been waited to the clock, and looks at no file."""

    now = 1000.0

    def select(self, timeout=None):
        assert timeout is not None, "nothing will ever happen: everything waits"
        self.now += max(timeout, 0)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs what is due; when everything waits, its clock goes on at once."""

    def __init__(self):
        self._no_wait = _NoWait()
        super().__init__(self._no_wait)

    def time(self):
        return self._no_wait.now

    def take(self, seconds):
        """What is called now takes so long."""
        self._no_wait.now += seconds


def simulate(work, monkeypatch, *modules):
    """Run ``work`` to its end; what the modules take for `time` is the loop's."""
    loop = SimulatedLoop()
    for module in modules:
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=loop.time))
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work)
