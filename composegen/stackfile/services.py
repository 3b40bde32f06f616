"""A merged draft becomes a service of the model: its ports, health, needs and all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.ask import Drill
from composegen.health import Health
from composegen.images.tools import list_programs
from composegen.model import Access, Build, Facts, Local, Resources, SecretUse, Service
from composegen.needs import Condition, Need, Otherwise
from composegen.ports import Port
from composegen.records import replace
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.needs import NO_GATE
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.recipes import Recipe
from composegen.values import Number, find_default, parse_duration, split_outside

_TEXTS = ("image", "restart", "user")
_LISTS = ("aliases", "cap_add", "env_file", "tmpfs", "volumes")


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
    tools = _list_tools(draft, facts, build)
    return Service(
        name=name,
        recipe=str(draft.get("use", "")) if recipe else "",
        is_store=bool(recipe and recipe.is_store),
        build=build,
        publish=publish,
        health=_make_health(draft.get("health"), recipe, port, tools),
        needs=_make_needs(draft.get("needs", {})),
        environment=draft.get("environment", {}),
        env_file_names=env_file_names,
        labels=draft.get("labels", {}),
        networks=draft.get("networks"),
        network_mode=str(
            draft.get("network_mode")
            or draft.get("compose", {}).get("network_mode", "")
        ),
        secrets=_make_secrets(draft.get("secrets", {})),
        passed=_list_passed(draft),
        job=bool(draft.get("job", False)),
        enabled=bool(draft.get("enabled", not draft.get("group"))),
        is_root=draft.get("enabled") is True,
        groups=tuple(draft.get("group", ())),
        resources=make_resources(draft.get("resources", {})),
        relax={name: why for name, why in relax.items() if why is not False},
        kept=_list_kept(draft),
        local=_make_local(draft.get("local")),
        drill=draft.get("drill") or Drill(),
        compose=draft.get("compose", {}),
        access=recipe.access if recipe else Access(),
        facts=facts,
        tools=tools,
        **_list_plain(draft),
        **_take_numbers(
            {"port": port, "replicas": draft.get("replicas", 1)}, "port", "replicas"
        ),
    )


def _list_plain(draft: Draft) -> dict[str, Any]:
    """What a service has as it is in its draft."""
    texts = {key: str(draft.get(key, "")) for key in _TEXTS}
    return {**texts, **{key: tuple(draft.get(key, ())) for key in _LISTS}}


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
    return {
        name: draft[name]
        for name, key in KEYS.items()
        if name in draft and key.is_passed
    }


def _make_secrets(drafts: Mapping[str, list[str]]) -> tuple[SecretUse, ...]:
    return tuple(
        SecretUse(name=name, variables=tuple(variables))
        for name, variables in drafts.items()
    )


def settle_ports(draft: Draft) -> tuple[tuple[Port, ...], int | Number | None]:
    """Every published port with its target, and the port that the service has."""
    port = draft.get("port")
    publish = draft.get("publish", [])
    if publish is True:
        if port is None:
            return (), None
        return (Port(published=str(port), target=str(port), is_filled=True),), port
    settled = [_settle_target(each, port) for each in publish]
    if port is None:
        for published in settled:
            if published.first_target is not None:
                port = _take_target(published, published.first_target)
                break
    return tuple(settled), port


def _take_target(published: Port, number: int) -> int | Number:
    """The port that a published one leads to, the first of a range."""
    text = split_outside(published.target, "-")[0]
    has_range = find_default(text) != str(number)
    return Number(text, number) if "$" in text and not has_range else number


def _settle_target(published: Port, port: int | Number | None) -> Port:
    """A published port with its target: its own, the service's, or the same number."""
    if published.target:
        return published
    if port is not None:
        return replace(published, target=str(port), is_filled=True)
    if published.is_random:
        return published
    hosts = published.host_ports
    target = str(hosts[0]) if len(hosts) else published.published
    if len(hosts) > 1:
        target = f"{hosts[0]}-{hosts[-1]}"
    return replace(published, target=target, is_filled=True)


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
    port: int | Number | None,
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
    return Health(**_take_numbers(values, "port", "retries"))


def _take_numbers(values: Draft, *names: str) -> Draft:
    """The values with the default of each number that a variable says, and its text."""
    found = {name: values.get(name) for name in names}
    numbers = {n: each for n, each in found.items() if isinstance(each, Number)}
    return {
        **values,
        **{name: number.value for name, number in numbers.items()},
        "texts": {name: number.text for name, number in numbers.items()},
    }


def _fill_port(
    command: tuple[str, ...] | str, port: int | Number | None
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
            waits_on_cluster=draft.get("gate") != NO_GATE,
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
