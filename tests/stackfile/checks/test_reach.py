"""Reach: ports of the host and networks."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, find, list_names, make_app, make_stack

# Ports of the host


def publish(*ports: str) -> str:
    """A stack with one service for each `publish`."""
    return make_stack(
        **{
            f"s{number}": f"use: nginx\npublish: {port}"
            for number, port in enumerate(ports)
        }
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("8080", "8080"),
        ("8080", "8080:81"),
        ("8080", "['8081:80', '8080:81']"),
        ("3000", "${VAR:-3000}"),
        ("${A:-3000}", "${B-3000}"),
        ("${A:-${B:-3000}}", "3000"),
        ('"0.0.0.0:8080"', '"127.0.0.1:8080"'),
        ("8080", '"0.0.0.0:8080"'),
        ('"10.0.0.1:8080"', '"10.0.0.1:8080"'),
        ("['8080:53/udp']", "['8080:54/udp']"),
        ("['8000-8010:8000-8010']", "8005"),
        ("8005", "['8000-8010:8000-8010']"),
        ("true", "80"),
        ("true", "true"),
    ],
)
def test_a_port_of_the_host_belongs_to_one_service(one: str, two: str) -> None:
    problem = find("port-twice", publish(one, two))

    assert "`s0` (at stack.yaml:4:5)" in problem.message
    assert str(problem.location) == "stack.yaml:7:5"
    assert problem.level is Level.ERROR


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("8080", "8081"),
        ("8080:80", "8081:80"),
        ("['8080:53/tcp']", "['8080:53/udp']"),
        ('"127.0.0.1:8080"', '"127.0.0.2:8080"'),
        ('"10.0.0.1:8080"', '"10.0.0.2:8080"'),
        ('"127.0.0.1:8080"', '"[::1]:8080"'),
        ("${A}", "${B}"),
        ("${A:-3000}", "${B:-3001}"),
        ("['8000-8010:8000-8010']", "8011"),
    ],
)
def test_these_ports_do_not_meet(one: str, two: str) -> None:
    assert "port-twice" not in list_names(publish(one, two))


def test_one_service_may_not_take_a_port_twice_either() -> None:
    text = make_stack(a="use: nginx\npublish: ['8080:80', '8080:81']")

    assert list_names(text) == ["port-twice"]


def test_three_services_on_one_port_are_two_problems() -> None:
    assert list_names(publish("8080", "8080", "8080")) == ["port-twice", "port-twice"]


def test_the_mend_of_a_taken_port_is_another_one() -> None:
    assert "publish: 8081:80" in find("port-twice", publish("8080", "8080")).help
    assert "publish: 65534:80" in find("port-twice", publish("65535", "65535")).help


@pytest.mark.parametrize(
    "port",
    ['"0.0.0.0:80"', '"192.168.0.1:80"', '"[::]:80"', "['1:1', '0.0.0.0:53:53/udp']"],
)
def test_a_port_beyond_loopback_is_a_warning(port: str) -> None:
    problem = find("open-port", publish(port))

    assert problem.level is Level.WARNING
    assert str(problem.location) == "stack.yaml:4:5"


@pytest.mark.parametrize(
    "port", ["80", "80:80", '"127.0.0.2:80"', '"[::1]:80"', "true"]
)
def test_a_port_on_loopback_is_fine(port: str) -> None:
    assert list_names(publish(port)) == []


# Networks


PROXY = "compose:\n  networks: {proxy: {external: true}}\n"


@pytest.mark.parametrize("networks", ["[proxy]", "{proxy: {ipv4_address: 10.0.0.2}}"])
def test_a_data_store_on_a_further_network_is_a_warning(networks: str) -> None:
    text = make_stack(cache=CACHE + f"\ncompose: {{networks: {networks}}}") + PROXY

    assert list_names(text) == ["store-network"]


def test_what_is_no_data_store_may_have_further_networks() -> None:
    assert list_names(make_app("compose: {networks: [proxy]}") + PROXY) == []


TRAEFIK = "labels: {traefik.enable: 'true'}\n"


@pytest.mark.parametrize(
    "keys",
    [
        TRAEFIK + "compose: {networks: [proxy]}",
        TRAEFIK + "needs: [cache]",
        "labels: [traefik.enable=true]\nneeds: [cache]",
    ],
)
def test_traefik_on_several_networks_is_told_which_one(keys: str) -> None:
    text = make_stack(app=APP + keys, cache=CACHE) + PROXY

    assert list_names(text) == ["traefik-network"]


@pytest.mark.parametrize(
    "keys",
    [
        TRAEFIK,
        TRAEFIK[:-2] + ", traefik.docker.network: proxy}\nneeds: [cache]",
        "labels: {traefik.enable: 'false'}\nneeds: [cache]",
        "needs: [cache]",
        TRAEFIK + "compose: {networks: [default]}",
    ],
)
def test_traefik_on_one_network_or_told_which_is_fine(keys: str) -> None:
    assert list_names(make_stack(app=APP + keys, cache=CACHE) + PROXY) == []


HOST = "image: python:3.13-slim\nhealth: {none: why}\ncompose: {network_mode: host}\n"


@pytest.mark.parametrize(
    ("agent", "app"),
    [
        (HOST + "needs: [cache]", APP),
        (HOST + "publish: 8080", APP),
        (HOST, APP + "needs: {agent: {until: started}}"),
    ],
)
def test_the_host_s_network_is_for_a_service_on_its_own(agent: str, app: str) -> None:
    text = make_stack(agent=agent, app=app, cache=CACHE)

    assert list_names(text) == ["network-mode"]


def test_a_service_on_its_own_may_use_the_host_s_network() -> None:
    assert list_names(make_stack(agent=HOST, app=APP, cache=CACHE)) == []


def lead(publish, port=8000, more=""):
    return (
        f"services: {{a: {{image: busybox:1, port: {port}, publish: {publish}, "
        f"health: {{tcp: true, tool: wget}}{more}}}}}"
    )


@pytest.mark.parametrize(
    ("publish", "line"),
    [
        ("8982:8001", "publish: 8982:8000"),
        ('"0.0.0.0:8982:8001"', 'publish: "0.0.0.0:8982:8000"'),
        ('["8982:8001", "90:90"]', 'publish: ["8982:8000", "90:90"]'),
        ('["${WEB:-8982}:8001"]', 'publish: "${WEB:-8982}:8000"'),
    ],
)
def test_a_port_that_no_published_one_leads_to_is_noted(publish, line):
    problem = find("port-unpublished", lead(publish))
    assert "`a` listens on port 8000" in problem.message
    assert problem.help.endswith(f"\n{line}")


@pytest.mark.parametrize(
    "publish",
    ["8982", "8982:8000", '["90:90", "8982:8000"]', "7999-8001:7999-8001", "1:53/udp"],
)
def test_a_port_that_one_leads_to_or_that_is_not_published_is_fine(publish):
    assert "port-unpublished" not in list_names(lead(publish))


def test_a_published_port_that_is_asked_for_its_health_is_fine():
    text = lead("9090:9090").replace("tcp: true", "tcp: true, port: 9090")
    assert "port-unpublished" not in list_names(text)


def test_a_recipe_knows_which_ports_it_has():
    text = "services: {q: {use: rabbitmq, port: 5672, publish: 15672:15672}}"
    assert "port-unpublished" not in list_names(text)


@pytest.mark.parametrize("name", ["app", "cache"])
def test_no_service_leaves_the_network_of_a_store(name: str) -> None:
    raw = {name: "compose: {networks: null}\n"}
    text = make_stack(
        app=f"{APP}needs: [cache]\n{raw.get('app', '')}",
        cache=f"use: redis\n{raw.get('cache', '')}",
    )

    assert list_names(text) == ["computed-key"]


def test_networks_that_are_not_rendered_can_be_removed() -> None:
    assert list_names(make_app("compose: {networks: null}")) == []
