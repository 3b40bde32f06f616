"""A port of this machine that leads into one pod, held by kubectl until it is closed.

The other end is the pod's own loopback: no Service and no policy is on the way. It
takes every connection, and closes those that the pod refuses.
"""

from __future__ import annotations

import subprocess
import threading

from composegen.errors import ClusterUnreachable
from composegen.patterns import make_pattern
from composegen.places.cluster.kubectl import Kubectl, list_complaints

_OPEN = make_pattern(r"Forwarding from 127\.0\.0\.1:(\d+) ")
_REFUSED = "connection refused"
_PATIENCE = 10.0
_KEPT = 20


class Tunnel:
    """Leads to one port of one pod. Raises ClusterUnreachable where it cannot."""

    def __init__(self, kubectl: Kubectl, pod: str, port: int) -> None:
        self._lines: list[str] = []
        self._opened, self._ended = threading.Event(), threading.Event()
        self._port = 0
        self._process = subprocess.Popen(
            kubectl.make_command(
                *("port-forward", f"pod/{pod}", "--address", "127.0.0.1", f":{port}")
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(kubectl.environment),
            start_new_session=True,  # Ctrl-C is ours: what stands is undone first
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._opened.wait(_PATIENCE)
        if not self._port:
            self.close()
            said = list_complaints("\n".join(self._lines)) or [
                "kubectl does not answer"
            ]
            raise ClusterUnreachable(f"{pod} cannot be asked: {said[-1]}")

    @property
    def port(self) -> int:
        """The port of this machine."""
        return self._port

    @property
    def is_open(self) -> bool:
        """Whether kubectl still holds it."""
        return not self._ended.is_set()

    def is_refused(self, patience: float) -> bool:
        """Whether the pod has refused a connection: kubectl ends then, and says so."""
        self._ended.wait(patience)
        return any(_REFUSED in each for each in self._lines)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                found = _OPEN.match(line)
                if found is not None:
                    self._port = int(found[1])
                    self._opened.set()
                elif not line.startswith("Handling connection"):
                    self._lines = [*self._lines[-_KEPT:], line]
        self._opened.set()
        self._ended.set()
