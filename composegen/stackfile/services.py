"""A merged draft becomes a service of the model: its ports, health, needs and all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.ask import Drill
from composegen.images.tools import list_programs
from composegen.model import (
    Access,
    Build,
    Condition,
    Facts,
    Health,
    Local,
    Need,
    Otherwise,
    Resources,
    SecretUse,
    Service,
)
from composegen.records import replace
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.recipes import Recipe
from composegen.values import Port, parse_duration


def make_service(
    name: str,
    draft: Draft,
    *,
    recipe: Recipe | None,
    build: Build | None,
    facts: Facts | None,
    env_file_names: frozenset[str],
) -> Service:
    """The service of a draft in which recipe and own keys are merged."""
    publish, port = settle_ports(draft)
    relax = draft.get("relax", {})
    return Service(
        name=name,
        recipe=str(draft.get("use", "")) if recipe else "",
        is_store=bool(recipe and recipe.is_store),
        image=str(draft.get("image", "")),
        build=build,
        port=port,
        publish=publish,
        health=_make_health(
            draft.get("health"), recipe, port, _list_tools(draft, facts, build)
        ),
        needs=_make_needs(draft.get("needs", {})),
        environment=draft.get("environment", {}),
        env_file=tuple(draft.get("env_file", ())),
        env_file_names=env_file_names,
        volumes=tuple(draft.get("volumes", ())),
        tmpfs=tuple(draft.get("tmpfs", ())),
        labels=draft.get("labels", {}),
        networks=draft.get("networks"),
        aliases=tuple(draft.get("aliases", ())),
        secrets=_make_secrets(draft.get("secrets", {})),
        user=str(draft.get("user", "")),
        cap_add=tuple(draft.get("cap_add", ())),
        passed=_list_passed(draft),
        job=bool(draft.get("job", False)),
        restart=str(draft.get("restart", "")),
        enabled=bool(draft.get("enabled", True)),
        replicas=int(draft.get("replicas", 1)),
        resources=make_resources(draft.get("resources", {})),
        relax={name: why for name, why in relax.items() if why is not False},
        kept=_list_kept(draft),
        local=_make_local(draft.get("local")),
        drill=draft.get("drill") or Drill(),
        compose=draft.get("compose", {}),
        access=recipe.access if recipe else Access(),
        facts=facts,
    )


def _list_kept(draft: Draft) -> frozenset[str]:
    """The protections that are insisted on, raw ones of Compose included."""
    raw = draft.get("compose", {})
    kept = {name for name, why in draft.get("relax", {}).items() if why is False}
    return frozenset(kept.union(n for n in ("read_only", "init") if raw.get(n) is True))


def make_resources(draft: Draft) -> Resources:
    """The limits of a draft, and which of them were written."""
    return Resources(**draft, written=frozenset(draft))


def _list_passed(draft: Draft) -> dict[str, Any]:
    """What Compose reads as it is and nothing here computes with."""
    passed = (key.name for key in KEYS.values() if key.is_passed)
    return {name: draft[name] for name in passed if name in draft}


def _make_secrets(drafts: Mapping[str, list[str]]) -> tuple[SecretUse, ...]:
    return tuple(
        SecretUse(name=name, variables=tuple(variables))
        for name, variables in drafts.items()
    )


def settle_ports(draft: Draft) -> tuple[tuple[Port, ...], int | None]:
    """Every published port with its target, and the port that the service has."""
    port = draft.get("port")
    publish = draft.get("publish", [])
    if publish is True:
        if port is None:
            return (), None
        return (Port(published=str(port), target=str(port), is_filled=True),), port
    settled: list[Port] = []
    for published in publish:
        if published.target:
            settled.append(published)
        elif port is not None:
            settled.append(replace(published, target=str(port), is_filled=True))
        else:
            hosts = published.host_ports
            target = str(hosts[0]) if len(hosts) else published.published
            if len(hosts) > 1:
                target = f"{hosts[0]}-{hosts[-1]}"
            settled.append(replace(published, target=target, is_filled=True))
    if port is None:
        for published in settled:
            # A variable may be another number where the stack runs: a probe of its
            # default would ask a port that is not the service's.
            if published.first_target is not None and "$" not in published.target:
                port = published.first_target
                break
    return tuple(settled), port


def _list_tools(
    draft: Draft, facts: Facts | None, build: Build | None
) -> tuple[str, ...]:
    """What the image has: by facts, by its Dockerfile, by the command that it runs."""
    known = [*(facts.tools if facts else ()), *(build.tools if build else ())]
    for key in ("entrypoint", "command"):
        known += list_programs(draft.get(key))
    return tuple(dict.fromkeys(known))


def _make_health(
    draft: Draft | None,
    recipe: Recipe | None,
    port: int | None,
    tools: tuple[str, ...],
) -> Health | None:
    """The health check of a draft: its tool is named, or is one of those known."""
    if not draft or "kind" not in draft:
        return None
    values = {key: value for key, value in draft.items() if key != "tool"}
    tool = draft.get("tool")
    values["tools"] = (tool,) if tool else tools
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


def _make_needs(drafts: Mapping[str, Draft]) -> tuple[Need, ...]:
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


def _make_local(draft: Draft | None) -> Local | None:
    """The way to run as a process; None where a command is not given."""
    if not draft or "command" not in draft:
        return None
    values: dict[str, Any] = dict(draft)
    if isinstance(values["command"], list):
        values["command"] = tuple(values["command"])
    return Local(**values)
