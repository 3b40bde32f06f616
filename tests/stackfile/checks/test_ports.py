"""Ports of the host: one service each, judged on what runs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import Level, ProblemsFound
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from tests.stacks import APP, find, list_names, make_stack, write_files

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


def alternatives(*extra: str) -> str:
    """Two excluded services on one port, and others."""
    one = "use: nginx\npublish: 8080\nenabled: false"
    more = {f"s{number}": text for number, text in enumerate(extra)}
    return make_stack(cpu=one, gpu=one, **more)


def test_alternatives_may_have_one_port() -> None:
    assert list_names(alternatives("use: nginx\npublish: 8081")) == []
    assert list_names(alternatives()) == []


def test_an_excluded_service_meets_those_that_run_by_default() -> None:
    problem = find("port-twice", alternatives("use: nginx\npublish: 8080"))

    assert "by `gpu` (at" in problem.message or "by `cpu` (at" in problem.message


@pytest.mark.parametrize("kind", ["", ": {otherwise: {}}"])
def test_alternatives_that_one_service_brings_together_do_meet(kind: str) -> None:
    needs = f"{{cpu{kind or ': '}, gpu{kind or ': '}}}"
    both = f"use: nginx\nneeds: {needs}\nenabled: false"

    found = list_names(alternatives(both, "use: nginx"))

    assert found == ([] if kind else ["port-twice"])


def test_a_selection_of_both_alternatives_has_one_port_twice(tmp_path: Path) -> None:
    write_files(tmp_path, {"stack.yaml": alternatives()})
    both = Selection(added=("cpu", "gpu"))

    with pytest.raises(ProblemsFound) as found:
        load_stack(tmp_path / "stack.yaml", selection=both)

    assert [problem.name for problem in found.value.problems] == ["port-twice"]


def test_an_address_that_is_a_variable_counts_as_its_default() -> None:
    twice = "['127.0.0.1:80:80', '${PRIVATE_IP:-127.0.0.1}:80:80']"

    assert list_names(publish(twice)) == []
    assert list_names(publish("['${A:-0.0.0.0}:80:80']", "80")) == [
        "open-port",
        "port-twice",
    ]


def test_an_address_without_a_default_may_be_open_to_others() -> None:
    problem = find("open-port", publish("['${BIND}:80:80']"))

    assert "which has no default" in problem.message
    assert problem.help == "give the address a default: ${BIND:-127.0.0.1}"


def test_one_service_may_not_take_a_port_twice_either() -> None:
    text = make_stack(a="use: nginx\npublish: ['8080:80', '8080:81']")

    assert list_names(text) == ["port-twice"]


def test_three_services_on_one_port_are_two_problems() -> None:
    assert list_names(publish("8080", "8080", "8080")) == ["port-twice", "port-twice"]


def test_the_fix_of_a_taken_port_is_another_one() -> None:
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


# Random ports


def test_random_ports_never_meet() -> None:
    text = make_stack(a=f"{APP}publish: ['0:8000', '0:9000']\n", b=f"{APP}publish: 0\n")

    assert list_names(text) == []


def test_a_random_port_of_a_service_without_one_is_an_error() -> None:
    text = make_stack(app="image: python:3.13-slim\npublish: 0\nhealth: none\n")

    assert find("no-port", text).message == "the port of `app` is not known"


def test_a_random_port_for_everyone_is_a_warning() -> None:
    problem = find("open-port", make_stack(app=f"{APP}publish: '0.0.0.0:0:8000'\n"))

    assert "publishes a random port on 0.0.0.0" in problem.message


def test_nothing_is_wired_with_the_url_of_a_random_port() -> None:
    text = make_stack(
        app=f"{APP}needs: {{web: {{URL: '{{public_url}}'}}}}\n",
        web=f"{APP}publish: '0:8000'\n",
    )

    problem = find("random-port", text)

    assert problem.message == "`{public_url}`: the engine chooses the port of `web`"
    assert problem.help.endswith("publish: 8000")


def test_the_public_url_is_that_of_the_port_that_is_known() -> None:
    text = make_stack(
        app=f"{APP}needs: {{web: {{URL: '{{public_url}}'}}}}\n",
        web=f"{APP}publish: ['0:8000', '8080:8000']\n",
    )

    assert list_names(text) == []


def test_a_service_on_the_hosts_network_does_not_find_a_random_port() -> None:
    text = make_stack(
        app="image: python:3.13-slim\nhealth: {command: [true]}\n"
        "compose: {network_mode: host}\nneeds: {web: URL}\n",
        web=f"{APP}publish: '0:8000'\n",
    )

    assert (
        "publishes no port that is known"
        in find("not-reachable-from-host", text).message
    )
