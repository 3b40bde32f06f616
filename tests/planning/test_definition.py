"""Whether a service is made from what it was made from before."""

import subprocess
import sys
from pathlib import Path

import pytest

from composegen.planning.definition import digest_definition
from tests.stacks import load_only

ROOT = Path(__file__).parents[2]
STACK = """
services:
  web:
    image: python:3.12-slim
    publish: 8000
    env_file: [a.env, b.env]
    environment: {A: "1", B: "2"}
    health: {http: /, boot: 20s}
    needs: {db: DB_URL}
  db:
    image: python:3.12-slim
    port: 5432
    health: {tcp: true}
    needs: {disk: {until: started}}
  disk: {image: "python:3.12-slim", health: {none: it waits}}
"""
OTHER = "{image: 'python:3.12-slim', health: {none: it waits}}"
AGAIN = """
import sys
from pathlib import Path
from composegen.planning.definition import digest_definition
from composegen.stackfile.load import load_stack
stack = load_stack(Path("stack.yaml"), "stack.yaml").stack
sys.stdout.write(digest_definition(stack.services, "web"))
"""


def digest(text, name="web"):
    return digest_definition(load_only(text).services, name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("boot: 20s", "boot: 30s"),
        ('A: "1"', 'A: "3"'),
        ("DB_URL", "DB_ADDRESS"),
        ("5432", "5433"),  # its own variables name it
        ("b.env", "c.env"),
    ],
)
def test_a_change_of_a_service_or_of_what_it_needs_is_seen(old, new):
    assert digest(STACK) != digest(STACK.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("services:", "# a comment\n\nservices:"),
        ("  disk: {image", "  disk: {labels: {a: b}, image"),
        ("services:", f"services:\n  more: {OTHER}"),
    ],
)
def test_what_it_has_no_part_in_is_not_seen(old, new):
    assert digest(STACK) == digest(STACK.replace(old, new))


def test_it_is_the_same_in_every_process(tmp_path):
    (tmp_path / "stack.yaml").write_text(STACK)
    for seed in ("1", "2"):
        said = subprocess.run(
            [sys.executable, "-c", AGAIN],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == digest(STACK)
