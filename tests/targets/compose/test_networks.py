"""Networks are written where they are not the default one alone."""

from __future__ import annotations

from tests.rendering import read, read_app, read_services
from tests.stacks import APP, make_stack

CACHE = "use: redis\n"
PROXY = "compose: {networks: {proxy: {external: true}}}\n"


def test_raw_networks_are_added_to_the_computed_ones() -> None:
    stack = make_stack(app=f"{APP}compose: {{networks: [proxy]}}\n") + PROXY

    assert read_services(stack)["app"]["networks"] == {"default": None, "proxy": None}


def test_raw_networks_keep_their_options() -> None:
    stack = make_stack(
        app=f"{APP}needs: [cache]\n"
        "compose: {networks: {proxy: {ipv4_address: 10.0.0.7}}}\n",
        cache=CACHE,
    )

    assert read_services(stack + PROXY)["app"]["networks"] == {
        "default": None,
        "cache": None,
        "proxy": {"ipv4_address": "10.0.0.7"},
    }


def test_raw_networks_do_not_take_a_store_off_its_own() -> None:
    stack = make_stack(cache=f"{CACHE}compose: {{networks: [proxy]}}\n") + PROXY

    assert read_services(stack)["cache"]["networks"] == {"cache": None, "proxy": None}


def test_networks_replace_the_default_one() -> None:
    data = read(make_stack(app=f"{APP}networks: [front, back]\n"))

    assert data["services"]["app"]["networks"] == ["front", "back"]
    assert data["networks"] == {"front": None, "back": None}


def test_the_default_network_alone_is_not_written() -> None:
    data = read(make_stack(app=f"{APP}networks: [default]\n"))

    assert "networks" not in data["services"]["app"]
    assert "networks" not in data


def test_a_service_joins_the_network_of_a_store_in_addition() -> None:
    stack = make_stack(
        app=f"{APP}networks: {{front: {{aliases: [a]}}}}\nneeds: [cache]\n", cache=CACHE
    )
    data = read(stack)

    assert data["services"]["app"]["networks"] == {
        "front": {"aliases": ["a"]},
        "cache": None,
    }
    assert data["networks"] == {"cache": {"internal": True}, "front": None}


def test_a_store_that_chooses_its_networks_gets_none_of_its_own() -> None:
    stack = make_stack(
        app=f"{APP}networks: [default, cache]\nneeds: [cache]\n",
        cache=f"{CACHE}networks: [cache]\npublish: true\n",
    )
    data = read(stack + "networks: {cache: {driver: bridge}}\n")

    assert data["services"]["cache"]["networks"] == ["cache"]
    assert data["services"]["app"]["networks"] == ["default", "cache"]
    assert data["networks"] == {"default": None, "cache": {"driver": "bridge"}}


def test_the_default_network_is_declared_where_a_service_names_it() -> None:
    stack = make_stack(app=f"{APP}needs: [cache]\n", cache=CACHE)
    raw = make_stack(app=f"{APP}compose: {{networks: [proxy]}}\n") + PROXY
    by_host = make_stack(app=f"{APP}network_mode: host\n", cache=CACHE)

    assert [*read(stack)["networks"]] == ["default", "cache"]
    assert [*read(raw)["networks"]] == ["default", "proxy"]
    assert [*read(by_host)["networks"]] == ["cache"]


def test_only_networks_that_are_used_are_declared() -> None:
    stack = make_stack(
        app=f"{APP}networks: [front]\nneeds: {{cache: {{otherwise: {{}}}}}}\n",
        cache=CACHE,
        tool=f"{APP}networks: [back]\nenabled: false\n",
        raw=f"{APP}compose: {{networks: [far]}}\n",
    )
    top = (
        "networks: {default: {name: home}, far: {external: true}, "
        "back: {internal: true}, front: }\n"
    )

    assert read(stack + top, removed=("cache",))["networks"] == {
        "default": {"name": "home"},
        "far": {"external": True},
        "front": None,
    }


def test_raw_networks_of_the_top_level_lie_over_declared_ones() -> None:
    stack = make_stack(app=f"{APP}networks: [front]\n")
    top = (
        "networks: {front: {driver: bridge}}\n"
        "compose: {networks: {front: {internal: true}}}\n"
    )

    assert read(stack + top)["networks"] == {
        "front": {"driver": "bridge", "internal": True}
    }


def test_the_host_s_network_stands_alone() -> None:
    app = read_app("compose: {network_mode: host}\n")

    assert app["network_mode"] == "host"
    assert "networks" not in app
