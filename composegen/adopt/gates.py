"""Gates: the best check that there is for each service that others wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.health import has_own_probe
from composegen.adopt.knowledge import (
    Recipe,
    find_exposed,
    find_moved_port,
    find_port,
    find_recipe,
    list_ports,
    list_tools,
    list_words,
)
from composegen.adopt.report import Gate
from composegen.adopt.seen import Seen
from composegen.adopt.texts import write_text
from composegen.images.checks import list_known_check
from composegen.records import record

NOTHING = "nothing"
"""What an edge waited for that no file names."""
_RANK = {
    "service_started": 1,
    "service_healthy": 2,
    "service_completed_successfully": 3,
}
_BOOT = "2m"
"""How long a service with a port alone may take: the files do not say how long."""
_LENIENT = ("redis", "valkey")
"""Recipes whose probe a password would turn away."""


@record
class Probe:
    """How a service is checked: where that comes from, and a reason for people."""

    by: str
    why: str
    condition: str = "service_healthy"


def find_probe(
    seen: Seen, dependents: list[Seen], *, is_job: bool, is_asked: bool
) -> Probe | None:
    """The best check of a service, written into its sketch; None if there is none.

    ``is_asked``: the file waits for its health, so that its image must have a check
    where the file has none.
    """
    if is_job:
        return Probe(
            by="file",
            why="runs to its end",
            condition="service_completed_successfully",
        )
    if has_own_probe(seen):
        return Probe(by="file", why="the healthcheck of the file")
    health = seen.sketch.keys.get("health")
    if isinstance(health, dict) and "none" in health:
        return None
    if seen.build is not None and seen.build.has_healthcheck:
        seen.set("health", "image")
        return Probe(by="file", why="its Dockerfile has a HEALTHCHECK")
    known = _find_known(seen) or _find_family(seen, dependents)
    if known is None and is_asked:
        seen.set("health", "image")
        return Probe(by="file", why="the file waits for its image's own check")
    return known or _find_by_port(seen, dependents)


def _find_known(seen: Seen) -> Probe | None:
    """The check of a recipe, with `use` or written out."""
    recipe = find_recipe(seen)
    if recipe is None or "health" not in recipe.entry:
        return None
    moved = find_moved_port(seen)
    port = moved or recipe.port
    asked = _ask_leniently(seen, recipe, port)
    if "use" in seen.sketch.keys and asked is None:
        if moved and moved != recipe.port:
            _name_port(seen, moved)
        return Probe(by="recipe", why=f"recipe {recipe.name}")
    health = asked or _write_health(recipe.entry["health"], port)
    if "tcp" in health or "http" in health:
        if not list_tools(seen):
            return None
        health["port"] = port
    seen.set("health", health)
    return Probe(by="recipe", why=f"the check of the recipe {recipe.name}")


def _find_family(seen: Seen, dependents: list[Seen]) -> Probe | None:
    """The check that is known for an image without a recipe.

    Not if the files show other ports than the one that it asks: then it was moved.
    """
    facts = seen.facts
    is_other = seen.build is not None or seen.text.get("entrypoint") is not None
    if facts is None or is_other or not facts.health:
        return None
    check = list_known_check(facts)
    if "image" in check:
        seen.set("health", "image")
        return Probe(by="family", why=f"the own check of {facts.name}'s image")
    ports = list_ports(seen, dependents)
    is_outside = "from" in check
    is_shown = check.get("port", "") in ports
    if "port" in check and not is_shown and (ports or is_outside):
        return None
    if is_outside and (seen.options.is_inside_only or seen.model.get("network_mode")):
        return None
    seen.set("health", check)
    return Probe(
        by="outside" if is_outside else "family",
        why=f"the check known for {facts.name}",
    )


def _write_health(entry: Mapping[str, Any], port: str) -> dict[str, Any]:
    """A recipe's check, its port filled in."""
    health: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, list):
            health[key] = [str(word).replace("{port}", port) for word in value]
        else:
            health[key] = str(value).replace("{port}", port)
    return health


def _ask_leniently(seen: Seen, recipe: Recipe, port: str) -> dict[str, Any] | None:
    """A check that takes the refusal of a missing password for an answer."""
    text = " ".join(list_words(seen)).lower()
    may_ask = any(word in text for word in ("requirepass", ".conf", "aclfile", "$"))
    if recipe.name not in _LENIENT or not may_ask:
        return None
    program = f"{recipe.name}-cli"
    return {
        "command": f"{program} -h 127.0.0.1 -p {port} ping | grep -qE 'PONG|NOAUTH'",
        "boot": "30s",
    }


def _find_by_port(seen: Seen, dependents: list[Seen]) -> Probe | None:
    """Connect to the port that the files show: inside the image, else from outside."""
    port, why = find_port(seen, dependents)
    is_tooled = bool(list_tools(seen))
    is_built = seen.build is not None
    if is_tooled and is_built and not port:
        port = find_exposed(seen)
        why = f"its Dockerfile exposes port {port}"
    if not port:
        return None
    has_network = not seen.model.get("network_mode")
    if is_tooled:
        _set_port(seen, port)
        seen.set("health", {"tcp": "true", "boot": _BOOT})
        what = "built here" if is_built else "known image"
        return Probe(by="tcp", why=f"connects to port {port}: {why}; {what}")
    if not has_network or seen.options.is_inside_only:
        return None
    _set_port(seen, port)
    seen.set("health", {"tcp": "true", "from": "outside", "boot": _BOOT})
    return Probe(by="outside", why=f"connects to port {port} from outside: {why}")


def _set_port(seen: Seen, port: str) -> None:
    """Name the port, unless the first published one leads to it anyway."""
    keys = seen.sketch.keys
    published = [
        write_text(p.get("target"))
        for p in seen.model.get("ports") or []
        if p.get("protocol", "tcp") == "tcp"
    ]
    is_variable = "$" in write_text(keys.get("publish"))
    if published[:1] != [port] or is_variable or keys.get("port"):
        _name_port(seen, port)


def _name_port(seen: Seen, port: str) -> None:
    """Write `port`; a published number alone would lead to it, and says where now."""
    keys = seen.sketch.keys
    keys["port"] = port
    publish = keys.get("publish")
    if isinstance(publish, list):
        keys["publish"] = [_lead_to_itself(text) for text in publish]
    elif publish is not None:
        keys["publish"] = _lead_to_itself(publish)


def _lead_to_itself(text: str) -> str:
    return f"{text}:{text}" if text.isdigit() else text


def is_stronger(one: str, other: str) -> bool:
    """Whether a condition waits for at least as much as another."""
    return _RANK.get(one, 0) >= _RANK.get(other, 0)


def explain_none(seen: Seen, dependents: list[Seen]) -> str:
    """Why an edge to a service cannot wait for more than its start."""
    health = seen.sketch.keys.get("health")
    if isinstance(health, dict) and "none" in health:
        return "its check is switched off in the file"
    port, _ = find_port(seen, dependents)
    if port and seen.model.get("network_mode"):
        return f"it has port {port}, and network_mode: {seen.model['network_mode']}"
    if port:
        return f"no tool of its image is known; port {port} could be asked from outside"
    return "no check and no port stands in the files: add `health`"


def make_gate(
    source: str, target: str, before: str, after: str, probe: Probe | None, why: str
) -> Gate:
    """One edge as it was and as it is now."""
    is_gated = after != "service_started"
    return Gate(
        source=source,
        target=target,
        before=before,
        after=after,
        is_new=before == NOTHING,
        by=probe.by if probe is not None and is_gated else "",
        through=f"{target}-health" if probe and probe.by == "outside" else "",
        why=probe.why if probe is not None and is_gated else why,
    )
