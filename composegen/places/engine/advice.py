"""The lines that a help shows for a service on the engine."""

from __future__ import annotations

from composegen.patterns import make_pattern
from composegen.places.advice import advise_for, describe_health
from composegen.places.engine.notes import NotedService
from composegen.ports import Port, parse_published_port
from composegen.values import format_duration

_PLAIN_PORT = make_pattern(r"\d+:\d{3,}")


def advise(noted: NotedService, *lines: str) -> str:
    """The lines to add below a service in the stack file."""
    return advise_for(noted.name, *lines)


def write_health(noted: NotedService, setting: str) -> str:
    """A service's `health` with one more setting, such as ``boot: 2m``."""
    return describe_health(noted.check, noted.path, setting)


def write_longer_boot(noted: NotedService) -> str:
    """A service's `health` with twice its boot."""
    return write_health(noted, f"boot: {format_duration(noted.boot * 2)}")


def write_port(noted: NotedService, port: int) -> list[str]:
    """The lines that make another port the one that a service listens on.

    A published port that leads to the old one is to lead to the new one; the key
    `port` is to change where the file has it, or where nothing is published.
    """
    if noted.check_port not in {None, noted.port}:
        return [write_health(noted, f"port: {port}")]
    publish = tuple(_redirect(noted, text, port) for text in noted.publish)
    lines = []
    if noted.says_port or publish == noted.publish:
        lines.append(f"port: {port}")
    if publish != noted.publish:
        lines.append(f"publish: {_write_publish(publish)}")
    return lines


def _redirect(noted: NotedService, text: str, new: int) -> str:
    """A published port as it is written when it leads to the new port."""
    port = parse_published_port(text)
    follows = not port.target and noted.says_port
    leads_there = not port.target or port.target == str(noted.port)
    is_one = port.protocol == "tcp" and len(port.host_ports) <= 1
    if follows or not leads_there or not is_one:
        return text
    return f"{_write_address(port)}{port.shown}:{new}"


def move_published(noted: NotedService, old: int, new: int) -> str | None:
    """The line that publishes on another port of the host; None where none is."""
    moved = tuple(_move(noted, text, old, new) for text in noted.publish)
    return f"publish: {_write_publish(moved)}" if moved != noted.publish else None


def _move(noted: NotedService, text: str, old: int, new: int) -> str:
    port = parse_published_port(text)
    hosts = port.host_ports
    if old not in hosts or len(hosts) > 1:
        return text
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    return f"{_write_address(port)}{new}:{port.target or noted.port or old}{protocol}"


def _write_address(port: Port) -> str:
    return "" if port.address == "127.0.0.1" else f"{port.host}:"


def _write_publish(texts: tuple[str, ...]) -> str:
    quoted = [f'"{text}"' for text in texts]
    if len(texts) > 1:
        return f"[{', '.join(quoted)}]"
    return texts[0] if _PLAIN_PORT.fullmatch(texts[0]) else quoted[0]
