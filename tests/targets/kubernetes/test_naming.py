"""Two things never get one name on a cluster, and none a name that it cannot have."""

from __future__ import annotations

import pytest

from tests.clusters import APP, USER, list_refusals, name_stack, read_objects, refuse

KEYS = APP.replace("\n", "\n    ").rstrip()


def write(*names: str, keys: str = "") -> str:
    """A stack of services that have these names."""
    lines = [f"  {name}:\n    {KEYS}\n" for name in names]
    return f"name: shop\nservices:\n{''.join(lines)}{keys}"


@pytest.mark.parametrize(
    ("first", "second"), [("a_b", "a-b"), ("a.b", "a_b"), ("a.b", "a-b")]
)
def test_two_services_of_one_name_are_refused(first: str, second: str) -> None:
    (problem,) = refuse(write(first, second))

    assert problem.name == "name-on-cluster"
    assert f"`{first}` and `{second}`" in problem.message


@pytest.mark.parametrize("name", ["3scale", "web-", "a" * 53])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    assert list_refusals(write(name)) == [("name-on-cluster", 3)]


@pytest.mark.parametrize("name", ["Web", "a", "a" * 52, "my_api.v2"])
def test_other_names_are_taken(name: str) -> None:
    read_objects(write(name))


def test_an_alias_that_is_another_service_there_is_refused() -> None:
    stack = write("a_b", keys=f"  web:\n    {KEYS}\n    aliases: [a-b]\n")

    (problem,) = refuse(stack)
    assert "`a_b` and `a-b` are both `a-b`" in problem.message


def test_a_service_with_the_name_of_its_gate_is_refused() -> None:
    stack = write("db", keys=f"  wait-db:\n    {KEYS}\n    needs: [db]\n")

    (problem,) = refuse(stack)
    assert problem.name == "name-on-cluster"
    assert "the gate of `wait-db` for `db`" in problem.message


def test_a_stack_without_a_name_is_refused() -> None:
    (problem,) = refuse(write("app").removeprefix("name: shop\n"))

    assert problem.name == "name-on-cluster"
    assert "name: shop" in problem.help


def test_the_name_of_a_stack_must_be_one_of_a_namespace() -> None:
    assert list_refusals(write("app").replace("shop", "shop_")) == [
        ("name-on-cluster", 1)
    ]


@pytest.mark.parametrize(
    "secrets",
    [
        "{A_B: A_FILE, a-b: none}",
        "{shop-env: none}",
        "{shop_env_for-jobs: none}",
        "{key-: none}",
    ],
)
def test_secrets_of_one_name_and_of_impossible_ones_are_refused(secrets: str) -> None:
    problems = refuse(name_stack(app=f"{APP}secrets: {secrets}\n"))

    assert [problem.name for problem in problems] == ["name-on-cluster"]


@pytest.mark.parametrize("volumes", [("a_b", "a-b"), ("data-",), ("x" * 64,)])
def test_so_are_volumes(volumes: tuple[str, ...]) -> None:
    mounts = ", ".join(f"{name}:/{name}" for name in volumes)
    stack = name_stack(app=f"{APP}volumes: [{mounts}]\n")
    stack += "volumes:\n" + "".join(f"  {name}:\n" for name in volumes)

    problems = refuse(stack)
    assert [problem.name for problem in problems] == ["name-on-cluster"]


def test_the_host_in_the_file_of_a_url_must_be_the_name_on_the_cluster() -> None:
    """One file serves all places: it cannot hold two hosts."""
    stack = f"""\
name: shop
services:
  app:
    image: python:3.13-slim
    port: 8000
    health: /health
    {USER.strip()}
    needs: {{my_db: {{DSN_FILE: "{{url_file}}"}}}}
  my_db:
    use: postgres
    secrets: {{db-password: POSTGRES_PASSWORD_FILE}}
secrets: {{db-password: {{generate: true}}}}
"""

    assert list_refusals(stack) == [("name-on-cluster", 9)]
    read_objects(stack.replace("my_db", "MyDB"))
