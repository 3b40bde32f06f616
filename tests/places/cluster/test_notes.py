"""What `up` notes of a cluster is read back whole, or not at all."""

from __future__ import annotations

import json
import math

import pytest

from composegen.places.cluster.contexts import Where
from composegen.places.cluster.notes import (
    FILE,
    NotedExclusion,
    NotedStop,
    load_notes,
    read_notes,
    write_notes,
)
from composegen.places.events import Failure
from composegen.records import replace
from composegen.workspace.state import STATE_FOLDER, NotTrusted
from tests.clusterfakes import SERVER, make_noted, make_notes

NOTES = make_notes(
    make_noted("web", "db", optional=("cache",), without=("cache",)),
    make_noted("cache", is_required=False),
    make_noted("db", definition="abc", is_built=True),
    flags="--without queue",
    limit=60.0,
    made_namespace=True,
    left_out=({"service": "queue", "reason": "r", "instead": ["web: A=b"]},),
    stopped=(NotedStop(service="db", replicas=2),),
    excluded=(
        NotedExclusion(
            service="cache",
            reason="not healthy within 60s",
            failure=Failure(service="cache", reason="r", cause="c", lines=("a",)),
            instead=("web: A=b",),
        ),
    ),
)


def change(folder, **fields):
    """Write notes in which some fields are others, at the top or of a service."""
    write_notes(folder, NOTES)
    path = folder / STATE_FOLDER / FILE
    data = json.loads(path.read_text())
    for name, value in fields.items():
        where = data["services"][0] if name.startswith("services_") else data
        where[name.removeprefix("services_")] = value
    path.write_text(json.dumps(data))


def test_what_is_written_is_read_back(tmp_path):
    write_notes(tmp_path, NOTES)

    found = load_notes(tmp_path)

    assert found.at
    assert replace(found, at="") == NOTES
    assert found.where == Where(context="lab", server=SERVER, namespace="demo")


@pytest.mark.parametrize(
    "name",
    [
        *("project", "context", "server", "namespace", "made_namespace", "file"),
        *("flags", "began", "limit", "services", "left_out", "stopped", "excluded"),
        *(f"services_{name}" for name in ("name", "object", "is_required", "boot")),
        *(f"services_{name}" for name in ("replicas", "port", "needs", "without")),
    ],
)
@pytest.mark.parametrize(
    "value", [{"a": [1]}, [[1]], [{"service": 1}], math.nan, 1 << 70, [None]]
)
def test_no_field_may_be_of_another_kind(name, value, tmp_path):
    change(tmp_path, **{name: value})

    with pytest.raises(NotTrusted):
        load_notes(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"context": ""},
        {"context": "--kubeconfig=evil"},
        {"namespace": "--all-namespaces"},
        {"namespace": "Demo"},
        {"services_name": "../x"},
        {"services_name": "--help"},
        {"services_object": "web,db"},
        {"services_object": "-l"},
        {"services_without": ["a b"]},
        {"services_needs": [{"service": "a/b", "is_optional": True}]},
        {"excluded": [{"service": "unknown", "reason": "r"}]},
        {"form": 2},
        {"more": 1},
    ],
)
def test_names_that_mean_something_else_to_kubectl_are_not_read(fields, tmp_path):
    change(tmp_path, **fields)

    with pytest.raises(NotTrusted):
        load_notes(tmp_path)
    assert read_notes(tmp_path) is None
