"""The numbers of a service as variables say them where it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from composegen.health import Health
from composegen.model import Service
from composegen.patterns import make_pattern
from composegen.ports import parse_port
from composegen.records import replace
from composegen.values import Duration, parse_duration

_Value = TypeVar("_Value")
_COUNT = make_pattern(r"[1-9][0-9]{0,8}", re.ASCII)
_TIMES = ("boot", "interval", "timeout")

Fill = Callable[[str], str]
"""Fills the variables of a text."""


def fill_numbers(service: Service, fill: Fill) -> Service:
    """The service with each number that a variable says, and no texts of them left.

    Raises ValueError with a sentence where one is no such number, and what ``fill``
    raises.
    """
    texts, health = service.texts, service.health
    port, replicas = service.port, service.replicas
    if "port" in texts:
        port = _parse("port", texts["port"], parse_port, fill)
    if "replicas" in texts:
        replicas = _parse("replicas", texts["replicas"], _parse_count, fill)
    if health is not None:
        health = _fill_health(health, texts, port, fill)
    if not texts and health == service.health:
        return service
    return replace(service, port=port, replicas=replicas, health=health, texts={})


def _fill_health(
    health: Health, texts: Mapping[str, str], port: int | None, fill: Fill
) -> Health:
    changed: dict[str, object] = {}
    for name in _TIMES:
        duration: Duration = getattr(health, name)
        if "$" in duration.text:
            changed[name] = _parse(name, duration.text, parse_duration, fill)
    if "port" in health.texts:
        changed["port"] = _parse("port", health.texts["port"], parse_port, fill)
    if "retries" in health.texts:
        text = health.texts["retries"]
        changed["retries"] = _parse("retries", text, _parse_count, fill)
    if "port" in texts:
        # A recipe has written it into its command.
        changed["command"] = _put_number(health.command, texts["port"], port)
    return replace(health, **changed, texts={}) if changed else health


def _put_number(
    command: tuple[str, ...] | str, text: str, number: int | None
) -> tuple[str, ...] | str:
    if isinstance(command, str):
        return command.replace(text, str(number))
    return tuple(word.replace(text, str(number)) for word in command)


def _parse(name: str, text: str, parse: Callable[[str], _Value], fill: Fill) -> _Value:
    filled = fill(text)
    try:
        return parse(filled)
    except ValueError as error:
        raise ValueError(f"`{name}` is {filled!r} by {text}: {error}") from None


def _parse_count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError("a whole number of at least 1")
    return int(text)
