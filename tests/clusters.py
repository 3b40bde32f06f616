"""Renders small stacks for a cluster, and reads the objects back as a cluster does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from composegen.errors import Problem, ProblemsFound
from composegen.planning.addressing import ClusterAddressing
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.records import replace
from composegen.stackfile.load import load_stack
from composegen.targets.files import Cluster, File, Options
from composegen.targets.kubernetes.hostpaths import look_at_paths
from composegen.targets.kubernetes.render import render_plan
from tests.stacks import Files, make_stack, write_files

USER = 'user: "10001:10001"\n'
APP = f"image: python:3.13-slim\nport: 8000\nhealth: /health\n{USER}"
"""The keys of a service that every cluster takes."""

Object = dict[str, Any]
Objects = dict[tuple[str, str], Object]
"""The objects of a rendered file, by kind and name."""


def name_stack(**services: str) -> str:
    """A stack with a name, of services that are given as the text of their keys."""
    return f"name: shop\n{make_stack(**services)}"


def render_files(
    stack: str,
    *,
    cluster: Cluster | None = None,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    files: Files | None = None,
) -> tuple[File, File]:
    """Both files of a stack. Raises ProblemsFound for what a cluster cannot take."""
    selection = Selection(added=added, removed=removed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, {**(files or {}), "stack.yaml": stack})
        loaded = load_stack(
            folder / "stack.yaml",
            "stack.yaml",
            selection=selection,
            target="kubernetes",
        )
        plan = make_plan(loaded.stack, selection, addressing=ClusterAddressing())
        asked = replace(cluster or Cluster(), paths=look_at_paths(plan, folder))
        return render_plan(plan, Options(cluster=asked))


def read_objects(stack: str, **options: Any) -> Objects:
    """The objects of a stack, as any YAML reader understands them."""
    return split_objects(render_files(stack, **options)[0].text)


def split_objects(text: str) -> Objects:
    """The objects of a rendered file; no two have one kind and name."""
    found: Objects = {}
    for each in yaml.safe_load_all(text):
        key = (each["kind"], each["metadata"]["name"])
        assert key not in found, key
        found[key] = each
    return found


def read_kustomization(stack: str, **options: Any) -> Object:
    """The kustomization of a stack."""
    data: Object = yaml.safe_load(render_files(stack, **options)[1].text)
    return data


def find_workload(objects: Objects, name: str = "app") -> Object:
    """The object that runs a service."""
    kinds = ("Deployment", "StatefulSet", "Job")
    found = [objects[kind, name] for kind in kinds if (kind, name) in objects]
    (workload,) = found
    return workload


def read_pod(stack: str, name: str = "app", **options: Any) -> Object:
    """The specification of a service's pod."""
    pod: Object = find_workload(read_objects(stack, **options), name)["spec"][
        "template"
    ]["spec"]
    return pod


def read_app(keys: str = "", **options: Any) -> Object:
    """The main container of the service ``app``, about which there is nothing to say.

    ``keys`` are added to those that it has.
    """
    container: Object = read_pod(name_stack(app=APP + keys), **options)["containers"][0]
    return container


def read_app_pod(keys: str = "", **options: Any) -> Object:
    """The pod of the service ``app``."""
    return read_pod(name_stack(app=APP + keys), **options)


def list_lost(stack: str, **options: Any) -> list[str]:
    """What is lost on the way to a cluster, a line each."""
    return [*render_files(stack, **options)[0].lost]


def refuse(stack: str, **options: Any) -> list[Problem]:
    """The problems of a stack that a cluster cannot take."""
    try:
        render_files(stack, **options)
    except ProblemsFound as found:
        return [*found.problems]
    raise AssertionError("it was rendered")


def list_refusals(stack: str, **options: Any) -> list[tuple[str, int]]:
    """Name and line of each problem."""
    return [
        (problem.name, problem.location.line) for problem in refuse(stack, **options)
    ]
