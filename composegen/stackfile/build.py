"""Merged drafts become parts of the model: ports, health, needs, local commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.model import (
    Condition,
    Facts,
    Health,
    Local,
    Need,
    Otherwise,
)
from composegen.records import replace
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.recipes import Recipe
from composegen.values import (
    Port,
    parse_duration,
)


def make_room(brought: Draft, own: Draft) -> None:
    """A tmpfs of one's own takes the place of a recipe's volume at its path."""
    tmpfs = own.get("tmpfs")
    if not isinstance(tmpfs, list) or "volumes" not in brought:
        return
    paths = {text.partition(":")[0].rstrip("/") for text in tmpfs}
    brought["volumes"] = [m for m in brought["volumes"] if m.target not in paths]


def settle_ports(draft: Draft) -> tuple[tuple[Port, ...], int | None]:
    """Every published port with its target, and the port that the service has."""
    port = draft.get("port")
    publish = draft.get("publish", [])
    if publish is True:
        if port is None:
            return (), None
        return (Port(published=str(port), target=str(port)),), port
    settled: list[Port] = []
    for published in publish:
        if published.target:
            settled.append(published)
        elif port is not None:
            settled.append(replace(published, target=str(port)))
        else:
            hosts = published.host_ports
            target = str(hosts[0]) if len(hosts) else ""
            if len(hosts) > 1:
                target = f"{hosts[0]}-{hosts[-1]}"
            settled.append(replace(published, target=target))
    if port is None:
        for published in settled:
            if published.first_target is not None:
                port = published.first_target
                break
    return tuple(settled), port


def make_health(
    draft: Draft | None, facts: Facts | None, recipe: Recipe | None, port: int | None
) -> Health | None:
    """The health check of a draft: its tools are named, or those of the facts."""
    if not draft or "kind" not in draft:
        return None
    values = {key: value for key, value in draft.items() if key != "tool"}
    tool = draft.get("tool")
    values["tools"] = (tool,) if tool else (facts.tools if facts else ())
    values.setdefault("port", port)
    if recipe is not None and recipe.draft.get("health", {}).get(
        "command"
    ) == values.get("command", object()):
        if recipe.start_interval:
            values["start_interval"] = parse_duration(recipe.start_interval)
        values["command"] = _fill_port(values["command"], values["port"])
    return Health(**values)


def _fill_port(
    command: tuple[str, ...] | str, port: int | None
) -> tuple[str, ...] | str:
    if isinstance(command, str):
        return command.replace("{port}", str(port))
    return tuple(word.replace("{port}", str(port)) for word in command)


def make_needs(drafts: Mapping[str, Draft]) -> tuple[Need, ...]:
    """The edges of a draft; without a word they wait for health."""
    return tuple(
        Need(
            service=name,
            env=draft.get("env", {}),
            until=draft.get("until", Condition.HEALTHY),
            otherwise=Otherwise(**draft["otherwise"]) if "otherwise" in draft else None,
        )
        for name, draft in drafts.items()
    )


def make_local(draft: Draft | None) -> Local | None:
    """The way to run as a process; None where a command is not given."""
    if not draft or "command" not in draft:
        return None
    values: dict[str, Any] = dict(draft)
    if isinstance(values["command"], list):
        values["command"] = tuple(values["command"])
    return Local(**values)
