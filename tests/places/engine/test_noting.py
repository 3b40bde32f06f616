"""A plan becomes notes for later commands."""

import pytest

from composegen.places.engine.endpoint import Endpoint
from composegen.places.engine.notes import How, NotedFailure, NotedStop
from composegen.places.engine.noting import make_notes, merge_notes
from composegen.planning.plan import make_plan, take_part
from composegen.planning.selection import Selection
from composegen.records import replace
from composegen.workspace.workspace import Workspace
from tests.stacks import load_only, make_app, make_stack

STACK = """
services:
  web:
    image: python:3.12-slim
    publish: 8000
    health: {http: /, boot: 20s}
    needs:
      db: {DB: "{password_file}"}
      redis:
        env: {REDIS_URL: "{url}"}
        otherwise: {env: {STORE: memory}}
      seed:
  seed:
    image: python:3.12-slim
    job: true
  once:
    image: python:3.12-slim
    health: {none: it ends}
    compose: {restart: no}
  db:
    use: postgres
    secrets: {db-password: POSTGRES_PASSWORD_FILE}
  redis:
    use: redis
"""


def note(*removed):
    plan = make_plan(load_only(STACK), Selection(removed=removed))
    return make_notes(plan, "demo", Endpoint())


def test_a_plan_is_noted():
    notes = note()
    web = notes.find("web")
    assert (web.boot, web.port, web.is_http, web.is_required) == (20, 8000, True, True)
    assert {(n.service, n.is_optional) for n in web.needs} == {
        ("db", False),
        ("redis", True),
        ("seed", False),
    }
    assert notes.find("seed").is_job
    restarted = {each.name for each in notes.services if each.is_restarted}
    assert restarted == {"web", "db", "redis"}
    assert not notes.find("redis").is_required
    assert notes.find("db").password_file == ".secrets/db-password"


def test_what_is_excluded_is_noted_with_its_fallback():
    notes = note("redis")
    assert notes.find("redis") is None
    [excluded] = notes.left_out
    assert excluded["service"] == "redis"
    assert excluded["instead"] == ["web: STORE=memory"]
    assert notes.flags == "--without redis"


# A part of a project


def make_failure(name):
    return NotedFailure(service=name, how=How.LATE, at=9.0, reason=f"{name} is late")


def note_part(*names, removed=()):
    plan = make_plan(load_only(STACK), Selection(removed=removed))
    return make_notes(take_part(plan, names), "demo", Endpoint())


def test_what_is_noted_of_the_others_stays():
    old = replace(
        note("redis"),
        flags="--without redis",
        complaint="it said no",
        failures=(make_failure("web"), make_failure("seed")),
        began=5.0,
        stopped=(NotedStop(container="c"),),
    )

    merged = merge_notes(old, note_part("seed"))

    assert [each.name for each in merged.services] == [
        each.name for each in old.services
    ]
    assert (merged.failures, merged.began) == ((make_failure("web"),), 5.0)
    assert (merged.flags, merged.complaint) == ("--without redis", "it said no")
    assert (merged.stopped, merged.left_out) == (old.stopped, old.left_out)
    assert merge_notes(merged, note_part("web", removed=("redis",))).complaint == ""


def test_a_service_is_as_much_required_as_in_the_whole():
    named = note_part("redis")
    assert named.find("redis").is_required

    assert not merge_notes(note(), named).find("redis").is_required
    assert merge_notes(note("redis"), named).find("redis").is_required
    assert merge_notes(note("redis"), named).left_out == ()


def test_a_part_alone_is_noted_as_it_is():
    named = note_part("db")
    assert merge_notes(named, named) == named


def test_the_definition_is_noted_of_each_service():
    assert len({each.definition for each in note().services}) == 5


@pytest.mark.parametrize(
    ("keys", "comes_back", "on_failure"),
    [
        ("", True, False),
        ("restart: always", True, False),
        ("restart: 'no'", False, False),
        ("restart: on-failure:3", True, True),
        ("restart: ${R:-no}", False, False),
        ("restart: ${R}", True, False),
        ("compose: {restart: on-failure}", True, True),
        ("restart: always\ncompose: {restart: null}", False, False),
    ],
)
def test_when_a_service_is_restarted_is_noted(keys, comes_back, on_failure):
    plan = make_plan(load_only(make_app(keys)))

    [noted] = make_notes(plan, "demo", Endpoint()).services

    assert (noted.is_restarted, noted.on_failure) == (comes_back, on_failure)


def test_numbers_are_noted_as_variables_say_them():
    text = make_stack(
        app="image: python:3.12-slim\nport: ${P:-8000}\nreplicas: ${N:-2}\n"
        "health: {http: /, boot: '${B:-30s}'}"
    )
    plan = make_plan(load_only(text))

    def note_app(**values):
        fill = Workspace("stack.yaml", values).fill
        return make_notes(plan, "demo", Endpoint(), fill).services[0]

    usual = note_app()
    assert (usual.port, usual.check_port, usual.replicas, usual.boot) == (
        *(8000, 8000, 2, 30),
    )
    other = note_app(P="81", N="3", B="1m")
    assert (other.port, other.check_port, other.replicas, other.boot) == (
        *(81, 81, 3, 60),
    )
    assert note_app(P="many").port == 8000


def test_an_image_is_noted_as_it_is_written_and_a_built_one_by_its_name():
    text = """
name: demo
probe_image: ${PROBE:-busybox:1.37}
services:
  plain: {image: "app:${TAG:-1}", port: 80, health: {http: /, from: outside}}
  built: {build: ., health: {none: x}}
  both: {build: ., image: "mine:1", health: {none: x}}
"""
    plan = make_plan(load_only(text, {"Dockerfile": "FROM a:1"}))
    fill = Workspace("stack.yaml", {"TAG": "secret", "PROBE": "secret"}).fill

    noted = make_notes(plan, "demo", Endpoint(), fill)

    images = {each.name: (each.image, each.helper_image) for each in noted.services}
    assert images == {
        "plain": ("app:${TAG:-1}", "${PROBE:-busybox:1.37}"),
        "built": ("demo-built", ""),
        "both": ("mine:1", ""),
    }
