"""A pod is reached by those that need it, and by the name that they know."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from tests.clusters import (
    APP,
    USER,
    list_lost,
    name_stack,
    read_objects,
    read_pod,
    refuse,
)

CACHE = f"image: example.org/cache:1\nport: 6379\nhealth: {{tcp: true}}\n{USER}"
ALONE = f"""\
image: python:3.13-slim
network_mode: none
health: {{command: [ok]}}
{USER}"""
STACK = name_stack(
    web=f"{APP}publish: 8000\nneeds: [api]\n",
    api=f"{APP}needs: {{cache: {{gate: none}}}}\n",
    cache=CACHE,
    job=f"image: python:3.13-slim\njob: true\n{USER}",
)


def list_sources(policy: Any) -> list[str]:
    """The services that a policy lets in, by the names of their pods."""
    return [
        each["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in policy["spec"].get("ingress", [])
        for each in rule.get("from", [])
    ]


def test_every_service_has_a_policy_that_lets_in_those_that_need_it() -> None:
    objects = read_objects(STACK)
    names = ("web", "api", "cache", "job")

    found = {name: list_sources(objects["NetworkPolicy", name]) for name in names}
    assert found == {"web": [], "api": ["web"], "cache": ["api"], "job": []}


def test_a_policy_opens_the_ports_of_its_service_alone() -> None:
    policy = read_objects(STACK)["NetworkPolicy", "cache"]["spec"]

    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"][0]["ports"] == [{"port": 6379, "protocol": "TCP"}]
    assert policy["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "cache",
        "app.kubernetes.io/part-of": "shop",
    }


def test_what_is_published_to_others_is_open_and_on_loopback_it_is_not() -> None:
    stack = name_stack(app=f'{APP}publish: ["0.0.0.0:80:8000", "127.0.0.1:81:9000"]\n')
    objects = read_objects(stack)

    assert objects["NetworkPolicy", "app"]["spec"]["ingress"] == [
        {"ports": [{"port": 8000, "protocol": "TCP"}]}
    ]


def test_a_service_with_a_port_has_a_service_published_or_not() -> None:
    objects = read_objects(STACK)
    services = {name for kind, name in objects if kind == "Service"}

    assert services == {"web", "api", "cache"}
    cache = objects["Service", "cache"]["spec"]
    assert cache["selector"]["app.kubernetes.io/name"] == "cache"
    assert "type" not in cache
    assert "publishNotReadyAddresses" not in cache, "gates would see pods that boot"
    assert cache["ports"] == [
        {"name": "tcp-6379", "port": 6379, "targetPort": 6379, "protocol": "TCP"}
    ]


def test_every_published_target_is_a_port() -> None:
    stack = name_stack(app=f'{APP}publish: [8000, "5000-5001:6000-6001/udp"]\n')
    ports = read_objects(stack)["Service", "app"]["spec"]["ports"]

    assert [(each["port"], each["protocol"]) for each in ports] == [
        (8000, "TCP"),
        (6000, "UDP"),
        (6001, "UDP"),
    ]


def test_an_alias_is_a_further_service_where_it_can_be_one() -> None:
    stack = name_stack(app=f"{APP}aliases: [shop, shop.internal]\n")
    objects = read_objects(stack)

    assert objects["Service", "shop"]["spec"] == objects["Service", "app"]["spec"]
    assert "app: the alias `shop.internal` -> the name is `app` alone" in list_lost(
        stack
    )


def test_names_of_services_become_names_of_objects() -> None:
    needs = 'needs: {My_Cache.1: {env: {URL: "{url}"}}}'
    stack = name_stack(web=f"{APP}{needs}\n")
    stack += indent(f"My_Cache.1:\n{indent(CACHE, '  ')}", "  ")
    objects = read_objects(stack)

    assert ("Service", "my-cache-1") in objects
    assert ("Deployment", "my-cache-1") in objects
    env = read_pod(stack, "web")["containers"][0]["env"]
    assert env == [{"name": "URL", "value": "http://my-cache-1:6379"}]


def test_a_service_without_a_network_is_cut_off() -> None:
    stack = name_stack(app=ALONE)
    policy = read_objects(stack)["NetworkPolicy", "app"]["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    assert any(
        line.startswith("app: no network at all ->") for line in list_lost(stack)
    )


def test_a_gate_of_a_service_without_a_network_is_refused() -> None:
    stack = name_stack(
        app=f"{ALONE}needs: [cache]\n",
        cache=CACHE,
    )

    (problem,) = refuse(stack)
    assert problem.name == "not-on-cluster"
    assert "gate: none" in problem.help


FORWARDED = "`composegen up --on kubernetes --forward` forwards it"
INSIDE = "a Service inside the cluster"


@pytest.mark.parametrize(
    ("publish", "line"),
    [
        ("8000", f"127.0.0.1:8000 -> {FORWARDED}"),
        ('"0:8000"', f"127.0.0.1:0 -> {FORWARDED}"),
        (
            '"0.0.0.0:80:8000"',
            f"0.0.0.0:80 -> {INSIDE}; add an Ingress or a LoadBalancer",
        ),
        ('"53:53/udp"', f"127.0.0.1:53/udp -> {INSIDE}; only tcp can be forwarded"),
    ],
)
def test_what_is_published_is_listed_with_the_way_to_it(
    publish: str, line: str
) -> None:
    lost = list_lost(name_stack(app=f"{APP}publish: [{publish}]\n"))

    assert f"app: published on {line}" in lost


def test_networks_are_listed_where_a_service_names_them() -> None:
    plain, named = name_stack(app=APP), name_stack(app=f"{APP}networks: [front]\n")

    assert not any("networks" in line for line in list_lost(plain))
    assert any(line.startswith("app: networks: front ->") for line in list_lost(named))
