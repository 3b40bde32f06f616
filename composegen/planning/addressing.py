"""Where a dependent service finds the others: the address of each, files of secrets."""

from __future__ import annotations

from typing import ClassVar, Protocol

from composegen.model import Service
from composegen.ports import Port

HOST_GATEWAY = "host.docker.internal"
"""The name by which a container reaches the host; on Linux it is added."""

DEFAULT_TAG = "dev"
"""The tag of an image that is built for a cluster, where no other is asked for."""


class Addressing(Protocol):
    """Where a dependent service runs: how it reaches others and finds secrets."""

    def find_address(self, service: Service) -> tuple[str, int | str | None]:
        """Host and port under which a dependent service reaches another one.

        The port is a text where a variable says it.
        """
        ...

    def find_secret(self, name: str) -> str:
        """The path of a secret's file."""
        ...


class ContainerAddressing:
    """Of containers on shared networks: a service is reached by its name.

    ``secret_folder`` is where the files of secrets are mounted.
    """

    secret_folder: ClassVar[str] = "/run/secrets"  # noqa: S105 - a folder

    def find_address(self, service: Service) -> tuple[str, int | str | None]:
        """The service's name and the port it listens on.

        One on the network of the host is reached there, one that shares the network of
        another service by the name of that.
        """
        if service.uses_host_network:
            return HOST_GATEWAY, service.written_port
        name = service.network_owner or service.host_name
        return name, service.written_port

    def find_secret(self, name: str) -> str:
        """Where Compose mounts the secret."""
        return f"{self.secret_folder}/{name}"


class HostAddressing(ContainerAddressing):
    """Of a container on the network of the host: it reaches what is published there."""

    def find_address(self, service: Service) -> tuple[str, int | str | None]:
        """The host's address and the port that the service publishes, if any."""
        if service.uses_host_network:
            return "127.0.0.1", service.written_port
        port = find_published(service)
        if port is None or port.is_random:
            return "127.0.0.1", None
        is_open = port.default_address in {"", "0.0.0.0", "::"}
        return "127.0.0.1" if is_open else port.host, _take_first(port.published)


class ClusterAddressing(ContainerAddressing):
    """Of the pods of a cluster: a service is reached by the name of its Service.

    A port that a variable says is its default: an object of a cluster holds numbers.
    """

    def find_address(self, service: Service) -> tuple[str, int | str | None]:
        """The name of the Service and the port that the service listens on."""
        return name_on_cluster(service.host_name), service.port


_IN_CONTAINER = ContainerAddressing()
_ON_HOST = HostAddressing()


def name_on_cluster(name: str) -> str:
    """The name that the objects of a service, or of a stack, have on a cluster."""
    return name.lower().replace("_", "-").replace(".", "-")


def choose_addressing(service: Service) -> Addressing:
    """The addressing of a service that runs in a container."""
    return _ON_HOST if service.uses_host_network else _IN_CONTAINER


def find_published(service: Service) -> Port | None:
    """The published port that leads to the service's own, or the first one over TCP."""
    ports = [port for port in service.publish if port.protocol == "tcp"]
    own = (port for port in ports if port.first_target == service.port)
    return next(own, ports[0] if ports else None)


def _take_first(published: str) -> str:
    return published if "$" in published else published.partition("-")[0]
