"""Networks: who can be reached from where."""

from __future__ import annotations

import pytest

from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, list_names, make_app, make_stack

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
def test_traefik_on_several_networks_has_to_name_one(keys: str) -> None:
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
def test_traefik_on_one_network_or_with_a_named_one_is_fine(keys: str) -> None:
    assert list_names(make_stack(app=APP + keys, cache=CACHE) + PROXY) == []


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
