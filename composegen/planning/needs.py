"""Who needs whom in a stack: built once, and asked as often as one likes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from composegen.graph import find_closure, reverse_graph
from composegen.model import Stack


class Needs:
    """The needs of a stack's services, each mapping in the order of declaration.

    ``all`` and ``required`` lead from a service to the names that it needs, also to
    names that are no service; ``dependents`` leads from a service to those that need
    it.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.all: dict[str, tuple[str, ...]] = {}
        self.required: dict[str, tuple[str, ...]] = {}
        for name, service in stack.services.items():
            needs = [(need.service, need.is_optional) for need in service.needs]
            self.all[name] = tuple(needed for needed, _ in needs)
            self.required[name] = tuple(
                n for n, is_optional in needs if not is_optional
            )
        self.dependents = reverse_graph(self.all)

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
