"""A test that fetches a page of its own becomes `http`; any other stays as it is."""

from __future__ import annotations

import pytest
import yaml

from composegen.stackfile.hints.healthcheck import translate_healthcheck


def translate(text: str) -> object:
    """What is offered in the place of a healthcheck's test, as data."""
    line = translate_healthcheck({"test": yaml.load(text, Loader=yaml.BaseLoader)})
    return yaml.load(line, Loader=yaml.BaseLoader)["health"]


@pytest.mark.parametrize(
    "test",
    [
        "[CMD, curl, -f, 'http://localhost:80/up']",
        "[CMD, /usr/bin/curl, -fsS, -o, /dev/null, 'http://127.0.0.1/up']",
        "[CMD, curl, --fail, --max-time, '3', 'http://localhost/up']",
        "curl -f http://localhost/up",
        "curl -f http://localhost/up || exit 1",
        "curl -fs http://localhost/up > /dev/null || exit 1",
        "[CMD-SHELL, \"curl -f 'http://localhost/up' || exit 1\"]",
        "[CMD, wget, -q, --spider, 'http://localhost/up']",
        "[CMD, wget, -qO-, 'http://0.0.0.0/up']",
        "[CMD, wget, --no-verbose, --tries=1, --spider, 'http://[::1]/up']",
        "wget -q -O /dev/null -T 3 http://localhost/up 2>&1 || exit 1",
        """[CMD, python, -c, "import urllib.request as u;u.urlopen('http://localhost/up')"]""",
        """[CMD, node, -e, "fetch('http://localhost/up').then(r => exit(!r.ok))"]""",
    ],
)
def test_a_page_of_its_own_is_asked_for(test: str) -> None:
    assert translate(test) == {"http": "/up", "port": "80"}


@pytest.mark.parametrize(
    "test",
    [
        "[CMD, curl, -kf, 'https://localhost:8443/health']",
        "[CMD, curl, -f, 'https://localhost/health']",
        "curl -fu admin:pw http://localhost/ping",
        "[CMD, curl, -f, -H, 'Host: x.example', 'http://localhost/ping']",
        "curl -f http://api.internal:9000/ping",
        "curl -f -X POST http://localhost/a",
        "curl -f -d x http://localhost/a",
        "curl -s http://localhost/a | grep -q ok",
        "curl -f http://localhost/a && test -f /x",
        "curl -f http://localhost/a || test -f /x",
        "curl -f http://localhost:$$PORT/a",
        "curl -f http://localhost:${PORT}/a",
        "curl -f http://localhost/a http://localhost/b",
        "curl -f http://localhost/$(hostname)",
        "curl -f 'http://localhost/a",
        "wget --post-data=x http://localhost/a",
        "pg_isready -U x",
        "[CMD, redis-cli, ping]",
        """[CMD, python, -c, "import x; x.ask('http://localhost/a', 'http://b/c')"]""",
        "'true'",
    ],
)
def test_whatever_does_more_stays_the_command_that_it_is(test: str) -> None:
    written = yaml.load(test, Loader=yaml.BaseLoader)
    command = written[1:] if isinstance(written, list) else written

    assert translate(test) == {"command": command}


@pytest.mark.parametrize("word", ["true", "True", "yes"])
def test_a_check_that_is_switched_off_is_none(word: str) -> None:
    line = translate_healthcheck({"disable": word})

    assert line == "health: {none: why it cannot be asked}"


def test_a_check_that_is_not_switched_off_is_one() -> None:
    assert translate_healthcheck({"disable": "false"}) == "health: {image: true}"


def test_times_come_along_a_variable_with_its_default() -> None:
    check = {
        "test": ["CMD", "ask"],
        "start_period": "40s",
        "interval": "${EVERY:-5s}",
        "timeout": "${LIMIT}",
        "retries": "4",
    }

    line = translate_healthcheck(check)

    assert line == (
        'health: {command: [ask], boot: 40s, interval: "${EVERY:-5s}", retries: 4}'
    )
