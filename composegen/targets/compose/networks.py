"""The networks of a service and of the top level, in Compose's words."""

from __future__ import annotations

from composegen.model import Raw, Service
from composegen.planning.plan import Plan, Step
from composegen.targets.compose.merge import merge_raw


def word_networks(step: Step) -> Raw:
    """Compose's ``networks`` of a service; None for the default one alone."""
    service = step.service
    raw = service.compose.get("networks")
    options = {name: _find_options(service, name) for name in step.networks}
    if service.choice:
        options = {
            name: _add_alias(value, service.choice) for name, value in options.items()
        }
    if any(options.values()) or raw:
        return options
    return None if list(options) == ["default"] else [*options]


def _find_options(service: Service, network: str) -> Raw:
    """What is said of a service on one of its networks, its further names included."""
    options = (service.networks or {}).get(network)
    if not service.aliases:
        return options
    return merge_raw(options or {}, {"aliases": [*service.aliases]})


def _add_alias(options: Raw, alias: str) -> Raw:
    """The options of a service in a network, with a further name there."""
    known = options if isinstance(options, dict) else {}
    names = known.get("aliases")
    return {**known, "aliases": [*(names if isinstance(names, list) else ()), alias]}


def _names_default(step: Step) -> bool:
    if step.service.network_mode:
        return False
    named = (word_networks(step), step.service.compose.get("networks"))
    return any(isinstance(each, dict | list) and "default" in each for each in named)


def declare_networks(plan: Plan) -> dict[str, Raw]:
    """Every network that is used; the default one where a service names it.

    Compose has a default network without a word, podman-compose only a declared one.
    """
    networks: dict[str, Raw] = {}
    if any(map(_names_default, plan.steps)):
        networks["default"] = plan.stack.networks.get("default")
    for name in (*plan.stores, *plan.networks):
        options = plan.stack.networks.get(name)
        if name in plan.stores:
            own: dict[str, Raw] = {"internal": True}
            networks[name] = merge_raw(own, options) if options else own
        elif options or name != "default":
            networks[name] = options
    return networks
