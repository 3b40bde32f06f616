"""A container that asks from within a network, where no address leads there from here.

That is so with an engine on another machine, or in a virtual one.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping

from composegen.drill.request import Unanswered, Wanted
from composegen.errors import FaultFailed
from composegen.places.engine.compose import find_docker
from composegen.places.engine.endpoint import Endpoint, use_endpoint

_GRACE = 5.0
_START_TIMEOUT = 60.0
_SEND = (
    "host=$1 port=$2 limit=$3; cat > /tmp/ask.$$; "
    'nc -w "$limit" "$host" "$port" < /tmp/ask.$$; code=$?; '
    "rm -f /tmp/ask.$$; exit $code"
)


class Helper:
    """Containers of the helper's image, one for each network, made when needed.

    ``note`` is called with the name of each before it is made. ``sees_addresses`` says
    that the addresses of containers lead to them from here: none is needed then.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        environment: Mapping[str, str],
        image: str,
        name: str,
        *,
        sees_addresses: bool,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.sees_addresses = sees_addresses
        self._env = use_endpoint(endpoint, environment)
        self._image = image
        self._name = name
        self._note = note
        self._made: dict[str, str] = {}
        self._lock = threading.Lock()

    def send(self, network: str, host: str, wanted: Wanted, request: bytes) -> bytes:
        """Connect to a port of a host, send, and read. Raises Unanswered."""
        name = self._find(network)
        limit = str(max(1, round(wanted.limit)))
        words = ["sh", "-c", _SEND, "sh", host, str(wanted.port), limit]
        if not request:
            words = ["nc", "-z", "-w", limit, host, str(wanted.port)]
        try:
            done = self._run(["exec", "-i", name, *words], wanted.limit, request)
        except subprocess.TimeoutExpired:
            raise Unanswered(f"no answer within {wanted.limit:g} s") from None
        if done.returncode != 0 and not done.stdout:
            raise Unanswered(f"nothing answers on port {wanted.port}")
        return done.stdout

    def _find(self, network: str) -> str:
        with self._lock:
            if network not in self._made:
                name = f"{self._name}-{len(self._made) + 1}"
                self._note(name)
                self._start(name, network)
                self._made[network] = name
            return self._made[network]

    def _start(self, name: str, network: str) -> None:
        hardening = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")
        done = self._run(
            [
                *("run", "--detach", "--rm", "--init", "--name", name),
                *("--network", network, "--memory", "32m", *hardening),
                *(self._image, "sleep", "infinity"),
            ],
            _START_TIMEOUT,
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            why = said[-1] if said else "docker does not say why"
            raise Unanswered(f"the helper of {self._image} does not start: {why}")

    def remove(self) -> None:
        """Remove every container that was made."""
        names, self._made = list(self._made.values()), {}
        remove_helpers(self._env, names)

    def _run(
        self, words: list[str], seconds: float, data: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [find_docker(), *words],
            input=data,
            capture_output=True,
            timeout=seconds + _GRACE,
            check=False,
            env=self._env,
            start_new_session=True,
        )


def remove_helpers(env: Mapping[str, str], names: list[str]) -> None:
    """Remove helpers by name; those that are gone are no matter."""
    if not names:
        return
    done = subprocess.run(
        [find_docker(), "rm", "--force", *names],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=dict(env),
    )
    if done.returncode != 0 and "No such container" not in done.stderr:
        raise FaultFailed(f"the helper cannot be removed: {done.stderr.strip()}")
