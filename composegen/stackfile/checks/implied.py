"""Needs that only an address says: a variable names a service, and no need does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from composegen.errors import Level
from composegen.health import HealthKind
from composegen.model import Service
from composegen.needs import Condition
from composegen.patterns import make_pattern
from composegen.planning.needs import Needs
from composegen.records import record
from composegen.stackfile.checks.checked import Checked, list_values
from composegen.values import guess_default

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_WHOLE_NAME = make_pattern(_NAME)
_BETWEEN = make_pattern(r"[,;\s]+")
_ITEM = make_pattern(rf"({_NAME}):(\d{{1,5}})(?:/\S*)?")
_AUTHORITY = make_pattern(r"//([^/?#\s\"'`<>\\]*)")
_BEHIND_AT = make_pattern(rf"@(?:[a-z]+\()?({_NAME}):\d{{1,5}}(?!\d)")
_SETTING = make_pattern(
    r"(?:^|[;,\s?&])(?:host|hostname|server|addr|address|data ?source)\s*=\s*"
    rf"(?:tcp:)?({_NAME})(?=[:;,\s&/\\]|$)",
    re.IGNORECASE,
)
_HOLDS_HOST = make_pattern(
    r"(?:[_.-]|^)(?:HOSTS?|HOST_?NAMES?|SERVERS?|ADDR(?:ESS(?:ES)?)?|BROKERS?|"
    r"ENDPOINTS?|NODES)$",
    re.IGNORECASE,
)
_HOST_PARTS = ("host", "server", "addr", "broker", "endpo", "node")
"""Each of the words holds one of these: most variables are not matched with them."""
_HOLDS_NO_PORT = make_pattern(
    r"IMAGE|TAG|VERSION|USER|OWNER|GROUP|UID|GID|ROLE|SCHEDULE|CRON", re.IGNORECASE
)
_LEAST_PORT = 80
"""Less behind a name and a colon is rather a version than a port."""


@record(kw_only=False)
class _Address:
    """A variable of a service that names another one as a host."""

    service: Service
    target: Service
    variable: str
    path: tuple[str, ...]


def check_implied_needs(checked: Checked) -> None:
    """A service needs those whose address it is given."""
    found = list(_list_addresses(checked))
    pairs = {(each.service.name, each.target.name) for each in found}
    needs = Needs(checked.stack)
    reported: set[tuple[str, str]] = set()
    for each in found:
        pair = (each.service.name, each.target.name)
        if pair in reported:
            continue
        reported.add(pair)
        if each.target.is_store and not _share_network(checked, each):
            _add_unreachable(checked, each)
        elif pair[::-1] not in pairs and not _is_ordered(needs, *pair):
            _add_unordered(checked, each)


def _is_ordered(needs: Needs, name: str, target: str) -> bool:
    """Whether other needs already lead from one to the other, in either direction."""
    return target in needs.close_required([name]) or name in needs.close([target])


def _add_unreachable(checked: Checked, found: _Address) -> None:
    name, target = found.service.name, found.target.name
    checked.add(
        "implied-need",
        f"`{found.variable}` of `{name}` names the data store `{target}`, and `{name}` "
        "is not on its network: it cannot reach it",
        found.path,
        f"let `{name}` need it, which joins its network and waits for its health:\n"
        f"{_write_need(found)}",
        level=Level.ERROR,
    )


def _add_unordered(checked: Checked, found: _Address) -> None:
    name, target = found.service.name, found.target.name
    checked.add(
        "implied-need",
        f"`{found.variable}` of `{name}` names `{target}`, and `{name}` does not need "
        f"it: it may start before `{target}` is ready",
        found.path,
        f"let `{name}` need it:\n{_write_need(found)}",
    )


def _write_need(found: _Address) -> str:
    """The need to add, with a condition that can come true."""
    target, others = found.target, found.service.needs
    parts = []
    health = target.health
    if not target.job and (health is None or health.kind is HealthKind.NONE):
        parts.append("until: started")
    if not target.enabled:
        parts.append("otherwise: {}")
    is_plain = all(
        not need.env and not need.is_optional and need.until is not Condition.STARTED
        for need in others
    )
    name = target.host_name
    if not parts and is_plain:
        return f"needs: [{', '.join([*(n.written for n in others), name])}]"
    need = f"{name}: {{{', '.join(parts)}}}" if parts else f"{name}:"
    return f"needs:\n  {need}" + "     # and the others" * bool(others)


def _share_network(checked: Checked, found: _Address) -> bool:
    networks = set(checked.list_networks(found.service))
    return not networks.isdisjoint(checked.list_networks(found.target))


# Addresses in variables


def _list_addresses(checked: Checked) -> Iterator[_Address]:
    """Every other service that a variable names, and that is not needed."""
    known = _list_names(checked)
    for service in checked.stack.services.values():
        if service.network_mode in {"host", "none"} or checked.is_broken(
            service.name, "needs"
        ):
            continue
        needed = {need.service for need in service.needs} | {service.name}
        for variable, path, text in list_values(service):
            for host, port in find_hosts(variable, guess_default(text)):
                target = known.get(host.lower())
                if target is None or target.name in needed or target.job:
                    continue
                if port is None or port >= _LEAST_PORT or port == target.port:
                    yield _Address(service, target, variable, path)


def _list_names(checked: Checked) -> dict[str, Service]:
    """The services by each name that they have in DNS."""
    names: dict[str, Service] = {}
    for service in checked.stack.services.values():
        own = service.compose.get("container_name")
        raw = service.compose.get("networks")
        names[str(own).lower()] = service
        names.update((alias.lower(), service) for alias in service.aliases)
        own_networks = (service.networks or {}).values()
        raw_networks = raw.values() if isinstance(raw, dict) else ()
        for options in (*own_networks, *raw_networks):
            aliases = options.get("aliases") if isinstance(options, dict) else None
            for alias in aliases if isinstance(aliases, list) else ():
                names[str(alias).lower()] = service
    names.pop("none", None)
    services = checked.stack.services.values()
    names |= {each.choice.lower(): each for each in services if each.choice}
    return names | {each.name.lower(): each for each in services}


def find_hosts(variable: str, text: str) -> Iterator[tuple[str, int | None]]:
    """The hosts that a variable's value names; the port where nothing else shows one.

    They stand behind `//`, `@` or `host=`, as `NAME:PORT` alone or in a list, or alone
    where the variable is called after a host. Other words are no addresses.
    """
    for authority in _AUTHORITY.findall(text) if "//" in text else ():
        for item in authority.rpartition("@")[2].split(","):
            yield item.partition(":")[0], None
    for mark, pattern in (("@", _BEHIND_AT), ("=", _SETTING)):
        for name in pattern.findall(text) if mark in text else ():
            yield name, None
    items = [item for item in _BETWEEN.split(text.strip()) if item]
    if all(map(_WHOLE_NAME.fullmatch, items)):
        if _holds_host(variable):
            yield from ((item, None) for item in items)
        return
    if ":" not in text:
        return
    matches = [_ITEM.fullmatch(item) for item in items]
    if all(matches) and not _HOLDS_NO_PORT.search(variable):
        yield from ((match[1], int(match[2])) for match in matches if match)


@lru_cache(maxsize=4096)
def _holds_host(variable: str) -> bool:
    """Whether a variable is called after a host; many services have the same ones."""
    name = variable.casefold()
    if name == "hostname" or not any(part in name for part in _HOST_PARTS):
        return False
    return _HOLDS_HOST.search(variable) is not None
