"""What Composes said of stacks that fail: each blames the right service.

The lines were recorded by ``scripts/runtimes``, from the stacks that it tries.
"""

import re
from pathlib import Path

import pytest

from composegen.places.engine.compose_lines import was_gate
from composegen.places.engine.containers import Status
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.giving_up import explain_compose
from composegen.places.engine.noting import make_notes
from composegen.planning.plan import make_plan
from tests.enginefakes import FakeEngine, make_container
from tests.stacks import load_only

RECORDED = Path(__file__).parent / "recorded"
STACKS = Path(__file__).parents[3] / "scripts" / "runtimes" / "stacks" / "failing"
PROJECT = "demo"
STARTS = ("port-taken", "device-missing", "user-unknown")
"""What is refused when a container starts: the engine notes it there."""
BUILDS = ("build-fails",)
"""Where Compose is called for the services that are built alone."""
WORDS = {
    "NAME": PROJECT,
    "PORT": "21501",
    "REGISTRY": "127.0.0.1:21510",
    "FOLDER": "/stack",
    "ID": "sha256:0",
}
CASES = [
    pytest.param(path.parent.name, path.stem, id=f"{path.parent.name}-{path.stem}")
    for path in sorted(RECORDED.glob("*/*.txt"))
]


def fill(text):
    for word, value in WORDS.items():
        text = text.replace(f"@{word}@", value)
    return text


def read(version, name):
    """The notes of a stack, what is expected of it, and what Compose said."""
    text = fill((STACKS / name / "stack.yaml").read_text())
    culprit, cause = re.match(r"# culprit:(.*)\n# cause:(.*)\n", text).groups()
    files = {
        path.name: path.read_text()
        for path in (STACKS / name).iterdir()
        if path.name != "stack.yaml"
    }
    notes = make_notes(make_plan(load_only(text, files)), PROJECT, Endpoint())
    lines = fill((RECORDED / version / f"{name}.txt").read_text()).splitlines()
    return notes, culprit.strip(), cause.strip(), lines


def find_engine(name, lines):
    """The engine, which notes at a container why its start was refused."""
    error = lines[-1].removeprefix("Error response from daemon: ")
    container = make_container(
        "alpha", name=f"{PROJECT}-alpha-1", status=Status.CREATED, error=error
    )
    beta = make_container("beta", name=f"{PROJECT}-beta-1")
    found = [beta, container] if name in STARTS else []
    return FakeEngine(found, publishers={21501: "other-web-1"})


def test_both_composes_were_recorded_for_the_same_stacks():
    versions = {path.name for path in RECORDED.iterdir()}
    assert versions == {"2.40.3", "5.6.0"}
    old, new = (
        {path.stem for path in (RECORDED / each).iterdir()} for each in sorted(versions)
    )
    assert old == new
    assert len(old) >= 10


@pytest.mark.parametrize(("version", "name"), CASES)
def test_the_right_service_is_blamed(version, name, tmp_path):
    notes, culprit, cause, lines = read(version, name)
    assert not was_gate(lines)
    built = [] if name not in BUILDS else ["alpha"]

    reasons = explain_compose(
        find_engine(name, lines), notes, tmp_path, lines, among=built
    ).reasons

    [reason] = [each for each in reasons if each.service == culprit]
    assert re.search(cause, reason.failure.cause)
    assert len(reasons) == 1
