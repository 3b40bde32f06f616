"""What `up` notes is there for later commands, and never half."""

import json
import math
import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest

from composegen.errors import OtherEngine
from composegen.places.engine.deaths import Death
from composegen.places.engine.endpoint import find_endpoint
from composegen.places.engine.notes import (
    How,
    NotedExclusion,
    NotedFailure,
    NotedStop,
    change_notes,
    load_notes,
    read_notes,
    remove_notes,
    write_notes,
)
from composegen.places.events import Failure
from composegen.places.status import format_now
from composegen.records import replace
from composegen.workspace.state import STATE_FOLDER, NotTrusted
from tests.enginefakes import make_noted, make_notes

ENVIRONMENT = {"DOCKER_HOST": "tcp://x:1", "DOCKER_TLS_VERIFY": "1"}
"""What chooses the engine that the notes name."""


@pytest.fixture
def notes():
    return make_notes(
        make_noted("web", "db", "cache?", port=80, is_http=True, without=("cache",)),
        make_noted("cache", is_required=False),
        make_noted("db", password_file=".secrets/db-password"),
        host="tcp://x:1",
        context="",
        settings={"DOCKER_TLS_VERIFY": "1"},
        flags="--without cache",
        began=12.5,
        limit=60.0,
        complaint="it said no",
        failures=(
            NotedFailure(service="web", how=How.LATE, at=13.5, reason="r", id="a"),
        ),
        deaths=(Death(id="a", at=13.0, exit_code=3, was_out_of_memory=True),),
        left_out=({"service": "queue", "reason": "r", "instead": ["web: A=b"]},),
        excluded=(
            NotedExclusion(
                service="cache",
                reason="not healthy within 60s",
                at=13.5,
                failure=Failure(service="cache", reason="r", cause="c", lines=("a",)),
                instead=("web: A=b",),
            ),
        ),
    )


def write_text(folder, text, mode=0o600):
    (folder / STATE_FOLDER).mkdir(mode=0o700, exist_ok=True)
    path = folder / STATE_FOLDER / "up.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def change(folder, notes, **fields):
    """Write notes in which some fields are others, at the top or of a service."""
    write_notes(folder, notes)
    path = folder / STATE_FOLDER / "up.json"
    data = json.loads(path.read_text())
    for name, value in fields.items():
        if name.startswith("services_"):
            data["services"][0][name.removeprefix("services_")] = value
        else:
            data[name] = value
    write_text(folder, json.dumps(data))


def test_what_is_written_is_read_back(notes, tmp_path):
    begin = format_now()
    write_notes(tmp_path, notes)
    read = read_notes(tmp_path, ENVIRONMENT)
    assert read.at >= begin
    assert replace(read, at="") == notes


def test_the_notes_of_version_0_2_are_read_but_for_what_is_no_evidence(notes, tmp_path):
    change(tmp_path, notes, failed=["web"], late=["web"], failures=[], deaths=[])
    read = read_notes(tmp_path, ENVIRONMENT)
    assert replace(read, at="") == replace(notes, failures=(), deaths=())


def test_the_first_form_is_read_as_nothing_excluded(notes, tmp_path):
    write_notes(tmp_path, notes)
    data = json.loads((tmp_path / STATE_FOLDER / "up.json").read_text())
    del data["excluded"]
    for service in data["services"]:
        del service["without"]
        for need in service["needs"]:
            del need["later"]
    write_text(tmp_path, json.dumps({**data, "form": 1}))

    read = read_notes(tmp_path, ENVIRONMENT)

    assert read.excluded == ()
    assert [each.without for each in read.services] == [(), (), ()]
    assert read.services[0].needs == notes.services[0].needs


def test_only_its_owner_reads_it(notes, tmp_path):
    write_notes(tmp_path, notes)
    path = tmp_path / STATE_FOLDER / "up.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_was_noted(tmp_path):
    assert read_notes(tmp_path, ENVIRONMENT) is None
    remove_notes(tmp_path)


def test_what_is_removed_is_gone(notes, tmp_path):
    write_notes(tmp_path, notes)
    remove_notes(tmp_path)
    assert read_notes(tmp_path, ENVIRONMENT) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "not JSON", '{"form": 99}', '{"form": 1, "services": [1]}'),
        *("[" * 100_000, '{"a":' * 100_000, "1" * 5000, '{"form": 1e999}', "\x00"),
    ],
)
def test_a_broken_file_is_no_note(text, tmp_path):
    write_text(tmp_path, text)
    assert read_notes(tmp_path, ENVIRONMENT) is None
    with pytest.raises(NotTrusted):
        load_notes(tmp_path)


WRONG = (
    *("project", "host", "context", "file", "flags", "complaint", "services"),
    *("settings", "failures", "deaths", "began", "limit", "left_out", "excluded"),
    *(f"services_{name}" for name in ("name", "is_required", "is_job", "is_asked")),
    *(f"services_{name}" for name in ("is_http", "is_restarted", "boot", "replicas")),
    *(
        f"services_{name}"
        for name in ("port", "needs", "password_file", "without", "on_failure")
    ),
)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize(
    "value", [{"a": [1]}, [[1]], [{"service": 1}], -1.5, math.nan, 1 << 70, [None]]
)
def test_no_field_may_be_of_another_kind(name, value, notes, tmp_path):
    if name.endswith(("boot", "began", "limit")) and value == -1.5:
        return  # a number, as it has to be
    change(tmp_path, notes, **{name: value})
    assert read_notes(tmp_path, ENVIRONMENT) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"project": "--help"},
        {"project": "../x"},
        {"project": ""},
        {"services_name": "--all"},
        {"services_name": "a b"},
        {"services_needs": [{"service": "-x", "is_optional": True}]},
        {"left_out": [{"service": "a"}]},
        {"left_out": [{"service": "a", "reason": "b", "instead": "c"}]},
        {"left_out": {}},
        {"services_without": ["--all"]},
        {"excluded": [{"service": "nothing", "reason": "r", "at": 1.0}]},
        {"excluded": [{"service": "cache", "reason": "r"}]},
        {"unknown": 1},
        {"form": "1"},
    ],
)
def test_no_field_may_hold_what_composegen_does_not_write(fields, notes, tmp_path):
    change(tmp_path, notes, **fields)
    assert read_notes(tmp_path, ENVIRONMENT) is None


def test_no_text_of_it_steers_a_terminal(notes, tmp_path):
    change(tmp_path, notes, complaint="\x1b[31mno\x1b[0m\n\x1b]0;title\x07\u202e")
    complaint = read_notes(tmp_path, ENVIRONMENT).complaint
    assert complaint == "\x1b[31mno\x1b[0m\n\\x1b]0;title\\x07\\u202e"


# Which engine


@pytest.mark.parametrize(
    ("noted", "environment"),
    [
        ({"settings": {"DOCKER_CONFIG": "/evil"}}, ENVIRONMENT),
        ({"settings": {"DOCKER_CERT_PATH": "/evil"}}, ENVIRONMENT),
        ({"settings": {}}, ENVIRONMENT),
        ({"settings": {"DOCKER_TLS_VERIFY": "1", "LD_PRELOAD": "/x"}}, ENVIRONMENT),
        ({"settings": {"PATH": "/evil"}}, ENVIRONMENT),
        ({"host": "tcp://evil:1"}, ENVIRONMENT),
        ({"host": "tcp://x:1\x1b[2J"}, ENVIRONMENT),
        ({"context": "evil"}, ENVIRONMENT),
        ({"host": "", "context": "evil", "settings": {}}, {}),
        ({"host": "", "context": "", "settings": {}}, {}),
        ({}, {**ENVIRONMENT, "DOCKER_CONFIG": "/mine"}),
        ({}, {"DOCKER_CONTEXT": "mine"}),
        ({}, {}),
    ],
)
def test_another_engine_than_the_one_chosen_now_is_refused(
    noted, environment, notes, tmp_path
):
    change(tmp_path, notes, **noted)
    with pytest.raises(OtherEngine) as caught:
        read_notes(tmp_path, {"HOME": str(tmp_path), **environment})
    assert caught.value.exit_code == 2
    assert f"rm {tmp_path}/.composegen/up.json" in caught.value.help


@pytest.mark.parametrize(
    "environment",
    [
        ENVIRONMENT,
        {**ENVIRONMENT, "DOCKER_CONFIG": "/mine", "DOCKER_CERT_PATH": "/certs"},
        {"DOCKER_CONTEXT": "mine"},
        {"DOCKER_CONFIG": "/nowhere"},
        {"DOCKER_TLS_VERIFY": "1", "DOCKER_HOST": ""},
        {},
    ],
)
def test_the_engine_that_is_chosen_as_before_is_used(environment, notes, tmp_path):
    environment = {"HOME": str(tmp_path), **environment}
    chosen = find_endpoint(environment)
    change(
        tmp_path,
        notes,
        host=chosen.host,
        context=chosen.context,
        settings=dict(chosen.settings),
    )
    assert read_notes(tmp_path, environment).endpoint == chosen


def test_the_refusal_names_both_engines_and_what_to_type(notes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_notes(tmp_path, notes)
    with pytest.raises(OtherEngine) as caught:
        read_notes(tmp_path, {"DOCKER_CONTEXT": "mine", "DOCKER_CONFIG": "/c d"})
    error = caught.value
    assert error.noted == "tcp://x:1 with DOCKER_TLS_VERIFY=1"
    assert error.chosen == "docker context mine with DOCKER_CONFIG=/c d"
    first, _, *lines = error.help.splitlines()
    assert first.endswith("remove the file: rm .composegen/up.json")
    assert lines == [
        "export DOCKER_TLS_VERIFY=1",
        "export DOCKER_HOST=tcp://x:1",
        "unset DOCKER_CONFIG",
    ]


def test_what_is_offered_leads_to_the_noted_engine(notes, tmp_path):
    change(tmp_path, notes, host="", context="mine", settings={"DOCKER_CONFIG": "/c d"})
    environment = dict(ENVIRONMENT)
    with pytest.raises(OtherEngine) as caught:
        read_notes(tmp_path, environment)
    for line in caught.value.help.splitlines()[2:]:
        word, _, rest = line.partition(" ")
        name, _, value = rest.partition("=")
        assert word in {"export", "unset"}
        environment.pop(name, None)
        if word == "export":
            environment[name] = shlex.split(value)[0]
    assert read_notes(tmp_path, environment).context == "mine"


def test_no_variable_that_is_never_noted_is_offered(notes, tmp_path):
    change(tmp_path, notes, settings={"LD_PRELOAD": "/evil"})
    with pytest.raises(OtherEngine) as caught:
        read_notes(tmp_path, ENVIRONMENT)
    assert "LD_PRELOAD" in caught.value.noted
    assert "LD_PRELOAD" not in caught.value.help


def test_a_file_that_a_checkout_brings_is_not_read(notes, tmp_path):
    write_notes(tmp_path, notes)
    path = tmp_path / STATE_FOLDER / "up.json"
    path.chmod(0o644)
    assert read_notes(tmp_path, ENVIRONMENT) is None
    with pytest.raises(NotTrusted, match="its mode is 0644"):
        load_notes(tmp_path)
    path.chmod(0o600)
    (tmp_path / STATE_FOLDER).chmod(0o777)
    assert read_notes(tmp_path, ENVIRONMENT) is None


def test_no_value_of_a_variable_is_noted(notes, tmp_path):
    write_notes(tmp_path, notes)
    data = json.loads((tmp_path / STATE_FOLDER / "up.json").read_text())
    assert set(data["services"][0]) == {
        *("name", "is_required", "is_job", "is_asked", "is_http"),
        *("is_restarted", "boot", "replicas", "port", "needs", "password_file"),
        *("check", "path", "host", "check_port", "publish", "says_port"),
        *("definition", "helper", "shares", "without", "on_failure", "is_built"),
        *("image", "helper_image", "made"),
    }


def test_the_dependents_of_a_service_are_known(notes):
    assert notes.list_dependents("db") == ("web",)
    assert notes.list_dependents("web") == ()
    assert notes.find("db").password_file == ".secrets/db-password"
    assert notes.find("nobody") is None


# Changed by several commands


def read(folder):
    """What is noted, without the moment at which it was."""
    return replace(load_notes(folder), at="")


def stop(name):
    def change(notes):
        stop = NotedStop(container=name, started_at=1.5)
        return replace(notes, stopped=(*notes.stopped, stop))

    return change


def test_a_change_is_made_of_what_is_noted_at_that_moment(notes, tmp_path):
    write_notes(tmp_path, notes)
    change_notes(tmp_path, notes, stop("a"))

    changed = change_notes(tmp_path, notes, stop("b"))

    assert load_notes(tmp_path).stopped == changed.stopped
    assert [each.container for each in changed.stopped] == ["a", "b"]


def test_many_changes_at_once_are_all_made(notes, tmp_path):
    write_notes(tmp_path, notes)
    names = [f"c{number}" for number in range(20)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: change_notes(tmp_path, notes, stop(name)), names))

    noted = load_notes(tmp_path).stopped
    assert sorted(each.container for each in noted) == sorted(names)


@pytest.mark.parametrize("fields", [{"project": "other"}, {"host": "tcp://y:1"}])
def test_what_is_noted_of_another_project_is_not_changed_but_replaced(
    notes, tmp_path, fields
):
    write_notes(tmp_path, replace(notes, **fields))

    change_notes(tmp_path, notes, stop("a"))

    assert read(tmp_path) == stop("a")(notes)


def test_where_nothing_can_be_trusted_the_change_is_made_of_what_is_known(
    notes, tmp_path
):
    write_text(tmp_path, "{}")

    change_notes(tmp_path, notes, stop("a"))

    assert read(tmp_path) == stop("a")(notes)
