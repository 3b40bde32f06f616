"""How a drill asks the pods of a service: through a port that kubectl forwards."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

from composegen.drill.asking import Answer
from composegen.drill.request import (
    Deadline,
    Unanswered,
    Wanted,
    ask_once,
    exchange_on,
    open_connection,
    run_command,
)
from composegen.errors import ComposegenError
from composegen.places.cluster.faults import Hands
from composegen.places.cluster.tunnel import Tunnel

_HOST = "127.0.0.1"
_REFUSAL = 0.25
"""Seconds until one is closed that the pod refuses: each connection opens here."""
_CLOSING = 0.5
"""Seconds in which kubectl says why a connection was closed without an answer."""


class PodWay:
    """How the pods of one service are asked, one after the other.

    Those of its newest template are, in which its program runs. Where a question
    failed, they are looked for again. ``object`` is the name of their container.
    """

    def __init__(self, hands: Hands, service: str, object: str) -> None:
        self._hands = hands
        self._service = service
        self._object = object
        self._turns = itertools.count()
        self._pods: tuple[str, ...] = ()
        self._tunnels: dict[tuple[str, int], Tunnel] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def ask(self, wanted: Wanted) -> Answer:
        """Ask the pod whose turn it is; looking for it counts for no time."""
        begun = time.monotonic()
        try:
            with self._lock:
                way = self._choose(wanted)
        except ComposegenError as error:
            self._pods = ()
            took = time.monotonic() - begun
            return Answer(at=begun, seconds=took, problem=error.message)
        if way is None:
            return Answer(at=begun, seconds=0.0, problem="it does not run")
        answer = ask_once(way, wanted)
        if not answer.is_good:
            self._pods = ()
        return answer

    def close(self) -> None:
        """Close all that was opened, and open no more."""
        with self._lock:
            self._is_closed = True
            for tunnel in self._tunnels.values():
                tunnel.close()

    def _choose(self, wanted: Wanted) -> _OnePod | None:
        pods = self._pods or tuple(
            each.name for each in self._hands.list_running(self._service)
        )
        self._pods = pods
        if not pods or self._is_closed:
            return None
        pod = pods[next(self._turns) % len(pods)]
        tunnel = None
        if wanted.port is not None and not wanted.command:
            tunnel = self._find_tunnel(pod, wanted.port)
        return _OnePod(self._hands, pod, self._object, tunnel)

    def _find_tunnel(self, pod: str, port: int) -> Tunnel:
        for name, number in [*self._tunnels]:
            tunnel = self._tunnels[name, number]
            if name not in self._pods or not tunnel.is_open:
                tunnel.close()
                del self._tunnels[name, number]
        if (pod, port) not in self._tunnels:
            self._tunnels[pod, port] = Tunnel(self._hands.kubectl, pod, port)
        return self._tunnels[pod, port]


class _OnePod:
    """The way to one pod, for one question."""

    def __init__(
        self, hands: Hands, pod: str, container: str, tunnel: Tunnel | None
    ) -> None:
        self._hands = hands
        self._pod = pod
        self._container = container
        self._tunnel = tunnel

    def exchange(self, wanted: Wanted, make_request: Callable[[str], bytes]) -> bytes:
        """Over the forwarded port."""
        tunnel = self._get_tunnel()
        deadline = Deadline(wanted.limit)
        with open_connection(_HOST, tunnel.port, deadline) as link:
            request = make_request(f"{_HOST}:{wanted.port}")
            try:
                raw = exchange_on(link, request, deadline)
            except (ConnectionResetError, BrokenPipeError):
                raw = b""
        if not raw:
            self._explain_closing(tunnel, wanted)
        return raw

    def connect(self, wanted: Wanted) -> None:
        """The forwarded port takes every connection: one that stays open was taken."""
        tunnel = self._get_tunnel()
        deadline = Deadline(wanted.limit)
        with open_connection(_HOST, tunnel.port, deadline) as link:
            link.settimeout(min(_REFUSAL, deadline.left))
            try:
                is_closed = not link.recv(1)
            except TimeoutError:
                return
            except ConnectionResetError:
                is_closed = True
        if is_closed:
            self._explain_closing(tunnel, wanted)

    def execute(self, wanted: Wanted) -> tuple[int, str]:
        """In its container."""
        kubectl = self._hands.kubectl
        words = ("exec", self._pod, "--container", self._container, "--")
        command = kubectl.make_command(*words, *wanted.command)
        return run_command(command, wanted, env=kubectl.environment)

    def _get_tunnel(self) -> Tunnel:
        if self._tunnel is None:
            raise Unanswered("it has no port")
        return self._tunnel

    def _explain_closing(self, tunnel: Tunnel, wanted: Wanted) -> None:
        """Raise Unanswered where it was closed because nothing listens in the pod."""
        if tunnel.is_refused(_CLOSING):
            raise Unanswered(f"nothing listens on port {wanted.port}")
