"""The commands on a cluster as they are typed: what they say, what they exit with."""

import json

import pytest

from composegen.commands import _run
from composegen.drill.notes import DrillFile, DrillNotes
from composegen.places.cluster.notes import load_notes, write_notes
from composegen.system.identity import identify_self
from tests.clusterfakes import (
    FakeKubectl,
    make_claim,
    make_list,
    make_noted,
    make_notes,
    make_ready,
    make_starting,
)

STACK = """\
name: demo
services:
  web: {image: "python:3.13-slim", port: 8000, health: /, user: "10001"}
"""
NOTES = make_notes(make_noted("web"))


@pytest.fixture
def fake(tmp_path, monkeypatch):
    made = FakeKubectl(tmp_path)
    (tmp_path / "stack.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", made.environment["PATH"])
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    made.answer("get namespace", "demo   Active")
    return made


@pytest.fixture
def typed(fake, capsys):
    """Types a command; its exit code, its data and its messages."""

    def type_it(text):
        code = _run(text.split())
        said = capsys.readouterr()
        return code, said.out, said.err

    return type_it


def test_up_ends_with_0_and_the_boot_as_bars(fake, typed):
    fake.show(make_ready("web"))
    code, out, err = typed("up --on kubernetes --context lab")

    assert (code, out) == (0, "")
    assert "wrote kubernetes.yaml" in err
    assert "web | is already running" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("up --on processes", "composegen run"),
        ("up --context lab", "--context is for a cluster"),
        ("up --forward", "--forward is for a cluster"),
        ("up --on kubernetes --no-build", "--no-build is for the engine"),
        ("up --on kubernetes --take-over", "--take-over is for the engine"),
        ("up --on kubernetes --detach", "--detach is for the engine"),
        ("up --on kubernetes --forward --detach", "--detach contradicts"),
        ("up --on kubernetes --context lab --namespace A_b", "cannot be the name"),
        ("up --on kubernetes wep", "did you mean `web`?"),
        ("down --namespace x", "--namespace is for a cluster"),
        ("doctor --yes", "--yes is for a cluster"),
        ("push", "composegen push --registry"),
    ],
)
def test_what_means_nothing_there_is_wrong_usage(fake, typed, text, said):
    path = fake.folder.parent / "stack.yaml"
    if text == "push":
        path.write_text("name: demo\nservices:\n  web: {build: ., health: none}\n")
    code, _, err = typed(text)

    assert code == 2
    assert said in err
    assert fake.list_calls("apply") == []


def test_status_of_a_cluster_is_a_table_and_data(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    fake.show(make_ready("web"))

    code, out, _ = typed("status")
    assert code == 0
    assert "web.demo:8000" in out
    code, out, _ = typed("status --on kubernetes --format json")
    assert json.loads(out)[0]["state"] == "ready"


def test_why_says_that_all_is_well(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    fake.show(make_ready("web"))

    assert typed("why") == (0, "", "everything is up\n")


def test_logs_name_the_gate_of_a_single_service(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    fake.show(make_ready("web"))
    fake.answer("logs", "[pod/web-h1-1/wait-db] waits\n[pod/web-h1-1/web] serves\n")

    assert typed("logs web")[1] == "web/wait-db | waits\nserves\n"


def test_down_needs_a_yes_without_a_terminal(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    code, _, err = typed("down")

    assert code == 2
    assert "composegen down --on kubernetes --yes" in err
    assert fake.list_calls("delete") == []


def test_down_names_what_it_keeps(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    fake.answer("get", "deployment.apps/web\n", flags=["--output=name"])
    fake.answer(
        "get persistentvolumeclaims", make_list([make_claim("data-web-0", "web")])
    )
    code, _, err = typed("down --yes")

    assert code == 0
    assert "removed the objects of demo" in err
    assert "its volumes are kept, with their data: data-web-0" in err
    assert load_notes(fake.folder.parent) is None


def test_down_with_a_context_needs_no_notes_and_no_question(fake, typed):
    fake.answer("get", "deployment.apps/web\n", flags=["--output=name"])
    code, _, err = typed("down --on kubernetes --context lab")

    assert code == 0
    assert "removed the objects of demo" in err


def test_down_removes_claims_where_that_is_asked_for(fake, typed):
    write_notes(fake.folder.parent, NOTES)
    fake.answer(
        "get persistentvolumeclaims", make_list([make_claim("data-web-0", "web")])
    )
    code, _, err = typed("down --volumes --yes")

    assert code == 0
    assert "the data in these volumes will be lost" in err
    assert "removed the claim data-web-0" in err


DRILLED = """\
name: demo
services:
  web:
    image: "python:3.13-slim"
    port: 8000
    health: /
    user: "10001"
    needs: {cache: {env: {CACHE: here}, otherwise: {}}}
  cache: {image: "python:3.13-slim", port: 6000, health: tcp, user: "10001"}
"""
BOTH = make_notes(make_noted("cache"), make_noted("web", optional=["cache"]))


def test_a_drill_on_a_cluster_lists_what_can_be_done_there(fake, typed):
    write_notes(fake.folder.parent, BOTH)
    (fake.folder.parent / "stack.yaml").write_text(DRILLED)
    fake.show([*make_ready("cache"), *make_ready("web")])
    code, out, err = typed("drill")

    assert (code, out) == (2, "")
    assert "  cache  stop kill without  asked: web\n" in err
    assert "there is no terminal to ask whether this may be done" in err
    assert fake.list_calls("patch") == []


def test_a_drill_of_a_stack_that_is_not_up_on_the_cluster_is_refused(fake, typed):
    write_notes(fake.folder.parent, BOTH)
    (fake.folder.parent / "stack.yaml").write_text(DRILLED)
    fake.show([*make_ready("cache"), *make_starting("web")])
    code, _, err = typed("drill --yes --on kubernetes")

    assert code == 2
    assert "not all of the stack is up: web" in err


def test_up_is_refused_on_a_cluster_while_a_drill_goes_on(fake, typed):
    folder = fake.folder.parent
    drill = DrillFile(folder)
    assert drill.lock.take()
    drill.keep(DrillNotes(place="kubernetes", mark="0" * 16, drill=identify_self()))
    code, _, err = typed("up --on kubernetes --context lab")
    drill.lock.give_back()

    assert code == 1
    assert "a drill is going on in this folder" in err
    assert fake.list_calls("apply") == []


def test_without_kubectl_there_is_one_line_with_its_help(fake, typed, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = typed("up --on kubernetes --context lab")

    assert code == 1
    assert err.startswith(
        "error[no-kubectl]: there is no `kubectl` command here\n= help"
    )
