"""What a service gets of the host: its network, and the socket of its engine."""

from __future__ import annotations

import pytest

from tests.rendering import read_services
from tests.stackfile.checks.checking import CACHE, DB
from tests.stacks import APP, find, list_names, make_app, make_stack

HOST = "image: python:3.13-slim\nhealth: {none: why}\nnetwork_mode: host\n"
SECRETS = "secrets: {db-password: {generate: true}}\n"

# The network


def test_a_service_on_its_own_may_use_the_host_s_network() -> None:
    assert list_names(make_stack(agent=HOST, app=APP, cache=CACHE)) == []


@pytest.mark.parametrize("need", ["[cache]", "{cache: {NAME: '{service}'}}"])
def test_a_service_on_the_host_s_network_may_wait_for_others(need: str) -> None:
    agent = HOST + f"needs: {need}"
    text = make_stack(agent=agent, cache=CACHE)

    assert list_names(text) == []
    gates = read_services(text)["agent"]["depends_on"]
    assert gates == {"cache": {"condition": "service_healthy"}}


@pytest.mark.parametrize(
    ("publish", "url"),
    [
        ("true", "redis://127.0.0.1:6379/0"),
        ("7000:6379", "redis://127.0.0.1:7000/0"),
        ("['7001:7001', '${P:-7002}:6379']", "redis://127.0.0.1:${P:-7002}/0"),
        ("'0.0.0.0:7003'", "redis://127.0.0.1:7003/0"),
        ("'127.0.0.2:7003'", "redis://127.0.0.2:7003/0"),
    ],
)
def test_it_reaches_them_by_what_they_publish(publish: str, url: str) -> None:
    agent = HOST + "needs: {cache: CACHE_URL}"
    services = read_services(
        make_stack(agent=agent, cache=f"{CACHE}\npublish: {publish}")
    )

    assert services["agent"]["environment"] == {"CACHE_URL": url}
    assert "networks" not in services["agent"]


@pytest.mark.parametrize("words", ["{url}", "{host}", "{port}"])
def test_it_cannot_reach_what_publishes_nothing(words: str) -> None:
    agent = HOST + f"needs: {{cache: {{A: '{words}'}}}}"
    problem = find("not-reachable-from-host", make_stack(agent=agent, cache=CACHE))

    assert "publish: true" in problem.help
    assert str(problem.location) == "stack.yaml:6:21"


def test_the_file_of_a_url_is_about_another_network() -> None:
    agent = HOST + "needs: {db: DB_URL_FILE}"
    db = DB + "\npublish: true"

    names = list_names(SECRETS + make_stack(agent=agent, db=db))

    assert names == ["not-reachable-from-host"]


# The socket


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        "volumes: ['/var/run/docker.sock:/tmp/any:ro']",
        "volumes: ['${SOCK:-/run/docker.sock}:/s']",
        "volumes: [/run/user/1000/podman/podman.sock:/s]",
        "volumes: [{type: bind, source: /var/run/docker.sock, target: /s}]",
        "volumes: ['/var/run:/var/run:ro']",
        "volumes: ['/:/host:ro']",
        "compose: {volumes: [/var/run/docker.sock:/s]}",
        "compose: {use_api_socket: true}",
    ],
)
def test_the_engine_s_socket_is_not_given_away_unknowingly(keys: str) -> None:
    assert "engine-socket" in list_names(make_app(keys))


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: [docker.sock:/data]",
        "volumes: ['/run/mysqld/mysqld.sock:/s:ro']",
        "volumes: ['/var/run/app:/s:ro']",
        "volumes: ['${RUN:-./run}:/s:ro']",
        "volumes: [/var/run]",
    ],
)
def test_other_mounts_have_no_engine(keys: str) -> None:
    assert list_names(make_app(keys)) == []


def test_a_proxy_of_the_socket_has_it() -> None:
    text = make_stack(
        app="image: tecnativa/docker-socket-proxy:0.3\nhealth: {none: why}\n"
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']"
    )

    assert list_names(text) == []
