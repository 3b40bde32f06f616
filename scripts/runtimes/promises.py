"""What a rendered file promises, looked at on a runtime in one stack."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from composegen.records import record
from scripts.runtimes.runtime import HERE, Runtime, fill_folder

STACK = HERE / "stacks" / "promises"
_SLOW = 3.0
"""Seconds after which `slow` is healthy."""

Containers = Mapping[str, Any]


@record
class Seen:
    """A stack that is up: its containers, and what `web` answers."""

    runtime: Runtime
    containers: Containers
    networks: Mapping[str, Any]
    answer: Mapping[str, Any]
    port: int


def _read_time(text: str) -> datetime:
    """A time of the engine, to the microsecond."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6] or '0'}")


def _started(seen: Seen, service: str) -> datetime:
    return _read_time(seen.containers[service]["State"]["StartedAt"])


def keeps_gates(seen: Seen) -> bool:
    """`web` was started when `slow` had had its time to become healthy."""
    pause = _started(seen, "web") - _started(seen, "slow")
    return pause.total_seconds() >= _SLOW


def keeps_optional(seen: Seen) -> bool:
    """`cache` never gets healthy, and `web` runs with what it does instead."""
    return str(seen.answer["cache"]) == "none"


def keeps_jobs(seen: Seen) -> bool:
    """`web` was started after `migrate` had ended well."""
    state = seen.containers["migrate"]["State"]
    ended = _read_time(state["FinishedAt"])
    return int(state["ExitCode"]) == 0 and _started(seen, "web") >= ended


def keeps_secrets(seen: Seen) -> bool:
    """`web` reads its secret in a file, and its settings do not show it."""
    secret = (STACK / "key.txt").read_text()
    is_shown = secret.strip() in json.dumps(seen.containers["web"])
    return str(seen.answer["secret"]) == secret and not is_shown


_CONNECT = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
    try:
        route.connect(("192.0.2.1", 9))  # no packet is sent
        address = route.getsockname()[0]
    except OSError:
        sys.exit("there is no other address")
try:
    socket.create_connection((address, int(sys.argv[1])), timeout=2).close()
    print("reached")
except OSError:
    print("refused")
"""
_GET = """
import sys, urllib.request
url = f"http://127.0.0.1:{sys.argv[1]}/"
print(urllib.request.urlopen(url, timeout=10).read().decode())
"""


def keeps_loopback(seen: Seen) -> bool | None:
    """The published port is reached by 127.0.0.1 alone; None without another one."""
    done = seen.runtime.call(sys.executable, "-c", _CONNECT, str(seen.port))
    if "no other address" in done.text:
        [bound] = seen.containers["web"]["HostConfig"]["PortBindings"]["8000/tcp"]
        return None if bound["HostIp"] == "127.0.0.1" else False
    return done.text.strip() == "refused"


def keeps_read_only(seen: Seen) -> bool:
    """Nothing can be written but in /tmp."""
    return bool(seen.answer["writes_tmp"]) and not seen.answer["writes_root"]


def keeps_internal(seen: Seen) -> bool:
    """`store` is on internal networks alone."""
    names = seen.containers["store"]["NetworkSettings"]["Networks"]
    found = [seen.networks[name] for name in names]
    is_internal = [bool(each.get("Internal", each.get("internal"))) for each in found]
    return bool(found) and all(is_internal)


PROMISES: dict[str, Callable[[Seen], bool | None]] = {
    "gates": keeps_gates,
    "optional": keeps_optional,
    "jobs": keeps_jobs,
    "secrets": keeps_secrets,
    "loopback": keeps_loopback,
    "read-only": keeps_read_only,
    "internal networks": keeps_internal,
}


def _find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _ask(runtime: Runtime, port: int) -> Any:
    return json.loads(runtime.call(sys.executable, "-c", _GET, str(port)).text)


def try_promises(runtime: Runtime, folder: Path) -> tuple[dict[str, bool | None], str]:
    """Which promises are kept; what was said where the stack does not come up."""
    project, port = f"{folder.name}-promises", _find_port()
    place = folder / "promises"
    fill_folder(STACK, place, {"NAME": project, "PORT": str(port)})
    try:
        up = runtime.composegen(place, "up")
        if up.code != 0:
            return dict.fromkeys(PROMISES, False), up.text
        containers = runtime.inspect(project)
        names = containers["store"]["NetworkSettings"]["Networks"]
        told = runtime.call("docker", "network", "inspect", *names).text
        networks = dict(zip(names, json.loads(told), strict=True))
        seen = Seen(
            runtime=runtime,
            containers=containers,
            networks=networks,
            answer=_ask(runtime, port),
            port=port,
        )
        return {name: look(seen) for name, look in PROMISES.items()}, ""
    finally:
        runtime.composegen(place, "down", "--volumes", "--yes")
