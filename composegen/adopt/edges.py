"""Edges: who waits for whom, as `needs`; those that only an address implies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.asking import Plain
from composegen.adopt.gates import (
    NOTHING,
    Probe,
    explain_none,
    find_probe,
    is_stronger,
    make_gate,
)
from composegen.adopt.knowledge import Address, list_addresses, mentions
from composegen.adopt.report import Entry, Gate, Notes
from composegen.adopt.seen import Seen
from composegen.adopt.texts import write_text
from composegen.graph import find_cycle
from composegen.records import field, record

_FINISHED = "service_completed_successfully"
_HEALTHY = "service_healthy"
_STARTED = "service_started"


@record
class Edge:
    """One dependency: as Compose resolves it, or implied by a variable."""

    source: str
    target: str
    condition: str = _STARTED
    is_required: bool = True
    restarts: bool = False
    is_new: bool = False


@record(frozen=False)
class Edges:
    """All edges of a project, and what their targets are."""

    all: list[Edge]
    jobs: frozenset[str]
    probes: dict[str, Probe | None] = field(default_factory=dict)

    def list_from(self, name: str) -> list[Edge]:
        """What a service waits for."""
        return [edge for edge in self.all if edge.source == name]

    def list_to(self, name: str) -> list[Edge]:
        """Who waits for a service."""
        return [edge for edge in self.all if edge.target == name]


def read_edges(services: Mapping[str, Seen]) -> Edges:
    """The edges that Compose resolves, those of links and shared networks included."""
    found = []
    for seen in services.values():
        resolved = seen.model.get("depends_on") or {}
        order = seen.read.written.sort(resolved, "services", seen.name, "depends_on")
        found += [_read_edge(seen, t, resolved[t]) for t in order if t in services]
    jobs = {edge.target for edge in found if edge.condition == _FINISHED}
    return Edges(all=found, jobs=frozenset(jobs))


def _read_edge(seen: Seen, target: str, options: Plain) -> Edge:
    written = seen.text.get("depends_on")
    own = written.get(target) if isinstance(written, dict) else None
    return Edge(
        source=seen.name,
        target=target,
        condition=write_text(options.get("condition")) or _STARTED,
        is_required=options.get("required", True) is not False,
        restarts=bool(isinstance(own, dict) and own.get("restart")),
    )


# Stores, and who reaches them


def isolate_stores(
    services: Mapping[str, Seen], edges: Edges, stores: list[str], notes: Notes
) -> None:
    """Give each store a network of its own, where everything that names it needs it.

    Needs that only an address implies are taken for that, unless one closes a cycle or
    something names the store in another way: then it stays where it is.
    """
    addresses = list(list_addresses(services))
    for name in stores:
        readers = [each.source for each in addresses if each.target == name]
        others = _list_neighbours(services, name)
        needed = {edge.source for edge in edges.list_to(name)}
        new = [
            reader for reader in readers if reader in others and reader not in needed
        ]
        named = {o for o in others if mentions(services[o], services[name])}
        vague = named - needed - set(new)
        if vague or not _can_take(edges, new, name) or not needed | set(new):
            services[name].set("networks", ["default"])
            continue
        for reader in new:
            edges.all.append(Edge(source=reader, target=name, is_new=True))
        _tell_isolated(services, edges, name)
    _offer(edges, addresses, notes)


def _list_neighbours(services: Mapping[str, Seen], name: str) -> list[str]:
    return [
        other
        for other, seen in services.items()
        if other != name and "default" in (seen.model.get("networks") or {})
    ]


def _can_take(edges: Edges, sources: list[str], target: str) -> bool:
    graph: dict[str, tuple[str, ...]] = {}
    for edge in edges.all:
        graph[edge.source] = (*graph.get(edge.source, ()), edge.target)
    for source in sources:
        graph[source] = (*graph.get(source, ()), target)
    names = {name for targets in graph.values() for name in targets} | graph.keys()
    return find_cycle({name: graph.get(name, ()) for name in names}) is None


def _tell_isolated(services: Mapping[str, Seen], edges: Edges, name: str) -> None:
    seen = services[name]
    seen.change(
        "networks",
        "a network of its own, with what needs it; not on `default`",
        "networks: [default]",
    )
    for edge in edges.list_to(name):
        services[edge.source].change("networks", f"joins the network of {name}")


def _offer(edges: Edges, addresses: list[Address], notes: Notes) -> None:
    """List the edges that an address implies and that were not taken."""
    known = {(edge.source, edge.target) for edge in edges.all}
    known |= {(target, source) for source, target in known}
    for each in addresses:
        if (each.source, each.target) not in known:
            notes.offered.append(
                Entry(
                    service=each.source,
                    key="needs",
                    what=f"{each.variable} names {each.target}",
                    undo=f"needs: [{each.target}]",
                )
            )


# Needs


def settle_gates(services: Mapping[str, Seen], edges: Edges) -> list[Gate]:
    """Find the check of every service that is needed, and write all needs."""
    for name, seen in services.items():
        to = edges.list_to(name)
        asked = any(edge.condition == _HEALTHY for edge in to)
        if name in edges.jobs:
            _make_job(seen)
        if to or "use" in seen.sketch.keys:
            dependents = [services[edge.source] for edge in to]
            edges.probes[name] = find_probe(
                seen, dependents, is_job=name in edges.jobs, is_asked=asked
            )
    gates = []
    for name in services:
        gates += _write_needs(services, edges, name)
    return gates


def _make_job(seen: Seen) -> None:
    """A service that others wait for to end; a rule to restart it stays raw."""
    seen.set("job", "true")
    restart = seen.sketch.keys.pop("restart", "no")
    if restart != "no":
        seen.set_raw("restart", restart)


def _write_needs(services: Mapping[str, Seen], edges: Edges, name: str) -> list[Gate]:
    seen = services[name]
    needs: dict[str, Any] = {}
    gates = []
    for edge in edges.list_from(name):
        target = services[edge.target]
        probe = edges.probes.get(edge.target)
        after = probe.condition if probe is not None else _STARTED
        why = ""
        if after == _HEALTHY and not _share_network(seen, target):
            if edge.condition == _HEALTHY:
                _join(seen, target)
            else:
                after, why = _STARTED, f"{name} shares no network with it"
        if not is_stronger(after, edge.condition):
            seen.lose(
                "depends_on", f"{edge.target}: {edge.condition}: nothing checks it"
            )
        options: dict[str, Any] = {}
        if after == _STARTED:
            options["until"] = "started"
        if not edge.is_required:
            options["otherwise"] = {}
        needs[edge.target] = options or None
        if edge.restarts:
            seen.lose(
                "depends_on", f"{edge.target}: restart: no dependent is restarted"
            )
        dependents = [services[each.source] for each in edges.list_to(edge.target)]
        why = why or ("" if probe else explain_none(target, dependents))
        before = NOTHING if edge.is_new else edge.condition
        gate = make_gate(name, edge.target, before, after, probe, why)
        gates.append(gate)
    if needs:
        is_plain = not any(needs.values())
        seen.set("needs", list(needs) if is_plain else needs, "depends_on")
    return gates


def _share_network(one: Seen, other: Seen) -> bool:
    """Whether both can reach each other; one with a mode of its own is not judged."""
    if one.model.get("network_mode") or other.model.get("network_mode"):
        return True
    names = set(one.model.get("networks") or {})
    return bool(names & set(other.model.get("networks") or {}))


def _join(seen: Seen, target: Seen) -> None:
    """Let a service join a network of one whose health it waits for."""
    network = next(iter(target.model.get("networks") or {}))
    networks = seen.sketch.keys.get("networks") or ["default"]
    if isinstance(networks, dict):
        networks = {**networks, network: None}
    else:
        networks = [*networks, network]
    seen.set("networks", networks)
    seen.change(
        "networks", f"joins {network}: it waits for the health of {target.name}"
    )
