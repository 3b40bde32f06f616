"""What a plan means on a cluster: names of images, variables that a Secret carries.

A rendered file holds no value of the environment. What only the environment can say
is written into files below the folder of secrets, which kustomize reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from composegen.model import SECRET_FOLDER, Service
from composegen.planning.addressing import DEFAULT_TAG, name_on_cluster
from composegen.planning.plan import Plan, Step
from composegen.records import record
from composegen.values import has_variables

VARIABLES_FILE = f"{SECRET_FOLDER}/kubernetes.env"
"""Where the values of a plan's variables are kept for a cluster."""


@record
class ClusterVariable:
    """A variable of a service whose value stands in a Secret, below ``key``.

    ``text`` is what has to be filled in; None passes the variable of that name on.
    """

    service: str
    name: str
    key: str
    text: str | None


def list_variables(plan: Plan) -> tuple[ClusterVariable, ...]:
    """The variables of a plan that only the environment can fill, in its order."""
    return tuple(each for step in plan.steps for each in list_of_step(step))


def list_of_step(step: Step) -> Iterator[ClusterVariable]:
    """Those of one step."""
    for name, text in step.environment.items():
        if text is None or has_variables(text):
            yield ClusterVariable(
                service=step.name,
                name=name,
                key=f"{name_on_cluster(step.name)}.{name}",
                text=text,
            )


def name_variables_file(service: Service) -> str:
    """Where the values of a service's env files are kept for a cluster."""
    return f"{SECRET_FOLDER}/kubernetes.{name_on_cluster(service.name)}.env"


def list_files(plan: Plan) -> tuple[str, ...]:
    """The files of values that a plan needs on a cluster, but for those of secrets."""
    own = [VARIABLES_FILE] if list_variables(plan) else []
    services = (step.service for step in plan.steps)
    return (*own, *(name_variables_file(each) for each in services if each.env_file))


def name_image(
    project: str, service: Service, *, registry: str = "", tag: str = DEFAULT_TAG
) -> str:
    """The image of a service that is built, as a cluster pulls it.

    A service that names its image too is pulled by that name, as it is written.
    """
    if service.image:
        return service.image
    name = f"{project}-{name_on_cluster(service.name)}:{tag}"
    return f"{registry.rstrip('/')}/{name}" if registry else name
