"""The objects of a stack as the cluster gets them: rendered, then put together.

kustomize, which is part of kubectl, reads secrets and files. It is shown a copy of the
rendered files, since what is applied need not be what lies next to the stack file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from composegen.errors import ClusterRefused
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.objects import (
    MANAGED_BY,
    NAME,
    OURS,
    PART_OF,
    read_labels,
)
from composegen.planning.plan import Plan
from composegen.records import record
from composegen.system.files import write_atomically
from composegen.targets.files import Options
from composegen.targets.table import TARGETS
from composegen.workspace.state import make_state_folder

Object = dict[str, Any]
"""An object of Kubernetes as plain data."""

_FOLDER = "kubernetes"
_UP = "../.."
_GENERATORS = ("secretGenerator", "configMapGenerator")
_WHOLE = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})


class _Loader(yaml.CSafeLoader):
    """Reads what kustomize writes: plain scalars as Kubernetes' own reader takes them.

    What that writes without quotes, and is no number and no truth value, is a text.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML has it


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first)
    )


@record
class Texts:
    """The rendered files: the objects, and what kustomize makes of them.

    ``lost`` are lines that say what a cluster does not carry.
    """

    objects: str
    kustomization: str
    lost: tuple[str, ...] = ()


def render_texts(plan: Plan, options: Options) -> Texts:
    """The rendered files of a plan. Raises ProblemsFound."""
    objects, kustomization = TARGETS["kubernetes"].render(plan, options)
    return Texts(
        objects=objects.text, kustomization=kustomization.text, lost=objects.lost
    )


def build_objects(
    kubectl: Kubectl, folder: Path, texts: Texts, where: Where
) -> list[Object]:
    """The objects of the rendered files, with the values that kustomize reads.

    They are meant for the namespace, whatever the files say. Raises ClusterRefused,
    ClusterUnreachable and FileRefused.
    """
    place = make_state_folder(folder, _FOLDER)
    files = {
        place / "kubernetes.yaml": texts.objects,
        place / "kustomization.yaml": json.dumps(
            _move_sources(yaml.load(texts.kustomization, _Loader)),  # noqa: S506
            indent=1,
        ),
    }
    try:
        for path, text in files.items():
            write_atomically(path, text, mode=0o600)
        said = kubectl.call(
            "kustomize", str(place), "--load-restrictor=LoadRestrictionsNone"
        )
    finally:
        for path in files:
            path.unlink(missing_ok=True)
    found = list(yaml.load_all(said.out, _Loader))
    return [_place(each, where) for each in found if each]


def _move_sources(kustomization: Mapping[str, Any]) -> Object:
    """The kustomization as it is seen from a folder below ours."""
    moved = dict(kustomization)
    for name in _GENERATORS:
        moved[name] = [_move_generator(each) for each in moved.get(name) or ()]
    moved["resources"] = ["kubernetes.yaml"]
    return {key: value for key, value in moved.items() if value}


def _move_generator(generator: Mapping[str, Any]) -> Object:
    moved = dict(generator)
    if "files" in moved:
        moved["files"] = [_move_file(each) for each in moved["files"]]
    if "envs" in moved:
        moved["envs"] = [f"{_UP}/{each}" for each in moved["envs"]]
    if "env" in moved:
        moved["env"] = f"{_UP}/{moved['env']}"
    return moved


def _move_file(text: str) -> str:
    key, equals, path = text.partition("=")
    return f"{key}={_UP}/{path}" if equals else f"{_UP}/{text}"


def _place(found: Object, where: Where) -> Object:
    """An object in a namespace; a binding binds an account of the same one."""
    if found.get("kind") in _WHOLE:
        raise ClusterRefused(f"a {found['kind']} belongs to no namespace")
    meta = {**found["metadata"], "namespace": where.namespace}
    placed = {**found, "metadata": meta}
    if "subjects" in placed:
        placed["subjects"] = [
            {**each, "namespace": where.namespace} for each in placed["subjects"]
        ]
    return placed


def write_list(objects: Iterable[Object]) -> str:
    """Objects as kubectl reads them from its standard input."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    return json.dumps(listed)


def find_project(objects: Iterable[Object]) -> str:
    """The project that the objects are part of."""
    projects = (read_labels(each).get(PART_OF, "") for each in objects)
    return next(filter(None, projects), "")


def is_of(found: Mapping[str, Any], project: str) -> bool:
    """Whether composegen has made an object for a project."""
    labels = read_labels(found)
    return labels.get(MANAGED_BY) == OURS and labels.get(PART_OF) == project


def name_object(found: Mapping[str, Any]) -> str:
    """An object as people read of it: `Service web`."""
    return f"{found.get('kind', '')} {found.get('metadata', {}).get('name', '')}"


def drop_services(objects: Iterable[Object], names: Iterable[str]) -> list[Object]:
    """The objects without those of some services, by the names of their objects."""
    dropped = {*names}
    return [each for each in objects if read_labels(each).get(NAME) not in dropped]
