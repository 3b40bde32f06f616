"""Who needs whom in a stack: built once, used for every question."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from composegen.graph import find_closure, reverse_graph
from composegen.model import Stack


class Needs:
    """The needs of a stack's services, each mapping in the order of declaration.

    ``all`` and ``required`` lead from a service to the names that it needs, also to
    names that are no service; ``dependents`` leads from a service to those that need
    it.
    """

    def __init__(self, stack: Stack) -> None:
        every: dict[str, tuple[str, ...]] = {}
        required: dict[str, tuple[str, ...]] = {}
        for name, service in stack.services.items():
            needs = [(need.service, need.is_optional) for need in service.needs]
            every[name] = tuple(needed for needed, _ in needs)
            required[name] = tuple(n for n, is_optional in needs if not is_optional)
        self.stack = stack
        self.all: Mapping[str, tuple[str, ...]] = every
        self.required: Mapping[str, tuple[str, ...]] = required
        self.dependents: Mapping[str, tuple[str, ...]] = reverse_graph(every)

    def close(
        self, roots: Iterable[str], *, without: Collection[str] = ()
    ) -> frozenset[str]:
        """The roots with all they need, not following a need of ``without``."""
        return find_closure(self.all, roots, without=without)

    def close_required(
        self, roots: Iterable[str], *, without: Collection[str] = ()
    ) -> frozenset[str]:
        """The roots with all they require, not following a need of ``without``."""
        return find_closure(self.required, roots, without=without)
