"""Secret files are made once, renewed from their variable, and reported when empty."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.errors import FileRefused
from composegen.workspace.secrets import (
    Made,
    Outcome,
    list_secrets,
    make_secret_files,
)
from tests.stacks import APP, load_only, make_stack

PLAIN = make_stack(app=f"{APP}secrets: [API_KEY]\n")
GENERATED = make_stack(app=f"{APP}secrets: [token]\n") + (
    "secrets: {token: {generate: true}}\n"
)
OWN = make_stack(app=f"{APP}secrets: [cert]\n") + (
    "secrets: {cert: {file: ./tls/cert.pem}}\n"
)
URL = (
    make_stack(
        app=f"{APP}needs: {{db: DB_URL_FILE}}\n",
        db="use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}\n",
    )
    + "secrets: {db-password: {env: DB_PASSWORD}}\n"
)


def make(folder: Path, stack: str, **environment: str) -> list[Made]:
    return list(make_secret_files(load_only(stack), folder, environment))


def outcomes(made: list[Made]) -> dict[str, Outcome]:
    return {item.secret.name: item.outcome for item in made}


def read(folder: Path, name: str) -> str:
    return (folder / ".secrets" / name).read_text()


# From a variable


def test_a_variable_s_value_is_written_as_it_is(tmp_path: Path) -> None:
    made = make(tmp_path, PLAIN, API_KEY="a $b 'c'\nd")

    assert outcomes(made) == {"API_KEY": Outcome.WRITTEN}
    assert read(tmp_path, "API_KEY") == "a $b 'c'\nd"


def test_a_variable_is_read_from_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY='from a file'\n")

    make(tmp_path, PLAIN)

    assert read(tmp_path, "API_KEY") == "from a file"


def test_the_environment_comes_before_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY=file\n")

    make(tmp_path, PLAIN, API_KEY="environment")

    assert read(tmp_path, "API_KEY") == "environment"


def test_an_empty_variable_does_not_hide_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY=file\n")

    make(tmp_path, PLAIN, API_KEY="")

    assert read(tmp_path, "API_KEY") == "file"


def test_a_value_is_written_again_whenever_it_is_set(tmp_path: Path) -> None:
    make(tmp_path, PLAIN, API_KEY="old")
    made = make(tmp_path, PLAIN, API_KEY="new")

    assert outcomes(made) == {"API_KEY": Outcome.WRITTEN}
    assert read(tmp_path, "API_KEY") == "new"


@pytest.mark.parametrize("environment", [{}, {"API_KEY": ""}])
def test_a_variable_that_is_not_set_leaves_the_file(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    make(tmp_path, PLAIN, API_KEY="kept")
    made = make(tmp_path, PLAIN, **environment)

    assert outcomes(made) == {"API_KEY": Outcome.KEPT}
    assert read(tmp_path, "API_KEY") == "kept"


def test_a_variable_that_was_never_set_makes_an_empty_file(tmp_path: Path) -> None:
    (made,) = make(tmp_path, PLAIN)

    assert made.outcome is Outcome.EMPTY
    assert made.help == "set API_KEY"
    assert read(tmp_path, "API_KEY") == ""


def test_the_same_value_is_not_written_twice(tmp_path: Path) -> None:
    make(tmp_path, PLAIN, API_KEY="same")
    os.utime(tmp_path / ".secrets/API_KEY", (1, 1))

    assert outcomes(make(tmp_path, PLAIN, API_KEY="same")) == {"API_KEY": Outcome.KEPT}
    assert (tmp_path / ".secrets/API_KEY").stat().st_mtime == 1


def test_a_file_that_is_no_text_is_left_as_it_is(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)
    (tmp_path / ".secrets/API_KEY").write_bytes(b"\xff\x00\xfe")

    assert outcomes(make(tmp_path, PLAIN)) == {"API_KEY": Outcome.KEPT}
    assert (tmp_path / ".secrets/API_KEY").read_bytes() == b"\xff\x00\xfe"


def put_something_large(path: Path) -> None:
    path.write_bytes(b"a" * 1_048_577)


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("put", [put_something_large, put_a_folder, put_a_pipe])
@pytest.mark.parametrize("kind", ["variable", "generated"])
def test_what_cannot_be_read_is_not_lost(
    tmp_path: Path, put: Callable[[Path], None], kind: str
) -> None:
    stack = {"variable": PLAIN, "generated": GENERATED}[kind]
    (made,) = make(tmp_path, stack)
    path = tmp_path / made.secret.file
    put(path)
    before = path.stat()

    with pytest.raises(FileRefused, match="is not a readable file") as raised:
        make(tmp_path, stack)

    assert raised.value.file == made.secret.file
    assert path.stat() == before


def test_a_value_replaces_what_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)
    put_something_large(tmp_path / ".secrets/API_KEY")

    assert outcomes(make(tmp_path, PLAIN, API_KEY="new")) == {
        "API_KEY": Outcome.WRITTEN
    }
    assert read(tmp_path, "API_KEY") == "new"


# Generated


def test_a_generated_secret_is_made_once(tmp_path: Path) -> None:
    assert outcomes(make(tmp_path, GENERATED)) == {"token": Outcome.WRITTEN}
    first = read(tmp_path, "token")

    assert outcomes(make(tmp_path, GENERATED, TOKEN="other")) == {"token": Outcome.KEPT}
    assert read(tmp_path, "token") == first


def test_a_generated_secret_is_long_and_plain(tmp_path: Path) -> None:
    make(tmp_path, GENERATED)
    text = read(tmp_path, "token")

    assert len(text) == 48
    assert text.isalnum()
    assert text.isascii()


def test_two_generated_secrets_differ(tmp_path: Path) -> None:
    texts = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make(tmp_path / name, GENERATED)
        texts.add(read(tmp_path / name, "token"))

    assert len(texts) == 2


def test_an_empty_generated_secret_is_made_again(tmp_path: Path) -> None:
    make(tmp_path, GENERATED)
    (tmp_path / ".secrets/token").write_text("")

    assert outcomes(make(tmp_path, GENERATED)) == {"token": Outcome.WRITTEN}
    assert read(tmp_path, "token")


# One's own file


def test_a_file_of_one_s_own_is_never_made(tmp_path: Path) -> None:
    (made,) = make(tmp_path, OWN)

    assert made.outcome is Outcome.MISSING
    assert made.help == "make ./tls/cert.pem"
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize(
    ("text", "outcome"), [("pem", Outcome.KEPT), ("", Outcome.EMPTY)]
)
def test_a_file_of_one_s_own_is_left_as_it_is(
    tmp_path: Path, text: str, outcome: Outcome
) -> None:
    (tmp_path / "tls").mkdir()
    file = tmp_path / "tls/cert.pem"
    file.write_text(text)
    file.chmod(0o600)

    assert outcomes(make(tmp_path, OWN)) == {"cert": outcome}
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600


# URLs


def test_a_url_carries_its_password_encoded(tmp_path: Path) -> None:
    made = make(tmp_path, URL, DB_PASSWORD="p@ss/$1")

    assert outcomes(made) == {"db-password": Outcome.WRITTEN, "db-url": Outcome.WRITTEN}
    assert read(tmp_path, "db-url") == (
        "postgresql://postgres:p%40ss%2F%241@db:5432/postgres"
    )


def test_a_url_is_written_again_when_its_password_changes(tmp_path: Path) -> None:
    make(tmp_path, URL, DB_PASSWORD="old")
    made = make(tmp_path, URL, DB_PASSWORD="new")

    assert outcomes(made)["db-url"] is Outcome.WRITTEN
    assert ":new@" in read(tmp_path, "db-url")


def test_a_url_is_written_again_when_it_changes_itself(tmp_path: Path) -> None:
    make(tmp_path, URL, DB_PASSWORD="pw")
    other = URL.replace("use: postgres\n", "use: postgres\n    port: 5433\n")

    assert outcomes(make(tmp_path, other))["db-url"] is Outcome.WRITTEN
    assert "@db:5433/" in read(tmp_path, "db-url")


def test_a_url_without_its_password_is_empty(tmp_path: Path) -> None:
    made = make(tmp_path, URL)

    assert outcomes(made) == {"db-password": Outcome.EMPTY, "db-url": Outcome.EMPTY}
    assert read(tmp_path, "db-url") == ""
    assert {item.help for item in made} == {"set DB_PASSWORD"}


def test_the_line_end_of_a_password_s_file_is_not_part_of_it(tmp_path: Path) -> None:
    make(tmp_path, URL)
    (tmp_path / ".secrets/db-password").write_text("pw\r\n")

    make(tmp_path, URL)

    assert ":pw@" in read(tmp_path, "db-url")


def test_variables_in_a_url_are_filled(tmp_path: Path) -> None:
    stack = make_stack(
        app=f"{APP}needs: {{db: DB_URL_FILE}}\n",
        db="use: postgres\nenvironment: {POSTGRES_PASSWORD: '${PW}', "
        "POSTGRES_DB: '${NAME:-shop}'}\n",
    )
    (tmp_path / ".env").write_text("PW=secret\n")

    make(tmp_path, stack)

    assert read(tmp_path, "db-url") == "postgresql://postgres:secret@db:5432/shop"


# Which there are


def test_every_secret_that_is_used_is_listed_and_urls_come_last() -> None:
    stack = make_stack(
        app=f"{APP}secrets: [one]\nneeds: {{db: DB_URL_FILE}}\n",
        db="use: postgres\nsecrets: {pw: POSTGRES_PASSWORD_FILE}\n",
    ) + ("secrets: {unused: , pw: {generate: true}}\n")

    assert [secret.name for secret in list_secrets(load_only(stack))] == [
        "pw",
        "one",
        "db-url",
    ]


def test_secrets_of_disabled_services_are_listed_too() -> None:
    stack = make_stack(web=APP, app=f"{APP}secrets: [one]\nenabled: false\n")

    assert [secret.name for secret in list_secrets(load_only(stack))] == ["one"]


def test_a_stack_without_secrets_makes_no_folder(tmp_path: Path) -> None:
    assert make(tmp_path, make_stack(app=APP)) == []
    assert list(tmp_path.iterdir()) == []


def test_what_became_of_a_file_is_one_word() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "written",
        "kept",
        "empty",
        "missing",
    ]


# Modes and places


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_can_be_read_in_a_folder_that_cannot(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        make(tmp_path, PLAIN, API_KEY="x")
    finally:
        os.umask(before)

    assert mode(tmp_path / ".secrets") == 0o700
    assert mode(tmp_path / ".secrets/API_KEY") == 0o644


def test_modes_that_were_changed_are_fixed(tmp_path: Path) -> None:
    make(tmp_path, PLAIN, API_KEY="x")
    (tmp_path / ".secrets/API_KEY").chmod(0o600)
    (tmp_path / ".secrets").chmod(0o755)

    make(tmp_path, PLAIN)

    assert mode(tmp_path / ".secrets") == 0o700
    assert mode(tmp_path / ".secrets/API_KEY") == 0o644


def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".secrets").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileRefused):
        make(tmp_path, PLAIN, API_KEY="x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".secrets").write_text("")

    with pytest.raises(FileRefused):
        make(tmp_path, PLAIN, API_KEY="x")


def test_a_symbolic_link_in_the_folder_is_replaced_and_never_followed(
    tmp_path: Path,
) -> None:
    make(tmp_path, PLAIN)
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / ".secrets/API_KEY").unlink()
    (tmp_path / ".secrets/API_KEY").symlink_to(target)

    make(tmp_path, PLAIN, API_KEY="new")

    assert target.read_text() == "mine"
    assert read(tmp_path, "API_KEY") == "new"


@pytest.mark.parametrize("stack", [PLAIN, GENERATED])
def test_a_link_to_a_file_of_the_user_stays_where_there_is_nothing_to_write(
    tmp_path: Path, stack: str
) -> None:
    (made,) = make(tmp_path, stack)
    target = tmp_path / "target"
    target.write_text("mine")
    path = tmp_path / made.secret.file
    path.unlink()
    path.symlink_to(target)

    assert outcomes(make(tmp_path, stack)) == {made.secret.name: Outcome.KEPT}
    assert path.is_symlink()
    assert target.read_text() == "mine"


def test_a_link_to_nowhere_is_replaced(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)
    (tmp_path / ".secrets/API_KEY").unlink()
    (tmp_path / ".secrets/API_KEY").symlink_to(tmp_path / "gone")

    assert outcomes(make(tmp_path, PLAIN)) == {"API_KEY": Outcome.EMPTY}
    assert not (tmp_path / ".secrets/API_KEY").is_symlink()


def test_a_link_in_the_place_of_a_url_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    make(tmp_path, URL, DB_PASSWORD="pw")
    (tmp_path / ".secrets/db-url").unlink()
    (tmp_path / ".secrets/db-url").symlink_to(tmp_path / "target")

    assert outcomes(make(tmp_path, URL))["db-url"] is Outcome.WRITTEN
    assert (tmp_path / "target").read_text() == "mine"


def test_secrets_stay_out_of_git(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)

    assert read(tmp_path, ".gitignore") == "*\n"


def test_a_gitignore_of_one_s_own_stays(tmp_path: Path) -> None:
    make(tmp_path, PLAIN)
    (tmp_path / ".secrets/.gitignore").write_text("mine\n")

    make(tmp_path, PLAIN)

    assert read(tmp_path, ".gitignore") == "mine\n"


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets/mine").write_text("mine")

    make(tmp_path, PLAIN, API_KEY="x")

    assert read(tmp_path, "mine") == "mine"
