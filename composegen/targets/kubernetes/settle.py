"""A service with the defaults of its variables, for what is computed with."""

from __future__ import annotations

from composegen.model import Service
from composegen.planning.numbers import fill_numbers
from composegen.planning.plan import Step
from composegen.records import replace
from composegen.targets.kubernetes.scene import Scene


def settle_step(scene: Scene, step: Step) -> Step:
    """The step whose service has no variable in its user, numbers and ports."""
    service = step.service
    path = ("services", service.name)
    service = _settle_numbers(scene, service)
    if "$" in service.user:
        service = replace(service, user=scene.fill(service.user, (*path, "user")))
    publish = tuple(
        replace(
            port,
            address=scene.fill(port.address, (*path, "publish")),
            published=scene.fill(port.published, (*path, "publish")),
            target=scene.fill(port.target, (*path, "publish")),
        )
        for port in service.publish
    )
    return replace(step, service=replace(service, publish=publish))


def _settle_numbers(scene: Scene, service: Service) -> Service:
    """Numbers by their defaults, which a check has read before."""
    try:
        return fill_numbers(
            service, lambda text: scene.fill(text, ("services", service.name))
        )
    except ValueError as error:
        scene.faults.add("variable-on-cluster", str(error), ("services", service.name))
        return service
