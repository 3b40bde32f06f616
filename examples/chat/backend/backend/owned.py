"""A router of the backend's own, for when no ROUTER_URL names one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STACK = Path(__file__).parents[2] / "stack.yaml"


class Dependencies(Protocol):
    """What composegen brings up: its addresses as variables, and whose it is."""

    @property
    def environment(self) -> Mapping[str, str]: ...

    def is_owned(self, service: str) -> bool: ...

    def pid(self, service: str) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the backend finds what it needs; `note` says so in the banner."""

    environment: Mapping[str, str]
    note: str
    dependencies: Dependencies | None = None

    @property
    def owned(self) -> bool:
        """Whether the router was started for this backend and ends with it."""
        return self.dependencies is not None and self.dependencies.is_owned("router")

    def router_pid(self) -> int | None:
        """The router's process now, None when it is not known here."""
        return self.dependencies.pid("router") if self.dependencies else None


@asynccontextmanager
async def find_place(
    environment: Mapping[str, str], *, stack: Path = STACK
) -> AsyncIterator[Place]:
    """Use the router of ROUTER_URL, else own one, else expect it at its usual address.

    An owned router is found running or started, waited for, and taken down on the
    way out. That is composegen's work, imported only where it is wanted.
    """
    if environment.get("ROUTER_URL"):
        yield Place(environment=environment, note="as ROUTER_URL says")
        return
    try:
        # Imported here: a backend that is given its router needs no composegen.
        from composegen import own_dependencies  # noqa: PLC0415
    except ImportError:
        note = "expected there: ROUTER_URL is not set, and composegen cannot start one"
        yield Place(environment=environment, note=note)
        return
    async with own_dependencies(stack, "backend") as dependencies:
        owned = dependencies.is_owned("router")
        yield Place(
            environment={**environment, **dependencies.environment},
            note="owned, it ends with this backend" if owned else "was running",
            dependencies=dependencies,
        )
