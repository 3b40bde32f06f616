"""The lines that a help shows are complete, and change what is to be changed."""

import pytest

from composegen.places.engine.advice import write_health, write_longer_boot, write_port
from tests.enginefakes import make_noted


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({"says_port": True}, ["port: 8000"]),
        ({"publish": ("8982:8001",)}, ["publish: 8982:8000"]),
        ({"publish": ("8001",)}, ["publish: 8001:8000"]),
        ({"publish": ("${WEB:-8982}:8001",)}, ['publish: "${WEB:-8982}:8000"']),
        ({"publish": ("0.0.0.0:1:8001",)}, ['publish: "0.0.0.0:1:8000"']),
        ({"publish": ("8982",), "says_port": True}, ["port: 8000"]),
        ({"publish": ("8982:8000",), "says_port": True}, ["port: 8000"]),
        (
            {"publish": ("8982:8001",), "says_port": True},
            ["port: 8000", "publish: 8982:8000"],
        ),
        (
            {"publish": ("8982:8001", "9000:9000")},
            ['publish: ["8982:8000", "9000:9000"]'],
        ),
        (
            {"publish": ("8001/udp", "8982:8001")},
            ['publish: ["8001/udp", "8982:8000"]'],
        ),
        (
            {"check": "http", "path": "/", "check_port": 9, "publish": ("1:8001",)},
            ["health: {http: /, port: 8000}"],
        ),
    ],
)
def test_what_leads_to_the_wrong_port_is_changed_and_nothing_else(values, lines):
    noted = make_noted("web", **{"port": 8001, **values})
    assert write_port(noted, 8000) == lines


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"check": "http", "path": "/up"}, "health: {http: /up, boot: 60s}"),
        ({"check": "http", "path": "/?a,b"}, 'health: {http: "/?a,b", boot: 60s}'),
        ({"check": "tcp"}, "health: {tcp: true, boot: 60s}"),
        ({"check": "image"}, "health: {image: true, boot: 60s}"),
        ({"check": "command"}, "health: {boot: 60s}"),
    ],
)
def test_a_health_check_is_written_whole(values, line):
    """The short form, `health: /up`, has no room for a boot."""
    assert write_longer_boot(make_noted("web", **values)) == line


def test_a_path_takes_the_place_of_the_path():
    noted = make_noted("web", check="http", path="/wrong")
    assert write_health(noted, "http: /") == "health: {http: /}"
