"""A data store has one volume, and that is where its image keeps the data."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.stacks import find, list_names, load_services, make_stack

STORES = {
    "postgres": "use: postgres\nenvironment: {POSTGRES_HOST_AUTH_METHOD: trust}\n",
    "mysql": "use: mysql\nenvironment: {MYSQL_ALLOW_EMPTY_PASSWORD: 'yes'}\n",
    "redis": "use: redis\n",
    "mongo": "use: mongo\n",
}


def write(recipe: str, keys: str) -> str:
    return make_stack(db=STORES[recipe] + keys)


def list_targets(text: str) -> list[tuple[str, str]]:
    """The mounts of the store: source and target."""
    mounts = load_services(text)["db"].volumes
    return [(mount.source, mount.target) for mount in mounts]


# What is not known is said


@pytest.mark.parametrize(
    ("recipe", "image"),
    [
        ("postgres", "bitnami/postgresql:17"),
        ("postgres", "supabase/postgres:15.8.1.060"),
        ("postgres", "example.com/team/postgres:17"),
        ("postgres", "postgres:${TAG}"),
        ("postgres", "postgres:nightly"),
        ("postgres", "postgres@sha256:" + 64 * "a"),
        ("postgres", "pgvector/pgvector:0.8.0"),
        ("postgres", "timescale/timescaledb:latest"),
        ("redis", "redis/redis-stack-server:7.4.0-v3"),
        ("mysql", "linuxserver/mariadb:11"),
        ("mongo", "bitnami/mongodb:8.0"),
    ],
)
def test_an_unknown_folder_is_an_error_that_names_the_line(
    recipe: str, image: str
) -> None:
    text = write(recipe, f"image: '{image}'")
    problem = find("unknown-data-folder", text)

    assert problem.level is Level.ERROR
    assert problem.location.line == 5 - (recipe in {"redis", "mongo"})
    line = problem.help.rpartition("\n")[2]
    assert line.startswith("volumes: [db-data:/")
    assert "unknown-data-folder" not in list_names(f"{text}    {line}\n")


def test_a_base_that_is_not_known_is_unknown_too() -> None:
    text = write("redis", "build: .")

    assert "unknown-data-folder" in list_names(text, {"Dockerfile": "FROM a:1\n"})
    assert list_names(text, {"Dockerfile": "FROM redis:8\n"}) == []


def test_another_recipes_image_with_the_same_folder_is_known() -> None:
    text = write("redis", "image: valkey/valkey:8-alpine")

    assert list_names(text) == ["foreign-image"]
    assert list_targets(text) == [("db-data", "/data")]


def test_a_folder_that_is_named_is_the_only_volume() -> None:
    text = write("postgres", "image: bitnami/postgresql:17\nvolumes: [d1:/bitnami]")

    assert list_targets(text) == [("d1", "/bitnami")]


@pytest.mark.parametrize(
    "mount",
    ["./i.sql:/docker-entrypoint-initdb.d/i.sql", "d1:/data:ro", "./c.conf:/etc/c"],
)
def test_a_mount_that_holds_no_data_names_no_folder(mount: str) -> None:
    text = write("postgres", f"image: bitnami/postgresql:17\nvolumes: ['{mount}']")

    assert "unknown-data-folder" in list_names(text)


def test_a_store_whose_volumes_are_taken_away_is_left_alone() -> None:
    text = write("postgres", "image: bitnami/postgresql:17\nvolumes: null")

    assert "unknown-data-folder" not in list_names(text)


# A mount of one's own


@pytest.mark.parametrize("source", ["db-data", "mine", "./pg"])
def test_one_volume_where_18_does_not_expect_it_is_mounted_once(source: str) -> None:
    text = write(
        "postgres",
        f"image: postgres:18\nvolumes: ['{source}:/var/lib/postgresql/data']",
    )
    problem = find("old-data-folder", text)

    assert list_targets(text) == [(source, "/var/lib/postgresql/data")]
    assert problem.level is Level.WARNING
    assert problem.location.line == 6
    assert "volumes: [db-data:/var/lib/postgresql]" in problem.help


def test_raw_volumes_count_too() -> None:
    raw = "compose: {volumes: ['mine:/var/lib/postgresql/data']}"

    text = write("postgres", f"image: postgres:18\n{raw}")

    assert list_targets(text) == []
    assert "old-data-folder" in list_names(text)


def test_a_trailing_slash_does_not_matter() -> None:
    text = write("postgres", "image: postgres:17\nvolumes: ['x1:/var/lib/postgresql/']")

    assert "wrong-data-folder" in list_names(text)


@pytest.mark.parametrize(
    ("recipe", "image", "target", "wanted"),
    [
        ("postgres", "postgres:17", "/var/lib/postgresql", "/var/lib/postgresql/data"),
        ("postgres", "pgvector/pgvector:pg16", "/var/lib", "/var/lib/postgresql/data"),
        ("mongo", "mongo:8", "/data", "/data/db"),
        ("mysql", "mysql:8.4", "/var/lib", "/var/lib/mysql"),
    ],
)
def test_a_mount_above_the_folder_of_the_data_is_an_error(
    recipe: str, image: str, target: str, wanted: str
) -> None:
    text = write(recipe, f"image: {image}\nvolumes: ['mine:{target}']")
    problem = find("wrong-data-folder", text)

    assert problem.level is Level.ERROR
    assert f"volumes: [db-data:{wanted}]" in problem.help


def test_a_mount_above_does_not_matter_where_the_folder_has_its_own() -> None:
    mounts = "['a1:/var/lib/postgresql', 'b1:/var/lib/postgresql/data']"
    text = write("postgres", f"image: postgres:17\nvolumes: {mounts}")

    assert "wrong-data-folder" not in list_names(text)


@pytest.mark.parametrize("mount", ["./r.conf:/data/r.conf:ro", "x1:/data/modules"])
def test_something_below_the_folder_takes_no_volume_away(mount: str) -> None:
    text = write("redis", f"image: redis:8\nvolumes: ['{mount}']")

    assert list_names(text) == []
    assert ("db-data", "/data") in list_targets(text)


def test_the_recipes_own_volume_in_another_place_is_an_error() -> None:
    text = write("redis", "image: redis:8\nvolumes: ['db-data:/data/sub']")

    assert "wrong-data-folder" in list_names(text)


def test_a_mount_for_another_image_of_the_family_is_reported_and_replaces_nothing() -> (
    None
):
    mount = "mine:/var/lib/postgresql/data"
    image = "timescale/timescaledb-ha:pg17"
    text = write("postgres", f"image: {image}\nvolumes: ['{mount}']")

    assert "old-data-folder" in list_names(text)
    assert ("db-data", "/home/postgres/pgdata/data") in list_targets(text)


# A variable that moves the data


def move(folder: str, keys: str) -> str:
    variables = f"{{POSTGRES_HOST_AUTH_METHOD: trust, PGDATA: {folder}}}"
    return make_stack(db=f"use: postgres\nenvironment: {variables}\n{keys}")


def test_the_variable_makes_an_old_folder_right() -> None:
    text = move(
        "/var/lib/postgresql/data",
        "image: postgres:18\nvolumes: ['x1:/var/lib/postgresql/data']",
    )

    assert list_names(text) == []
    assert list_targets(text) == [("x1", "/var/lib/postgresql/data")]


def test_a_folder_below_the_recipes_volume_is_kept_there() -> None:
    text = move("/var/lib/postgresql/data/pg", "image: postgres:17")

    assert list_names(text) == []
    assert list_targets(text) == [("db-data", "/var/lib/postgresql/data")]


def test_a_folder_without_a_volume_is_an_error() -> None:
    problem = find("unknown-data-folder", move("/pg", "image: postgres:17"))

    assert "(PGDATA)" in problem.message
    assert problem.help == "volumes: [db-data:/pg]"
