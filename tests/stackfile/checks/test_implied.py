"""A variable that names a service as a host is a need, or a warning."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from composegen.stackfile.checks.implied import find_hosts
from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, find, list_names, make_stack

# What is an address


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("URL", "postgres://u:p@db:5432/x"),
        ("URL", "http://db"),
        ("URL", "http://db/path?x=y"),
        ("URL", "http://db?x=y"),
        ("URL", "amqp://db:5672"),
        ("URL", "jdbc:postgresql://db:5432/x"),
        ("URL", "jdbc:oracle:thin:@db:1521:x"),
        ("URL", "mongodb://u:p@db:27017,other:27017/x?replicaSet=r"),
        ("URL", "mongodb://other:27017,db:27017/x"),
        ("URL", "u:p@tcp(db:3306)/x"),
        ("BOOTSTRAP", "db:9092"),
        ("BOOTSTRAP", "other:9092,db:9092"),
        ("BOOTSTRAP", "other:9092; db:9092"),
        ("VOTERS", "1@db:9093,2@other:9093"),
        ("LISTENERS", "PLAINTEXT://db:29092,LOCAL://localhost:9092"),
        ("DSN", "host=db port=5432 user=x"),
        ("DSN", "Server=tcp:db,1433;Database=x"),
        ("DSN", "User=x;Data Source=db;"),
        ("DB_HOST", "db"),
        ("ELASTICSEARCH_HOSTS", '["http://db:9200"]'),
        ("memcached.servers", "other db"),
        ("SMTP_ADDR", "DB:25000"),
        ("KAFKA_BROKERS", "db"),
        ("redis-endpoint", "db"),
        ("CLUSTER_NODES", "db,other"),
        ("APP_HOST_NAME", "db"),
        ("ORIGINS", "https://x.example http://db:8080"),
    ],
)
def test_an_address_names_a_host(variable: str, text: str) -> None:
    assert "db" in {host.lower() for host, _ in find_hosts(variable, text)}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("POSTGRES_DB", "db"),
        ("NAME", "db"),
        ("HOSTNAME", "db"),
        ("MODE", "db,cache"),
        ("IMAGE", "db:8080"),
        ("RUN_AS_USER", "db:1000"),
        ("PATH", "/db:5432"),
        ("URL", "postgres://u:p@other:5432/db"),
        ("URL", "db://other"),
        ("URL", "http://db.example.com/"),
        ("URL", "http://my-db/"),
        ("URL", "http://other/db:5432"),
        ("URL", "http://other/?next=db"),
        ("TEXT", "connect to db:5432 first"),
        ("TEXT", "the db is slow: wait"),
        ("TEXT", "a//b db"),
        ("MAIL", "root@db"),
        ("DSN", "host=other dbname=db"),
        ("OPTION", "ghost=db"),
        ("DB_HOST", "db.example.com"),
        ("DB_HOST", ""),
    ],
)
def test_other_words_are_no_address(variable: str, text: str) -> None:
    assert "db" not in {host for host, _ in find_hosts(variable, text)}


# What is said of it


def name_in(text: str, keys: str = "", **others: str) -> str:
    """A stack whose `app` has a variable with a text, next to the service `api`."""
    services = {"api": APP, **others}
    env = f'environment: {{URL: "{text}"}}\n'
    return make_stack(app=APP + env + keys, **services)


def test_an_address_without_a_need_is_a_warning() -> None:
    problem = find("implied-need", name_in("http://api:8000"))

    assert problem.level is Level.WARNING
    assert str(problem.location) == "stack.yaml:6:19"
    assert problem.help.endswith("\nneeds: [api]")


@pytest.mark.parametrize(
    "need",
    ["[api]", "{api: OTHER}", "{api: {until: started}}", "{api: {otherwise: {}}}"],
)
def test_an_address_with_a_need_is_fine(need: str) -> None:
    assert list_names(name_in("http://api:8000", f"needs: {need}")) == []


def test_a_need_through_another_service_is_an_order_too() -> None:
    text = name_in("http://api:8000", "needs: [mid]", mid=APP + "needs: [api]")

    assert list_names(text) == []


def test_what_cannot_be_needed_is_no_need() -> None:
    back = name_in("http://api:8000", api=APP + "needs: [app]")
    both = name_in("http://api:8000", api=APP + "environment: {URL: 'http://app:80'}")
    itself = name_in("http://app:8000")
    job = name_in(
        "http://api:8000", api="image: a:1\njob: true", late=APP + "needs: [api]"
    )

    assert [list_names(text) for text in (back, both, itself, job)] == [[]] * 4


@pytest.mark.parametrize("text", ["${API:-http://api:8000}", "http://${A:-api}/"])
def test_a_variable_counts_as_its_default(text: str) -> None:
    assert list_names(name_in(text)) == ["implied-need"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("api:5432", ["implied-need"]), ("api:15", []), ("api:53", ["implied-need"])],
)
def test_a_number_behind_a_name_is_a_port_if_it_can_be_one(
    text: str, names: list[str]
) -> None:
    api = APP.replace("8000", "53")

    assert list_names(name_in(text, api=api)) == names


def test_two_variables_with_one_host_are_one_warning() -> None:
    env = "environment: {A: 'http://api', B: 'http://api', C: 'http://web'}"

    names = list_names(make_stack(app=APP + env, api=APP, web=APP))

    assert names == ["implied-need", "implied-need"]


@pytest.mark.parametrize(
    "keys",
    ["container_name: the-api", "networks: {default: {aliases: [the-api]}}"],
)
def test_a_service_has_other_names(keys: str) -> None:
    api = APP + f"compose: {{{keys}}}"

    assert list_names(name_in("http://the-api", api=api)) == ["implied-need"]


@pytest.mark.parametrize(
    ("api", "needs", "line"),
    [
        (APP, "[x]", "needs: [x, api]"),
        (APP, "{x: {until: started}}", "needs:\n  api:     # and the others"),
        ("image: a:1\nhealth: {none: why}", "[]", "needs:\n  api: {until: started}"),
        (APP + "enabled: false", "[]", "needs:\n  api: {otherwise: {}}"),
    ],
)
def test_the_need_that_is_offered_can_come_true(
    api: str, needs: str, line: str
) -> None:
    text = name_in("http://api:8000", f"needs: {needs}\n", api=api, x=APP)

    assert find("implied-need", text).help.endswith(line)


# Data stores


def test_a_store_that_is_not_needed_cannot_be_reached() -> None:
    problem = find("implied-need", name_in("redis://cache:6379", cache=CACHE))

    assert problem.level is Level.ERROR
    assert "cannot reach it" in problem.message
    assert problem.help.endswith("\nneeds: [cache]")


def test_a_store_that_another_service_needs_cannot_be_reached_either() -> None:
    text = name_in(
        "redis://cache", "needs: [mid]", cache=CACHE, mid=APP + "needs: [cache]"
    )

    assert find("implied-need", text).level is Level.ERROR


@pytest.mark.parametrize(
    ("cache", "keys"),
    [
        (CACHE + "\npublish: true", ""),
        (CACHE, "compose: {networks: [cache]}"),
        (CACHE, "needs: {api: {env: {}}}\ncompose: {networks: [cache]}"),
    ],
)
def test_a_store_on_a_common_network_is_only_waited_for(cache: str, keys: str) -> None:
    text = name_in("redis://cache", keys, cache=cache)

    assert find("implied-need", text).level is Level.WARNING


def test_the_need_of_a_store_is_no_problem() -> None:
    assert list_names(name_in("redis://cache", "needs: [cache]", cache=CACHE)) == []
