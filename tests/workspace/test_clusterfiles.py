"""Values for a cluster stand in files that only this user reads, one a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composegen.errors import CannotRun, MissingVariable
from composegen.workspace.clusterfiles import make_cluster_files
from composegen.workspace.secrets import Outcome, make_secret_files
from tests.clusters import APP, name_stack
from tests.rendering import plan_for_cluster

ENV = ".secrets/kubernetes.env"


def make(folder: Path, keys: str, values: dict[str, str] | None = None) -> str:
    """The text of the file of variables of a service ``app``."""
    made = make_cluster_files(
        plan_for_cluster(name_stack(app=APP + keys)), folder, values or {}
    )
    assert [each.file for each in made] == [ENV]
    return (folder / ENV).read_text()


def test_values_are_filled_as_compose_fills_them(tmp_path: Path) -> None:
    text = make(
        tmp_path,
        "environment: {A: 'x$A', B: '${B:-y}$$z', PLAIN: plain}\n",
        {"A": "1", "PLAIN": "no"},
    )

    assert text == "app.A=x1\napp.B=y$z\n"


def test_a_variable_that_is_passed_on_is_absent_where_nothing_sets_it(
    tmp_path: Path,
) -> None:
    assert make(tmp_path, "environment: [A, B]\n", {"B": "2"}) == "app.B=2\n"


def test_what_a_fallback_needs_is_added_and_the_rest_stays(tmp_path: Path) -> None:
    keys = {"A": "${A}", "CACHE": "${C}"}, {"A": "${A}", "B": "${B}"}
    whole, varied = (
        plan_for_cluster(name_stack(app=f"{APP}environment: {json.dumps(each)}\n"))
        for each in keys
    )
    values = {"A": "1", "B": "2", "C": "3"}
    make_cluster_files(whole, tmp_path, values, varied=varied)

    assert (tmp_path / ENV).read_text() == "app.A=1\napp.CACHE=3\napp.B=2\n"


def test_only_this_user_reads_the_file_and_git_passes_over_it(tmp_path: Path) -> None:
    make(tmp_path, "environment: [A]\n", {"A": "1"})

    assert (tmp_path / ENV).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".secrets/.gitignore").read_text() == "*\n"


def test_a_file_that_says_it_already_is_kept(tmp_path: Path) -> None:
    plan = plan_for_cluster(name_stack(app=f"{APP}environment: [A]\n"))
    outcomes = [
        make_cluster_files(plan, tmp_path, {"A": value})[0].outcome
        for value in ("1", "1", "2")
    ]

    assert outcomes == [Outcome.WRITTEN, Outcome.KEPT, Outcome.WRITTEN]


def test_a_file_that_others_can_read_is_closed(tmp_path: Path) -> None:
    make(tmp_path, "environment: [A]\n", {"A": "1"})
    (tmp_path / ENV).chmod(0o644)
    make(tmp_path, "environment: [A]\n", {"A": "1"})

    assert (tmp_path / ENV).stat().st_mode & 0o777 == 0o600


def test_a_stack_without_variables_has_no_file(tmp_path: Path) -> None:
    plan = plan_for_cluster(name_stack(app=APP))

    assert make_cluster_files(plan, tmp_path, {}) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_required_variable_that_is_not_set_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MissingVariable, match="A is not set: say it"):
        make(tmp_path, "environment: {A: '${A:?say it}'}\n")
    assert not (tmp_path / ".secrets").exists()


def test_several_of_them_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="A is not set; B is not set"):
        make(tmp_path, "environment: {A: '${A?}', B: '${B?}', C: '${A?}'}\n")


@pytest.mark.parametrize(
    ("value", "words"),
    [("a\nb", "several lines"), ("a\rb", "several lines"), ("x" * 60_001, "too long")],
)
def test_what_kustomize_would_cut_is_refused(
    tmp_path: Path, value: str, words: str
) -> None:
    with pytest.raises(CannotRun, match=words):
        make(tmp_path, "environment: [A]\n", {"A": value})


def test_a_password_is_filled_from_its_file(tmp_path: Path) -> None:
    plan = plan_for_cluster(
        name_stack(
            app=f"{APP}needs: {{db: {{DSN: '{{url}}'}}}}\n",
            db="use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}\n",
        )
        + "secrets: {db-password: {generate: true}}\n"
    )
    make_secret_files(plan.stack, tmp_path, {})
    make_cluster_files(plan, tmp_path, {})

    password = (tmp_path / ".secrets/db-password").read_text()
    assert (tmp_path / ENV).read_text() == (
        f"app.DSN=postgresql://postgres:{password}@db:5432/postgres\n"
    )


def test_an_env_file_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("export A='$x'\nB=\"$X y\" # why\n")
    files = {"app.env": "A=\n"}
    plan = plan_for_cluster(name_stack(app=f"{APP}env_file: app.env\n"), files=files)
    (made,) = make_cluster_files(plan, tmp_path, {"X": "1"})

    assert made.file == ".secrets/kubernetes.app.env"
    assert (tmp_path / made.file).read_text() == "A=$x\nB=1 y\n"
