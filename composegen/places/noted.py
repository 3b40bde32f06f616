"""What the notes of `up` hold in each place: who takes part, who needs whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from composegen.graph import find_closure
from composegen.needs import Later
from composegen.records import record, replace
from composegen.values import SERVICE_NAME


@record
class NotedNeed:
    """What a service needs, whether it starts without it, and what it does later."""

    service: str
    is_optional: bool
    later: Later = Later.COPE


class _Service(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def is_required(self) -> bool: ...

    @property
    def needs(self) -> tuple[NotedNeed, ...]: ...

    @property
    def without(self) -> tuple[str, ...]: ...


class _Exclusion(Protocol):
    @property
    def service(self) -> str: ...


Service = TypeVar("Service", bound=_Service)
Exclusion = TypeVar("Exclusion", bound=_Exclusion)


class Parts(Generic[Service, Exclusion]):
    """The services that take part, and those of them that were excluded."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def services(self) -> tuple[Service, ...]:
            """Those that take part, in the order of the plan."""

        @property
        def excluded(self) -> tuple[Exclusion, ...]:
            """Those that are replaced by a fallback."""

    @property
    def names(self) -> tuple[str, ...]:
        """The services that take part."""
        return tuple(each.name for each in self.services)

    def find(self, name: str) -> Service | None:
        """One service; None where it takes no part."""
        return next((each for each in self.services if each.name == name), None)

    def find_exclusion(self, name: str) -> Exclusion | None:
        """Why a service was excluded; None where it was not."""
        return next((each for each in self.excluded if each.service == name), None)

    def list_dependents(self, name: str) -> tuple[str, ...]:
        """The services that need one, in the order of the plan."""
        return tuple(
            each.name
            for each in self.services
            if any(need.service == name for need in each.needs)
        )

    def close_over(self, names: Iterable[str]) -> tuple[str, ...]:
        """The services with all that they require, in the order of the plan."""
        required = {
            each.name: [need.service for need in each.needs if not need.is_optional]
            for each in self.services
        }
        closed = find_closure(required, names)
        return tuple(name for name in required if name in closed)

    @property
    def has_valid_names(self) -> bool:
        """Whether each service, and each that one names, can be called so."""
        return all(
            SERVICE_NAME.fullmatch(name)
            for each in self.services
            for name in (each.name, *(n.service for n in each.needs), *each.without)
        )

    @property
    def excludes_own(self) -> bool:
        """Whether only services that take part were excluded."""
        return all(self.find(each.service) is not None for each in self.excluded)

    def merge_services(self, new: Parts[Service, Exclusion]) -> tuple[Service, ...]:
        """All services where some are brought up again.

        Whether one is required is known of the whole alone.
        """
        before = {each.name: each for each in self.services}
        after = {each.name: each for each in new.services}
        return tuple(
            replace(each, is_required=before[name].is_required)
            if name in before
            else each
            for name, each in {**before, **after}.items()
        )

    def merge_excluded(self, new: Parts[Service, Exclusion]) -> tuple[Exclusion, ...]:
        """All exclusions where some services are brought up again."""
        kept = (each for each in self.excluded if new.find(each.service) is None)
        return (*kept, *new.excluded)
