"""Networks: who can be reached from where."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from tests.stackfile.checks.checking import CACHE
from tests.stacks import APP, find, list_names, make_app, make_stack

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


# Networks of the key

WEB = APP + "networks: [front]\nneeds: {api: API_URL}\n"
API = "image: python:3.13-slim\nport: 8001\nhealth: /health\n"


def test_a_service_shares_a_network_with_what_it_needs() -> None:
    problem = find("no-common-network", make_stack(web=WEB, api=API))

    assert "`web` is on front, `api` on default" in problem.message
    assert problem.help.endswith("\nnetworks: [front, default]")
    assert str(problem.location) == "stack.yaml:7:13"


@pytest.mark.parametrize(
    "networks",
    [
        "networks: [back, front]",
        "networks: {front: {aliases: [a]}}",
        "compose: {networks: [front]}",
        "compose: {networks: ['${NET:-front}']}",
    ],
)
def test_one_network_in_common_is_enough(networks: str) -> None:
    assert list_names(make_stack(web=WEB, api=f"{API}{networks}\n")) == []


@pytest.mark.parametrize(
    ("need", "names"),
    [
        ("api: {until: started}", []),
        ("api: {until: started, env: {A: '{public_url}'}}", []),
        ("api: {until: started, env: {A: '{host}'}}", ["no-common-network"]),
        ("api: {until: healthy}", ["no-common-network"]),
        ("api: {until: healthy, otherwise: {}}", ["no-common-network"]),
    ],
)
def test_a_need_that_is_about_the_order_alone_needs_no_network(
    need: str, names: list[str]
) -> None:
    text = make_stack(
        web=f"{APP}networks: [front]\nneeds: {{{need}}}\n", api=f"{API}publish: true\n"
    )

    assert list_names(text) == names


def test_a_data_store_that_chooses_its_networks_is_on_these_alone() -> None:
    text = make_stack(web=WEB.replace("api", "cache"), cache=CACHE + "\nnetworks: [a]")

    assert "`cache` on a" in find("no-common-network", text).message


def test_a_data_store_cannot_be_given_the_address_of_what_is_on_other_networks() -> (
    None
):
    text = make_stack(cache=CACHE + "\nneeds: {api: API_URL}", api=API)

    help = find("no-common-network", text).help

    assert help.endswith("\nnetworks: [default]")
    fixed = make_stack(
        cache=CACHE + "\nneeds: {api: API_URL}\nnetworks: [default]", api=API
    )
    assert list_names(fixed) == []


def test_networks_are_a_key_or_raw_and_not_both() -> None:
    keys = "networks: [default]\ncompose: {networks: [proxy]}\n"
    problem = find("computed-key", make_app(keys) + PROXY)

    assert problem.help == "write all of them in `networks`"
    assert str(problem.location) == "stack.yaml:7:15"


def test_a_service_joins_the_network_of_a_store_by_needing_it() -> None:
    text = make_stack(app=APP + "networks: [default, cache]", cache=CACHE)

    problem = find("store-network", text)

    assert (problem.level, problem.help.splitlines()[-1]) == (
        Level.ERROR,
        "needs: [cache]",
    )


@pytest.mark.parametrize(
    ("name", "top", "names"),
    [
        ("host", "", ["undeclared-network"]),
        ("none", "", ["undeclared-network"]),
        ("host", "networks: {host: {external: true}}\n", []),
        ("own", "", []),
    ],
)
def test_a_mode_is_no_network(name: str, top: str, names: list[str]) -> None:
    assert list_names(make_app(f"networks: [{name}]") + top) == names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("", ["unused-network"]),
        ("networks: [proxy]", []),
        ("compose: {networks: [proxy]}", []),
        ("compose: {networks: ['${NET:-proxy}']}", []),
    ],
)
def test_a_network_with_options_is_used(keys: str, names: list[str]) -> None:
    text = make_app(keys) + "networks: {proxy: {external: true}, default: {name: a}}\n"

    assert list_names(text) == names


@pytest.mark.parametrize("top", ["networks", "compose: {networks"])
def test_a_network_with_options_is_not_a_store_s(top: str) -> None:
    end = "}" if "{" in top else ""
    text = make_stack(cache=CACHE) + f"{top}: {{cache: {{driver: bridge}}}}{end}\n"

    assert list_names(text) == ["store-network"]


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("networks: [back]", ["internal-port"]),
        ("networks: [back, default]", []),
        ("compose: {networks: [back]}", []),
        ("networks: [back]\nneeds: [cache]", ["internal-port"]),
    ],
)
def test_a_port_is_not_published_on_internal_networks(
    keys: str, names: list[str]
) -> None:
    text = make_stack(app=f"{APP}publish: true\n{keys}", cache=CACHE)

    assert list_names(text + "networks: {back: {internal: true}}\n") == names
