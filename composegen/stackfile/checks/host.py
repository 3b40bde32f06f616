"""What a service gets of the host: its network, and the socket of its engine."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.images.reference import parse_image
from composegen.model import Service
from composegen.patterns import make_pattern
from composegen.planning.networks import list_raw_mounts
from composegen.stackfile.checks.checked import Checked
from composegen.text import shorten
from composegen.values import guess_default

_SOCKET = make_pattern(r"/(?:docker|podman|containerd|buildkitd|crio)\.sock")
_AROUND_SOCKET = frozenset({"/", "/run", "/var/run", "/run/docker", "/run/podman"})
_PROXY = "socket-proxy"
"""How images are called whose only purpose is to guard the socket."""


def check_engine_socket(checked: Checked) -> None:
    """The engine's socket, which rules the machine, is given away knowingly."""
    for service in checked.stack.services.values():
        if parse_image(service.image).path.endswith(_PROXY):
            continue
        for source, path in _list_sources(service):
            checked.add(
                "engine-socket",
                f"`{service.name}` gets the engine's socket with `{shorten(source)}`: "
                "who controls the service controls this machine",
                path,
                "remove it, or put a proxy in between that allows only what the "
                "service asks for; `:ro` does not limit what can be asked",
            )


def _list_sources(service: Service) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The mounts through which a service reaches an engine, with their places."""
    base = ("services", service.name)
    own = [(mount, (*base, "volumes", mount.target)) for mount in service.volumes]
    raw = [(m, (*base, "compose", "volumes")) for m in list_raw_mounts(service)]
    for mount, path in (*own, *raw):
        source = guess_default(mount.source)
        folder = source.rstrip("/") or "/"
        is_around = (
            mount.is_bind and source.startswith("/") and folder in _AROUND_SOCKET
        )
        if is_around or (".sock" in source and _SOCKET.search(source)):
            yield mount.source, path
    if service.compose.get("use_api_socket") is True:
        yield "use_api_socket", (*base, "compose", "use_api_socket")
