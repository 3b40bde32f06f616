"""Where a dependent service finds the others: the address of each, files of secrets."""

from __future__ import annotations

from typing import ClassVar, Protocol

from composegen.model import Service


class Addressing(Protocol):
    """Where a dependent service runs: how it reaches others and finds secrets."""

    def find_address(self, service: Service) -> tuple[str, int | None]:
        """Host and port under which a dependent service reaches another one."""
        ...

    def find_secret(self, name: str) -> str:
        """The path of a secret's file."""
        ...


class ContainerAddressing:
    """Of containers on shared networks: a service is reached by its name.

    ``secret_folder`` is where the files of secrets are mounted.
    """

    secret_folder: ClassVar[str] = "/run/secrets"  # noqa: S105 - a folder

    def find_address(self, service: Service) -> tuple[str, int | None]:
        """The service's name and the port it listens on."""
        return service.name, service.port

    def find_secret(self, name: str) -> str:
        """Where Compose mounts the secret."""
        return f"{self.secret_folder}/{name}"
