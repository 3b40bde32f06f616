"""`down --volumes`: data is listed, asked about, and removed; nothing before a yes."""

import os
import subprocess
import sys

import pytest

from composegen.workspace.state import make_state_folder
from tests.leaks import find_port
from tests.runs import ROOT, SECONDS, end, make_service, start_up, write_stack
from tests.terminals import Terminal

COMPOSEGEN = [sys.executable, "-m", "composegen"]
# No engine answers there.
ENV = {"PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.fixture
def data(tmp_path):
    """The data folder of a service that ran as a process, in a stack with secrets."""
    write_stack(tmp_path, "services:\n" + make_service("web", 4711))
    (tmp_path / ".secrets").mkdir()
    path = make_state_folder(tmp_path, "data", "web")
    (path / "file").write_text("data")
    return path


def down(folder, *words):
    done = subprocess.run(
        [*COMPOSEGEN, "down", *words],
        cwd=folder,
        env={**os.environ, **ENV},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_without_a_terminal_it_lists_what_would_go_and_needs_a_yes(tmp_path, data):
    code, said = down(tmp_path, "--volumes")

    assert code == 2
    assert f"  .composegen/data/web  4 B  {tmp_path}\n" in said
    assert "= help: composegen down --volumes --yes" in said
    assert data.exists()


def test_with_a_yes_the_data_goes_and_the_secrets_stay(tmp_path, data):
    code, said = down(tmp_path, "--volumes", "--yes")

    assert code == 0
    assert not data.exists()
    assert (tmp_path / ".secrets").exists()
    assert said.splitlines()[-2:] == [
        "removed .composegen/data/web",
        ".secrets/ is kept: new volumes will be made with its passwords",
    ]
    assert down(tmp_path, "--volumes", "--yes") == (
        *(0, "nothing runs here, and there are no volumes of this folder\n"),
    )


@pytest.mark.parametrize(
    ("answer", "code", "is_there"),
    [("n", 1, True), ("", 1, True), ("what", 1, True), ("y", 0, False), ("YES", 0, 0)],
)
def test_a_person_is_asked(tmp_path, data, answer, code, is_there):
    with Terminal([*COMPOSEGEN, "down", "--volumes"], tmp_path, **ENV) as terminal:
        terminal.wait_for("remove them? [y/N] ")
        terminal.type(f"{answer}\n")
        assert terminal.wait() == code
    assert data.exists() == is_there
    assert ("nothing was stopped or removed" in terminal.shown) == bool(is_there)


def test_an_interrupt_at_the_question_changes_nothing(tmp_path, data):
    with Terminal([*COMPOSEGEN, "down", "--volumes"], tmp_path, **ENV) as terminal:
        terminal.wait_for("remove them? [y/N] ")
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert data.exists()
    assert "Traceback" not in terminal.shown


def test_a_yes_without_a_question_is_wrong_usage(tmp_path, data):
    code, said = down(tmp_path, "--yes")
    assert code == 2
    assert "--volumes" in said
    assert data.exists()


def test_a_stack_file_with_errors_keeps_all_data(tmp_path, data):
    """Which volumes are external is known from it alone."""
    (tmp_path / "stack.yaml").write_text("services: [")
    code, said = down(tmp_path, "--volumes", "--yes")
    assert code == 1
    assert "stack.yaml" in said
    assert data.exists()


def test_a_run_that_goes_on_is_ended_before_its_data_goes(tmp_path, data):
    write_stack(tmp_path, "services:\n" + make_service("web", find_port()))
    process, _ = start_up(tmp_path, env=ENV)

    code, said = down(tmp_path, "--volumes", "--yes")

    end(process)
    assert code == 0
    assert said.index("ended the run") < said.index("removed .composegen/data/web")


def test_plain_down_names_the_data_that_stays(tmp_path, data):
    write_stack(tmp_path, "services:\n" + make_service("web", find_port()))
    process, _ = start_up(tmp_path, env=ENV)

    code, said = down(tmp_path)

    end(process)
    assert code == 0
    assert "its volumes are kept, with their data: .composegen/data/web\n" in said
    assert data.exists()
