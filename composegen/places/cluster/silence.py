"""Why a program that runs is not ready: what its probe got, and where it listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress

from composegen.errors import ComposegenError
from composegen.patterns import make_pattern
from composegen.places.advice import advise_for, describe_health
from composegen.places.cause import UNKNOWN, Cause
from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import NotedService
from composegen.places.cluster.objects import Container, Doing, Pod
from composegen.places.cluster.snapshot import Snapshot
from composegen.system.listeners import parse_table
from composegen.values import format_duration

_TABLES = ("cat", "/proc/net/tcp", "/proc/net/tcp6")
_HEAD = make_pattern(r"^(?:Startup|Readiness|Liveness) probe (?:failed|errored)[^:]*: ")
_STATUS = make_pattern(r"statuscode: (\d+)")
_PATIENCE = 5.0


def read_answer(snapshot: Snapshot, pod: Pod) -> str:
    """What the probe of a pod got last; empty where it was not asked, or passed."""
    found = snapshot.list_warnings("Unhealthy", ("Pod", pod.name))
    return _HEAD.sub("", found[-1].message).strip() if found else ""


def list_sockets(
    kubectl: Kubectl, pod: Pod, container: Container
) -> tuple[tuple[str, int], ...] | None:
    """Addresses and ports that a container listens on; None where that is not seen."""
    with suppress(ComposegenError):
        said = kubectl.ask(
            *("exec", pod.name, "--container", container.name, "--"),
            *_TABLES,
            timeout=_PATIENCE,
        )
        if said.out:
            found = parse_table(said.out.splitlines()).values()
            return tuple(dict.fromkeys(found))
    return None


def explain_silence(
    kubectl: Kubectl, snapshot: Snapshot, noted: NotedService, pod: Pod
) -> Cause:
    """What is behind a probe that does not pass; UNKNOWN where nothing is known."""
    main = pod.find_main()
    if main is None or main.doing is not Doing.RUNNING or not noted.is_asked:
        return UNKNOWN
    answer = read_answer(snapshot, pod)
    sockets = list_sockets(kubectl, pod, main)
    port = noted.check_port or noted.port
    if port is None:
        return _explain_check(noted, answer)
    if sockets is not None:
        hosts = [host for host, number in sockets if number == port]
        if hosts and all(map(_is_loopback, hosts)):
            return Cause(
                CauseName.ON_LOOPBACK,
                f"it listens only on {', '.join(dict.fromkeys(hosts))}:{port}, where "
                "no probe and no other service reaches it",
                f"let it listen on 0.0.0.0:{port}",
            )
        if not hosts:
            return _explain_ports(noted, port, sockets)
    return _explain_answer(noted, port, answer, is_heard=sockets is not None)


def _is_loopback(host: str) -> bool:
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _explain_ports(
    noted: NotedService, port: int, sockets: Iterable[tuple[str, int]]
) -> Cause:
    others = tuple(dict.fromkeys(number for _, number in sockets))
    if not others:
        return _explain_nothing(noted, f"nothing listens on port {port}")
    line = (
        describe_health(noted.check, noted.path, f"port: {others[0]}")
        if noted.check_port not in {None, noted.port}
        else f"port: {others[0]}"
    )
    return Cause(
        CauseName.OTHER_PORT,
        f"it listens on port {', '.join(map(str, others))}, not on {port}",
        advise_for(noted.name, line),
    )


def _explain_answer(
    noted: NotedService, port: int, answer: str, *, is_heard: bool
) -> Cause:
    status = _STATUS.search(answer)
    if status is not None:
        return Cause(
            CauseName.BAD_STATUS,
            f"GET {noted.path} answers {status[1]}, and the check wants 200 to 399",
            f"let the program answer {noted.path} with 200 once it is ready, or name "
            f"another path in the `health` of `{noted.name}`",
        )
    if not is_heard and "refused" in answer:
        said = (
            f"nothing answers on port {port}: it listens on another port, or on "
            "127.0.0.1 alone, or not yet"
        )
        return _explain_nothing(noted, said)
    return _explain_check(noted, answer)


def _explain_nothing(noted: NotedService, said: str) -> Cause:
    boot = format_duration(noted.boot)
    longer = f"boot: {format_duration(noted.boot * 2)}"
    return Cause(
        CauseName.NOTHING_LISTENS,
        f"{said}; its boot is {boot}",
        advise_for(noted.name, describe_health(noted.check, noted.path, longer)),
    )


def _explain_check(noted: NotedService, answer: str) -> Cause:
    longer = f"boot: {format_duration(noted.boot * 2)}"
    line = describe_health(noted.check, noted.path, longer)
    said = f"its health check fails: {answer}" if answer else "its health check fails"
    return Cause(
        CauseName.CHECK_FAILS,
        said,
        "if it only needs more time, " + advise_for(noted.name, line),
    )
