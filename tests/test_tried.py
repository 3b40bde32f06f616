"""Every cause that has a help is tried by a test that carries its name."""

import ast
from pathlib import Path

import pytest

from composegen.places.cluster.cause import CauseName as OnCluster
from composegen.places.engine.cause import CauseName as OnEngine
from composegen.places.processes.cause import CauseName as AsProcess

ROOT = Path(__file__).parents[1]

# What no test can do to a machine, or what offers no help that could be tried.
NOT_TRIED = {
    OnEngine: {
        "HOST_FOLDER_DENIED": "the folder is on the machine of another engine",
        "START_REFUSED": "the engine's own words, without a help",
        "BOOT_NOT_OVER": "without a help",
        "SILENT_AGAIN": "without a help",
        "UP_NOW": "it has to become ready while `up` ends",
        "ENGINE_LOST": "it would take the engine away from other tests",
        "ADDRESSES_EXHAUSTED": "it would take the networks of everything else here",
        "DISK_FULL": "it would fill the disk of this machine",
        "COMPOSE_TOO_OLD": "it needs another Compose",
        "NO_INIT": "it needs Podman, without the program",
        "NO_BUILDX": "it needs a machine without buildx",
    },
    AsProcess: {
        "KILLED": "without a help",
        "PERMISSION_DENIED": "without a help",
        "PORT_HELD": "a taken port is refused before, but for a moment",
        "SYSTEM_REFUSED": "a limit of this machine; its table has tests of its own",
        "STORE_REFUSED": "docker's own words, without a help",
        "STORE_PORT_TAKEN": "a taken port is refused before, but for a moment",
        "STORE_ENGINE_SILENT": "it would take the engine away from other tests",
    },
    OnCluster: {
        "NO_NODE": "it needs a second node, or a taint on the one that all tests use",
        "RUNS_AS_ROOT": "such a stack is refused before, but for an image that lies",
        "MOUNT_FAILED": "without a help",
        "START_REFUSED": "without a help",
        "JOB_FAILED": "its pod has to be removed in the moment that it fails",
        "GATE_FAILED": "the tool of a gate is known to be in its image",
        "EVICTED": "it would take the node away from other tests",
    },
}
PLACES = [
    pytest.param(OnEngine, "engine", "tests/e2e", id="engine"),
    pytest.param(AsProcess, "processes", "tests", id="processes"),
    pytest.param(OnCluster, "cluster", "tests/e2e/kubernetes", id="cluster"),
]


def read(folder, pattern="*.py"):
    paths = sorted((ROOT / folder).rglob(pattern))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def list_members(tree, kind):
    """The names of `CauseName.NAME`, or `kind.NAME`, in a tree, but those in sets."""
    in_sets = {
        member
        for node in ast.walk(tree)
        if isinstance(node, ast.Set)
        for member in node.elts
    }
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node not in in_sets
        and isinstance(node.value, ast.Name)
        and node.value.id == kind
    ]


def list_tried(folder, kind):
    """The names that are arguments of `tries(..)`."""
    found = set()
    for tree in read(folder, "test_*.py"):
        imported = any(
            isinstance(node, ast.ImportFrom) and kind in (node.module or "")
            for node in ast.walk(tree)
        )
        for node in ast.walk(tree) if imported else ():
            if isinstance(node, ast.Call) and "tries" in ast.unparse(node.func):
                found.update(*(list_members(arg, "CauseName") for arg in node.args))
    return found


@pytest.mark.parametrize(("names", "place", "tests"), PLACES)
def test_the_help_of_each_cause_is_tried(names, place, tests):
    module = f"places.{place}.cause"
    known = {each.name for each in names}
    assert list_tried(tests, module) == known - NOT_TRIED[names].keys()


@pytest.mark.parametrize(("names", "place", "tests"), PLACES)
def test_a_name_belongs_to_one_cause(names, place, tests):
    """One that is used twice would pass for tried with a help that never was."""
    del tests
    used = [
        name
        for tree in read(f"composegen/places/{place}")
        for name in list_members(tree, "CauseName")
    ]
    assert sorted(used) == sorted(each.name for each in names)


@pytest.mark.parametrize("place", ["engine", "processes", "cluster"])
def test_a_cause_has_a_name(place):
    """What is written as a text in place of a name could not be tried."""
    unnamed = [
        ast.unparse(node)
        for tree in read(f"composegen/places/{place}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Cause"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert unnamed == []
