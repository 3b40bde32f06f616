"""How a plan is rendered for a cluster: what its folder adds to what was asked for."""

from __future__ import annotations

from pathlib import Path

from composegen.planning.addressing import name_on_cluster
from composegen.planning.plan import Plan
from composegen.records import replace
from composegen.targets.files import Cluster, Options
from composegen.targets.kubernetes.hostpaths import look_at_paths
from composegen.workspace.lockfile import choose_pins, read_lock


def choose_options(plan: Plan, folder: Path, asked: Cluster, name: str) -> Options:
    """The options for a plan: with the images that were pushed, and what is mounted.

    Raises FileRefused for the lock file.
    """
    pins = choose_pins(
        plan,
        read_lock(folder),
        project=name_on_cluster(plan.stack.name),
        registry=asked.registry,
        tag=asked.tag,
    )
    cluster = replace(asked, pins=pins, paths=look_at_paths(plan, folder))
    return Options(name=name, cluster=cluster)
