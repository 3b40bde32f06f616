"""Data of a derivative of a data store outlives its containers, on a real engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.engine import run_well
from tests.e2e.images import Images
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.engine

POSTGRES = "postgres:17"
DERIVATIVE = f"{uuid4().hex}.test/pgvector/pgvector:0.8.0-pg17"
STORES = {
    "redis:8-alpine": ("redis", "/data", {}),
    POSTGRES: (
        "postgres",
        "/var/lib/postgresql/data",
        {"POSTGRES_HOST_AUTH_METHOD": "trust"},
    ),
    "postgres:18-alpine": (
        "postgres",
        "/var/lib/postgresql",
        {"POSTGRES_HOST_AUTH_METHOD": "trust"},
    ),
    "mariadb:11": (
        "mariadb",
        "/var/lib/mysql",
        {"MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": "1"},
    ),
}
IMAGES = [*STORES]
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
    try:
        with Stack(tmp_path) as made:
            yield made
    finally:
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
    volumes = {
        each["Destination"]: each["Name"] for each in mounts if each["Type"] == "volume"
    }
    assert volumes == {"/var/lib/postgresql/data": f"{stack.name}_db-data"}
    declared = run_well(
        "docker", "image", "inspect", "-f", "{{json .Config.Volumes}}", DERIVATIVE
    )
    assert list(json.loads(declared)) == ["/var/lib/postgresql/data"]

    assert stack.composegen("down").code == 0
    stack.up_well()

    assert stack.read_output("count").strip() == "2"


@pytest.mark.parametrize("image", STORES)
def test_a_folder_that_docker_made_gets_its_owner_by_the_printed_command(
    images: Images, tmp_path: Path, image: str
) -> None:
    images.have(image)
    recipe, target, variables = STORES[image]
    db: dict[str, Any] = {
        "use": recipe,
        "image": image,
        "environment": variables,
        "volumes": [f"./kept:{target}"],
    }
    if recipe == "redis":
        db["command"] = ["redis-server", "--appendonly", "yes"]
    with Stack(tmp_path) as stack:
        stack.write({"db": db})
        assert "warning[closed-bind-mount]" in stack.composegen("check").said

        said = stack.up_in_vain()
        assert f"may not write {target}: {stack.folder / 'kept'}" in said.said, said
        [command] = set(re.findall(r"^ +(docker run .*)$", said.said, re.MULTILINE))
        run_well("sh", "-c", command)

        assert "closed-bind-mount" not in stack.composegen("check").said
        stack.up_well()
    run_well(
        "docker",
        "run",
        "--rm",
        "--user",
        "0",
        "--entrypoint",
        "rm",
        *[*("-v", f"{tmp_path}:/x", image, "-rf", "/x/kept")],
    )
