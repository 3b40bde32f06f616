"""Images are got before anything is started; one that is optional stops nothing."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composegen.places.engine.compose import Project
from composegen.places.engine.containers import ImageBuild
from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.noting import make_notes
from composegen.places.engine.supply import Supply
from composegen.workspace.workspace import Workspace
from tests.enginefakes import FakeEngine
from tests.rendering import plan
from tests.stacks import APP, make_stack

DOCKER = """\
#!/usr/bin/python3 -IS
# Compose for one call: it notes its words, and says what is wrong with an image.
import json, pathlib, sys
home = pathlib.Path(__file__).parent
words = sys.argv[sys.argv.index("--file") + 2:]
with open(home / "calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
wrong = json.loads((home / "wrong").read_text())
failed = [name for name in words if name in wrong]
for name in failed:
    print(wrong[name], file=sys.stderr)
with open(home / "pulled", "a") as pulled:
    pulled.write("".join(f"{name} " for name in words if name not in wrong))
if failed and "--ignore-pull-failures" not in words:
    sys.exit(1)
"""

WEB = f"{APP}needs: {{cache: {{otherwise: {{}}}}, queue: {{otherwise: {{}}}}}}\n"
STORE = "image: redis:7\nport: 6379\nhealth: {tcp: true, tool: bash}\n"
QUEUE = STORE.replace("redis:7", "redis:8")


@dataclass
class Engine(FakeEngine):
    """An engine that has some images, and those that Compose has pulled."""

    images: set = field(default_factory=set)
    pulled: Path = Path()
    services: dict = field(default_factory=dict)

    def find_image(self, name):
        pulled = self.pulled.read_text().split() if self.pulled.exists() else ()
        is_there = name in self.images or self.services.get(name) in pulled
        return ImageBuild(id=name, exposed=()) if is_there else None


class Supplied:
    """What Compose was called for, and what is lost in the end."""

    def __init__(self, folder, stack, *, images=(), wrong=None, builds=True):
        made = plan(stack)
        (folder / "wrong").write_text(json.dumps(wrong or {}))
        program = folder / "docker"
        program.write_text(DOCKER)
        program.chmod(0o755)
        environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        endpoint = Endpoint(context="there")
        supply = Supply(
            Engine(
                images={*images},
                pulled=folder / "pulled",
                services={each.service.image: each.name for each in made.steps},
            ),
            Project(
                name="demo",
                folder=folder,
                endpoint=endpoint,
                text="services: {}\n",
                environment=environment,
            ),
            make_notes(made, "demo", endpoint),
            Workspace(folder / "stack.yaml", environment),
            lambda _: None,
            in_terminal=False,
        )
        self.given_up = supply.get(made, builds=builds)
        self.lost = {name: each.reason for name, each in supply.lost.items()}
        calls = folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else ()
        self.calls = [json.loads(line) for line in lines]


@pytest.fixture
def supply(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def get(stack, **options) -> Supplied:
        folder: Path = tmp_path
        return Supplied(folder, stack, **options)

    return get


def test_an_image_that_is_there_is_not_pulled(supply):
    stack = make_stack(web=APP, db=STORE)

    supplied = supply(stack, images=["redis:7"])

    assert supplied.given_up is None
    assert supplied.calls == [["pull", "--policy", "missing", "web"]]


def test_nothing_is_called_where_all_is_there(supply):
    assert supply(make_stack(db=STORE), images=["redis:7"]).calls == []


def test_a_required_image_that_cannot_be_pulled_is_the_end(supply):
    supplied = supply(make_stack(db=STORE), wrong={"db": "db Error no such image"})

    assert supplied.given_up is not None
    assert [each.service for each in supplied.given_up.reasons] == ["db"]
    assert supplied.lost == {}


def test_optional_images_are_pulled_together_and_each_is_lost_alone(supply):
    stack = make_stack(web=WEB, cache=STORE, queue=QUEUE)

    supplied = supply(stack, wrong={"cache": "cache Error no such image"})

    assert supplied.given_up is None
    assert supplied.calls[-1][:2] == ["pull", "--policy"]
    assert supplied.calls[-1][-2:] == ["cache", "queue"]
    assert supplied.lost == {"cache": "its image cannot be pulled"}


def test_required_images_are_got_before_optional_ones(supply):
    supplied = supply(make_stack(web=WEB, cache=STORE, queue=QUEUE))

    assert [call[-1] for call in supplied.calls] == ["web", "queue"]
    assert "--ignore-pull-failures" not in supplied.calls[0]


BUILT = "build: ./app\nport: 80\nhealth: {tcp: true, tool: bash}\n"


@pytest.mark.parametrize("builds", [True, False])
def test_images_are_built_unless_that_is_not_wanted(supply, builds):
    stack = make_stack(web=BUILT)

    supplied = supply(stack, builds=builds)

    assert supplied.calls == ([["build", "web"]] if builds else [])
