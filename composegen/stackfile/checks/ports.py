"""Ports of the host: one service each, and who can connect to them."""

from __future__ import annotations

from collections.abc import Iterator

from composegen.model import Service
from composegen.planning.asking import asks_a_port
from composegen.planning.needs import Needs
from composegen.planning.networks import list_sharing
from composegen.planning.selection import Selection, list_included
from composegen.ports import Port
from composegen.records import record
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.hints.inline import write_inline
from composegen.values import parse_variables

_EVERYWHERE = ("", "0.0.0.0", "::")
_MOST_PORTS = 200_000
"""More than every port of a machine: who publishes as many does not mean it."""


@record(kw_only=False)
class _Claim:
    """A port of the host that a service publishes."""

    service: Service
    port: Port


class Meetings:
    """Which services take part together in one of the selections that are judged.

    These are the one of the command, the default one, and the default one with each
    excluded service added: two alternatives that no selection joins do not meet.
    """

    def __init__(self, checked: Checked) -> None:
        needs = Needs(checked.stack)
        default = Selection()
        included = list_included(needs, default)
        selections = [checked.selection or default, default]
        selections += [
            Selection(added=(name,))
            for name in checked.stack.services
            if name not in included
        ]
        self._members: dict[str, int] = {}
        for bit, selection in enumerate(selections):
            for name in list_included(needs, selection):
                self._members[name] = self._members.get(name, 0) | 1 << bit

    def meet(self, one: str, other: str) -> bool:
        """Whether both take part in one selection; a service meets itself."""
        members = self._members
        return one == other or bool(members.get(one, 0) & members.get(other, 0))


def check_open_ports(checked: Checked) -> None:
    """A published port listens on 127.0.0.1 unless it is meant for others."""
    for service in checked.stack.services.values():
        for port in service.publish:
            if port.is_loopback:
                continue
            where, help = (
                port.address,
                "remove the address to publish on 127.0.0.1 only",
            )
            if not port.default_address:
                where = f"{port.address}, which has no default"
                name = parse_variables(port.address)[0].name
                help = f"give the address a default: ${{{name}:-127.0.0.1}}"
            checked.add(
                "open-port",
                f"`{service.name}` publishes {_describe(port)} on {where}: every host "
                "that reaches this machine can connect, past the firewall",
                ("services", service.name, "publish"),
                help,
            )


def _describe(port: Port) -> str:
    """The published port in a sentence."""
    return "a random port" if port.is_random else port.published


def check_ports(checked: Checked) -> None:
    """One port of the host belongs to one of the services that run together."""
    claims: dict[tuple[str, int], list[_Claim]] = {}
    meetings: Meetings | None = None
    for claim in _list_claims(checked):
        service, port = claim.service, claim.port
        for number in port.host_ports:
            others = claims.setdefault((port.protocol, number), [])
            met = [other for other in others if _is_same_port(other, claim)]
            if met and meetings is None:
                meetings = Meetings(checked)
            clash = next(
                (
                    other
                    for other in met
                    if meetings and meetings.meet(other.service.name, service.name)
                ),
                None,
            )
            if clash is not None:
                _add_clash(checked, number, clash.service, claim)
                break
            others.append(claim)


def _list_claims(checked: Checked) -> Iterator[_Claim]:
    """Every published port; the same line twice in a service is one."""
    count = 0
    for service in checked.stack.services.values():
        seen = set()
        for port in service.publish:
            count += len(port.host_ports)
            if count > _MOST_PORTS:
                return
            bound = (port.default_address, port.host_ports, port.target, port.protocol)
            if bound not in seen:
                seen.add(bound)
                yield _Claim(service, port)
        is_open = service.uses_host_network and not service.publish
        if is_open and service.port is not None:
            number = str(service.port)
            yield _Claim(
                service, Port(address="0.0.0.0", published=number, target=number)
            )


def _is_same_port(one: _Claim, other: _Claim) -> bool:
    """Whether both listen at one address, or one of them at all of them."""
    addresses = (one.port.default_address, other.port.default_address)
    return addresses[0] == addresses[1] or any(a in _EVERYWHERE for a in addresses)


def _add_clash(checked: Checked, number: int, first: Service, claim: _Claim) -> None:
    place = checked.find("services", first.name, "publish")
    other = number + 1 if number < 65535 else number - 1
    checked.add(
        "port-twice",
        f"port {number} of the host is published twice: by `{first.name}` (at {place}) "
        f"and by `{claim.service.name}`",
        ("services", claim.service.name, "publish"),
        "use another port for one of them:\npublish: "
        + write_inline(f"{other}:{claim.port.target}"),
    )


def check_led_to(checked: Checked) -> None:
    """A published port leads to the one that a service says it listens on."""
    for service in checked.stack.services.values():
        path = ("services", service.name, "port")
        if path not in checked.stack.places or service.recipe:
            continue
        if checked.is_broken(service.name, "port", "publish"):
            continue
        _check_led_to(checked, service, path)


def _check_led_to(checked: Checked, service: Service, path: tuple[str, ...]) -> None:
    published = [port for port in service.publish if port.protocol == "tcp"]
    health = service.health
    asked = health.port if health is not None and asks_a_port(health) else None
    sharing = (each.port for each in list_sharing(checked.stack, service))
    wanted = {service.port, asked, *sharing} - {None}
    may_lead = any(wanted & {*port.targets} or "$" in port.target for port in published)
    if not published or may_lead:
        return
    first = published[0]
    checked.add(
        "port-unpublished",
        f"`{service.name}` listens on port {service.port}, but no published port leads "
        f"there: {_describe(first)} leads to {first.target}",
        path,
        f"let it lead there:\npublish: {_lead_to(service, published[0])}",
    )


def _lead_to(service: Service, moved: Port) -> str:
    """The published ports as they are written, one of them leading to `port`."""
    texts = []
    for port in service.publish:
        address = "" if port.address == "127.0.0.1" else f"{port.host}:"
        protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
        target = service.port if port is moved else port.target
        texts.append(f"{address}{port.shown}:{target}{protocol}")
    quoted = [f'"{text}"' for text in texts]
    if len(texts) > 1:
        return f"[{', '.join(quoted)}]"
    return texts[0] if texts[0].count(":") == 1 else quoted[0]
