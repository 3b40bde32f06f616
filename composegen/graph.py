"""Order, closure and cycles of any mapping from a node to the nodes it needs."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Graph = Mapping[Node, Iterable[Node]]


def find_closure(
    graph: Graph[Node], roots: Iterable[Node], *, without: Collection[Node] = ()
) -> frozenset[Node]:
    """All nodes that ``roots`` reach, themselves included.

    Nodes that are no key of the graph are not part of the answer. No way leads to a
    node of ``without``.
    """
    found: set[Node] = set()
    waiting = [root for root in roots if root in graph]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(
                needed
                for needed in graph[node]
                if needed in graph and needed not in without
            )
    return frozenset(found)


def reverse_graph(graph: Graph[Node]) -> dict[Node, tuple[Node, ...]]:
    """Every node with the nodes that need it, both in order of declaration."""
    reverse: dict[Node, list[Node]] = {node: [] for node in graph}
    for node, needed_nodes in graph.items():
        for needed in needed_nodes:
            if needed in reverse:
                reverse[needed].append(node)
    return {node: tuple(dependents) for node, dependents in reverse.items()}


def find_cycle(graph: Graph[Node]) -> tuple[Node, ...] | None:
    """One cycle as a path in needs-direction, ``(a, b, a)``, or None.

    It starts at the node of the cycle that is declared first, so that the same graph
    always gives the same path.
    """
    done: set[Node] = set()
    for root in graph:
        if root in done:
            continue
        path: list[Node] = [root]
        on_path = {root}
        iterators = [iter(graph[root])]
        while path:
            for needed in iterators[-1]:
                if needed in on_path:
                    return _start_at_first(graph, path[path.index(needed) :])
                if needed in graph and needed not in done:
                    path.append(needed)
                    on_path.add(needed)
                    iterators.append(iter(graph[needed]))
                    break
            else:
                iterators.pop()
                done.add(path[-1])
                on_path.discard(path.pop())
    return None


def _start_at_first(graph: Graph[Node], cycle: list[Node]) -> tuple[Node, ...]:
    first = next(node for node in graph if node in cycle)
    start = cycle.index(first)
    return (*cycle[start:], *cycle[:start], first)


def sort_graph(graph: Graph[Node]) -> tuple[Node, ...]:
    """Every node after the ones it needs; declaration order wherever that allows.

    The graph must have no cycle: ask ``find_cycle`` first.
    """
    return tuple(node for batch in sort_batches(graph) for node in batch)


def sort_batches(graph: Graph[Node]) -> tuple[tuple[Node, ...], ...]:
    """The nodes in batches: each batch needs only nodes of earlier batches.

    Within a batch the order is that of declaration. Nodes that are needed and are no
    key of the graph are ignored. Raises ValueError when there is a cycle.
    """
    position = {node: index for index, node in enumerate(graph)}
    missing = {
        node: {needed for needed in needed_nodes if needed in position}
        for node, needed_nodes in graph.items()
    }
    dependents = reverse_graph(missing)
    batch = [node for node, needed in missing.items() if not needed]
    batches: list[tuple[Node, ...]] = []
    while batch:
        batches.append(tuple(batch))
        ready: list[Node] = []
        for node in batch:
            for dependent in dependents[node]:
                missing[dependent].discard(node)
                if not missing[dependent]:
                    ready.append(dependent)
        batch = sorted(ready, key=position.__getitem__)
    if sum(map(len, batches)) != len(position):
        raise ValueError("the graph has a cycle")
    return tuple(batches)
