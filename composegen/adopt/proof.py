"""The proof: both models as Compose resolves them, compared key by key.

What composegen adds on purpose to every service is no difference. Any other one must
stand in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from composegen.adopt.asking import Plain
from composegen.adopt.gates import is_stronger
from composegen.adopt.ports import EVERYWHERE, LOST_PARTS, read_parts
from composegen.adopt.report import Entry, Gate

_ADDED = frozenset(
    "read_only cap_drop security_opt init logging pids_limit cpus mem_limit tmpfs "
    "stop_grace_period".split()
)
"""What is added to a service that has none of it."""
_APART = frozenset(
    "depends_on networks healthcheck ports volumes deploy scale secrets "
    "environment".split()
)
"""What is compared part by part, by `_COMPARERS`."""
_IGNORED = frozenset({"expose", "profiles"})
"""`expose` opens nothing: containers of one network reach every port. Groups stand for
`profiles`, and the models of all selections are compared as one."""


def join_models(
    models: Iterable[Plain],
    gates: Iterable[Gate],
    apart: Mapping[str, Plain] = MappingProxyType({}),
) -> Plain:
    """The services of several files; a probing helper counts as its service.

    A service has the edges of all files: an optional one is in those alone that have
    both ends. ``apart`` are the edges whose ends no file has together.
    """
    services: Plain = {}
    for model in models:
        for name, service in (model.get("services") or {}).items():
            known = services.get(name, service)
            edges = {**service.get("depends_on", {}), **known.get("depends_on", {})}
            services[name] = {**known, "depends_on": edges}
    helpers = {gate.through: gate.target for gate in gates if gate.through}
    folded: Plain = {}
    for name, service in services.items():
        if name in helpers:
            continue
        waits = {**apart.get(name, {}), **(service.get("depends_on") or {})}
        for helper, target in helpers.items():
            if helper in waits:
                waits[target] = waits.pop(helper)
        folded[name] = {**service, "depends_on": waits}
    return {"services": folded}


def compare_models(before: Plain, after: Plain) -> Iterator[Entry]:
    """Every difference between two models' services."""
    olds, news = before.get("services") or {}, after.get("services") or {}
    for name, old in olds.items():
        if name not in news:
            yield Entry(service=name, key="*", what="the service is missing")
        else:
            yield from _compare_service(name, old, news[name])
    for name in news:
        if name not in olds:
            yield Entry(service=name, key="*", what="the service is new")


def compare_started(
    before: Plain | None, started: Collection[str], gates: Iterable[Gate]
) -> Iterator[Entry]:
    """Every service that starts by default on one side only.

    ``before`` is the original with the profiles of now; None where Compose refuses to
    start it like that.
    """
    if before is None:
        return
    usual = {
        name for name, each in (before.get("services") or {}).items() if _runs(each)
    }
    helpers = {gate.through for gate in gates}
    for name in sorted(usual.difference(started)):
        yield Entry(service=name, key="profiles", what="no longer started by default")
    for name in sorted(set(started) - usual - helpers):
        yield Entry(service=name, key="profiles", what="started by default now")


def _runs(service: Plain) -> bool:
    replicas = (service.get("deploy") or {}).get("replicas", service.get("scale", 1))
    return str(replicas) != "0"


def list_unlisted(differences: Iterable[Entry], listed: Iterable[Entry]) -> list[Entry]:
    """The differences that no entry of a report speaks of."""
    known = {(entry.service, entry.key) for entry in listed}
    return [
        each
        for each in differences
        if (each.service, each.key) not in known and (each.service, "*") not in known
    ]


def _compare_service(name: str, old: Plain, new: Plain) -> Iterator[Entry]:
    def differ(key: str, what: str) -> Entry:
        return Entry(service=name, key=key, what=what)

    for key in sorted({*old, *new} - _APART - _IGNORED):
        one, other = _clean(key, old.get(key)), _clean(key, new.get(key))
        if one != other and not (key in _ADDED and one is None):
            yield differ(key, f"{_show(one)} -> {_show(other)}")
    for key, compare in _COMPARERS.items():
        for what in compare(old, new):
            yield differ(key, what)


def _clean(key: str, value: Any) -> Any:
    if value in (None, [], {}) or (key == "restart" and value == "no"):
        return None
    return value


def _show(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _compare_environment(old: Plain, new: Plain) -> Iterator[str]:
    one, other = old.get("environment") or {}, new.get("environment") or {}
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            yield f"{name} is {'lost' if name in one else 'new'}"
        elif (one[name] or "") != (other[name] or ""):
            yield f"{name}: {_show(one[name])} -> {_show(other[name])}"


def _compare_gates(old: Plain, new: Plain) -> Iterator[str]:
    one, other = old.get("depends_on") or {}, new.get("depends_on") or {}
    for target, edge in one.items():
        now = other.get(target)
        if now is None:
            yield f"the edge to {target} is lost"
            continue
        before, after = edge.get("condition"), now.get("condition")
        if not is_stronger(after, before):
            yield f"the edge to {target} is weaker: {before} -> {after}"
        if edge.get("required", True) != now.get("required", True):
            yield f"the edge to {target} is required: {now.get('required', True)}"


def _compare_networks(old: Plain, new: Plain) -> Iterator[str]:
    one, other = old.get("networks") or {}, new.get("networks") or {}
    for name in one:
        if name not in other:
            yield f"{name} is lost"
            continue
        options, now = one[name] or {}, other[name] or {}
        if set(options.get("aliases") or []) - set(now.get("aliases") or []):
            yield f"aliases on {name} are lost"
        if options.get("ipv4_address") != now.get("ipv4_address"):
            yield f"the address on {name} differs"
    for name in other:
        if name not in one:
            yield f"{name} is added"


def _compare_health(old: Plain, new: Plain) -> Iterator[str]:
    one, other = _read_test(old), _read_test(new)
    if one is not None and one != other:
        yield f"{_show(one)} -> {_show(other)}"


def _read_test(service: Plain) -> Any:
    check = service.get("healthcheck")
    if not check:
        return None
    test = check.get("test") or "image"
    is_none = isinstance(test, list) and test[:1] == ["NONE"]
    return "off" if check.get("disable") or is_none else test


def _compare_ports(old: Plain, new: Plain) -> Iterator[str]:
    yield from _compare_items(_list_ports(old), _list_ports(new))


def _list_ports(service: Plain) -> list[str]:
    return [_name_port(port) for port in service.get("ports") or []]


def _name_port(port: Plain) -> str:
    return (
        f"{port.get('published', '')}:{port.get('target')}"
        f"/{port.get('protocol', 'tcp')}"
    )


def _compare_addresses(old: Plain, new: Plain) -> Iterator[str]:
    """The addresses of each published port that both sides have."""
    one, other = _list_addresses(old), _list_addresses(new)
    for port in one:
        if port in other and one[port] != other[port]:
            before, after = (", ".join(sorted(each[port])) for each in (one, other))
            yield f"{port}: {before} -> {after}"


def _list_addresses(service: Plain) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for port in service.get("ports") or []:
        address = port.get("host_ip") or ""
        shown = "every address" if address in EVERYWHERE else address
        found.setdefault(_name_port(port), set()).add(shown)
    return found


def _compare_port_part(part: str, old: Plain, new: Plain) -> Iterator[str]:
    """One of the parts of a published port that `publish` has no word for."""
    one, other = _list_parts(old, part), _list_parts(new, part)
    for port in one:
        if one[port] != other.get(port, one[port]):
            yield f"{port}: {_show(one[port])} -> {_show(other[port])}"


def _list_parts(service: Plain, part: str) -> dict[str, str]:
    ports = service.get("ports") or []
    return {_name_port(port): read_parts(port).get(part, "none") for port in ports}


def _compare_volumes(old: Plain, new: Plain) -> Iterator[str]:
    yield from _compare_items(_list_mounts(old), _list_mounts(new))


def _list_mounts(service: Plain) -> list[str]:
    return [
        f"{mount['type']} {mount.get('source', '')}:{mount['target']}"
        f"{':ro' if mount.get('read_only') else ''}"
        for mount in service.get("volumes") or []
        if mount["type"] != "tmpfs"
    ]


def _compare_items(one: list[str], other: list[str]) -> Iterator[str]:
    yield from (f"{item} is lost" for item in one if item not in other)
    yield from (f"{item} is added" for item in other if item not in one)


def _compare_secrets(old: Plain, new: Plain) -> Iterator[str]:
    sources = [[s["source"] for s in m.get("secrets") or []] for m in (old, new)]
    yield from _compare_items(*sources)


def _compare_replicas(old: Plain, new: Plain) -> Iterator[str]:
    one, other = _count(old), _count(new)
    if one != other:
        yield f"{one} -> {other}"


def _count(service: Plain) -> str:
    deploy = service.get("deploy") or {}
    return str(deploy.get("replicas", service.get("scale", 1)) or 0)


def _compare_deploy(old: Plain, new: Plain) -> Iterator[str]:
    one, other = _read_deploy(old), _read_deploy(new)
    for key in sorted({*one, *other}):
        if one.get(key) != other.get(key):
            yield f"{key}: {_show(one.get(key))} -> {_show(other.get(key))}"


def _read_deploy(service: Plain) -> Mapping[str, Any]:
    """What `deploy` says beyond replicas, and limits, which have keys of their own."""
    deploy = {k: v for k, v in (service.get("deploy") or {}).items() if v}
    resources = {k: v for k, v in (deploy.pop("resources", None) or {}).items() if v}
    resources.pop("limits", None)
    deploy.pop("replicas", None)
    return {**deploy, **resources}


_COMPARERS: Mapping[str, Callable[[Plain, Plain], Iterator[str]]] = {
    "environment": _compare_environment,
    "depends_on": _compare_gates,
    "networks": _compare_networks,
    "healthcheck": _compare_health,
    "ports": _compare_ports,
    "ports.host_ip": _compare_addresses,
    **{f"ports.{part}": partial(_compare_port_part, part) for part in LOST_PARTS},
    "volumes": _compare_volumes,
    "secrets": _compare_secrets,
    "replicas": _compare_replicas,
    "deploy": _compare_deploy,
}
