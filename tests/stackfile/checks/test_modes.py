"""`network_mode`: what a service without networks of its own can have and be asked."""

from __future__ import annotations

import pytest

from composegen.needs import Condition
from tests.rendering import read, read_services
from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, find, list_names, load_services, make_stack

VPN = "image: python:3.13-slim\nport: 9000\nhealth: /\n"
SHARED = f"{APP}network_mode: service:vpn\n"
HOST = f"{APP}network_mode: host\n"
ALONE = "image: python:3.13-slim\nhealth: {command: [a]}\nnetwork_mode: none\n"

# The network of another service


def test_a_service_needs_the_one_whose_network_it_shares() -> None:
    [need] = load_services(make_stack(app=SHARED, vpn=VPN))["app"].needs

    assert (need.service, need.until, need.is_optional) == (
        "vpn",
        Condition.HEALTHY,
        False,
    )


@pytest.mark.parametrize(
    ("vpn", "needs", "until"),
    [
        ("image: python:3.13-slim\nhealth: {none: why}\n", "", Condition.STARTED),
        (VPN, "needs: {vpn: {until: started}}", Condition.STARTED),
    ],
)
def test_it_waits_for_what_can_be_waited_for(
    vpn: str, needs: str, until: Condition
) -> None:
    stack = make_stack(app=SHARED + needs, vpn=vpn)

    assert load_services(stack)["app"].needs[0].until is until
    assert list_names(stack) == []


@pytest.mark.parametrize(
    "line",
    [
        "publish: true",
        "networks: [a]",
        "aliases: [a]",
        "hostname: a",
        "dns: [192.0.2.1]",
        "extra_hosts: [a=192.0.2.1]",
    ],
)
def test_what_belongs_to_a_network_is_written_where_it_is(line: str) -> None:
    problem = find("network-mode", make_stack(app=SHARED + line, vpn=VPN))

    assert problem.help == "move it to `vpn`, whose network it shares"
    assert str(problem.location) == "stack.yaml:7:5"


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("service:vpm", "unknown-service"),
        ("service:app", "network-mode"),
        ("service:other", "network-mode"),
    ],
)
def test_the_other_service_is_one_that_is_on_networks(mode: str, name: str) -> None:
    app = SHARED.replace("service:vpn", mode)
    other = SHARED.replace("8000", "8002")

    assert list_names(make_stack(app=app, vpn=VPN, other=other)) == [name]


def test_it_cannot_do_without_the_other_service() -> None:
    app = SHARED + "needs: {vpn: {otherwise: {}}}\n"

    assert list_names(make_stack(app=app, vpn=VPN)) == ["network-mode"]


def test_services_that_share_a_network_listen_on_different_ports() -> None:
    two = SHARED.replace("8000", "8001")

    assert list_names(make_stack(app=SHARED, two=two, vpn=VPN)) == []
    assert list_names(make_stack(app=SHARED, two=SHARED, vpn=VPN)) == ["port-twice"]
    own = SHARED.replace("8000", "9000")
    assert list_names(make_stack(app=own, vpn=VPN)) == ["port-twice"]


def test_a_service_that_shares_a_network_has_its_address_and_its_stores() -> None:
    stack = make_stack(
        app=SHARED + "needs: {cache: CACHE_URL}\n",
        vpn=VPN,
        cache=CACHE,
        web=f"{APP}needs: {{app: APP_URL}}\n",
    )
    services = read_services(stack)

    assert services["app"]["network_mode"] == "service:vpn"
    assert "networks" not in services["app"]
    assert services["vpn"]["networks"] == ["default", "cache"]
    assert services["web"]["environment"] == {"APP_URL": "http://vpn:8000"}
    assert services["app"]["depends_on"]["vpn"] == {
        "condition": "service_healthy",
        "restart": True,
    }


def test_a_helper_asks_a_service_by_the_name_of_its_network() -> None:
    app = SHARED.replace("health: /health", "health: {tcp: true, from: outside}")
    stack = make_stack(app=app, vpn=VPN + "networks: [front]\n")

    helper = read_services(stack)["app-health"]

    assert helper["networks"] == ["front"]
    assert helper["healthcheck"]["test"][4:6] == ["vpn", "8000"]


# The network of the host


@pytest.mark.parametrize("line", ["publish: true", "networks: [a]", "aliases: [a]"])
def test_the_network_of_the_host_needs_no_publishing(line: str) -> None:
    assert list_names(make_stack(app=HOST + line)) == ["network-mode"]


def test_a_service_on_the_network_of_the_host_is_reached_there() -> None:
    stack = make_stack(
        app=HOST,
        web=f"{VPN}extra_hosts: [a=192.0.2.1]\nneeds: {{app: APP_URL}}\n",
        peer=VPN.replace("9000", "9001")
        + "network_mode: host\nneeds: {app: {A: '{host}:{port}'}}\n",
        shared=VPN.replace("9000", "9002")
        + "network_mode: service:vpn\nneeds: {app: APP_URL}\n",
        vpn=VPN,
    )
    services = read_services(stack)

    url = "http://host.docker.internal:8000"
    assert services["web"]["environment"] == {"APP_URL": url}
    assert services["web"]["extra_hosts"] == [
        "a=192.0.2.1",
        "host.docker.internal=host-gateway",
    ]
    assert services["peer"]["environment"] == {"A": "127.0.0.1:8000"}
    assert "extra_hosts" not in services["peer"]
    assert services["shared"]["environment"] == {"APP_URL": url}
    assert "extra_hosts" not in services["shared"]
    assert services["vpn"]["extra_hosts"] == ["host.docker.internal=host-gateway"]


def test_a_port_of_the_host_belongs_to_one_service() -> None:
    other = VPN + "publish: 8000:9000\n"

    assert list_names(make_stack(app=HOST, other=other)) == ["port-twice"]


# No network


def test_a_service_without_a_network_is_rendered_without_one() -> None:
    data = read(make_stack(app=ALONE))

    assert data["services"]["app"]["network_mode"] == "none"
    assert "networks" not in data


@pytest.mark.parametrize(
    ("app", "web", "names"),
    [
        (ALONE, "needs: [app]", []),
        (ALONE, "needs: {app: {until: started}}", []),
        (ALONE + "port: 80\n", "needs: {app: URL}", ["network-mode"]),
        (
            f"{APP}network_mode: none\n",
            "needs: [app]",
            ["network-mode"],
        ),
        (f"{APP}network_mode: none\n", "needs: {app: {until: started}}", []),
        (ALONE + "needs: {db: URL}\n", "", ["network-mode"]),
        (ALONE + "needs: [db]\n", "", []),
        (ALONE + "publish: 80\n", "", ["network-mode"]),
    ],
)
def test_nothing_is_asked_of_a_service_without_a_network(
    app: str, web: str, names: list[str]
) -> None:
    assert list_names(make_stack(app=app, web=VPN + web, db=VPN)) == names


def test_the_mode_is_a_key_or_raw_and_not_both() -> None:
    text = make_stack(app=HOST + "compose: {network_mode: host}\n")

    assert list_names(text) == ["computed-key"]
