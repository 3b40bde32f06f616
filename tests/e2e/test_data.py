"""Data of a derivative of a data store outlives its containers, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run_well
from tests.e2e.images import Images
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.engine

POSTGRES = "postgres:17"
DERIVATIVE = "composegen.test/pgvector/pgvector:0.8.0-pg17"
IMAGES = [POSTGRES]
COUNT = (
    'psql "$(cat "$URL_FILE")" -qAtc '
    '"create table if not exists t (a int); insert into t values (1); '
    'select count(*) from t"'
)


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack on an image that is named as a derivative and built on Postgres."""
    images.have(POSTGRES)
    run_well("docker", "tag", POSTGRES, DERIVATIVE)
    with Stack(tmp_path) as made:
        yield made
    run_well("docker", "image", "rm", DERIVATIVE)


def write(stack: Stack) -> None:
    db = {
        "use": "postgres",
        "image": DERIVATIVE,
        "secrets": {"db-password": "POSTGRES_PASSWORD_FILE"},
    }
    count = {
        "image": POSTGRES,
        "job": True,
        "command": ["sh", "-c", COUNT.replace("$", "$$")],
        "needs": {"db": {"URL_FILE": "{url_file}"}},
    }
    stack.write({"db": db, "count": count}, secrets={"db-password": {"generate": True}})


def test_its_data_is_there_after_down_and_up(stack: Stack) -> None:
    write(stack)
    stack.up_well()
    assert stack.read_output("count").strip() == "1"
    mounts = stack.inspect("db")["Mounts"]
    volumes = {each["Destination"]: each["Name"] for each in mounts if each["Name"]}
    assert volumes == {"/var/lib/postgresql/data": f"{stack.name}_db-data"}
    declared = run_well(
        "docker", "image", "inspect", "-f", "{{json .Config.Volumes}}", DERIVATIVE
    )
    assert list(json.loads(declared)) == ["/var/lib/postgresql/data"]

    assert stack.composegen("down").code == 0
    stack.up_well()

    assert stack.read_output("count").strip() == "2"
