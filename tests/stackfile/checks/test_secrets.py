"""Secrets: used, named apart, never a literal, not in a build context."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from composegen.stackfile.checks.secrets import looks_secret
from tests.stackfile.checks.checking import CACHE, DB, SLIM, make_optional
from tests.stacks import APP, Files, find, list_names, list_places, make_app, make_stack

# Literals


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PASSWORD", "x"),
        ("DB_PASSWORD", "hunter2"),
        ("MYSQL_ROOT_PASSWORD", "root"),
        ("API_KEY", "abc"),
        ("APIKEY", "abc"),
        ("SECRET", "abc"),
        ("JWT_SECRET", "abc"),
        ("AUTH_TOKEN", "abc"),
        ("DB_PW", "abc"),
        ("PASSPHRASE", "abc"),
        ("PRIVATE_KEY", "abc"),
        ("AWS_CREDENTIALS", "abc"),
        ("db.password", "abc"),
        ("AWS_SECRET_ACCESS_KEY", "abc"),
        ("ANYTHING", "sk-abcdefghijklmnopqrstuvwx"),
        ("ANYTHING", "gsk_abcdefghijklmnopqrstuvwx"),
        ("ANYTHING", "ghp_abcdefghijklmnopqrstuvwxyz"),
        ("ANYTHING", "github_pat_abcdefghijklmnopqrstuvwxyz"),
        ("ANYTHING", "glpat-abcdefghijklmnopqrst"),
        ("ANYTHING", "xoxb-0123456789"),
        ("ANYTHING", "AKIAABCDEFGHIJKLMNOP"),
        ("ANYTHING", "-----BEGIN RSA PRIVATE KEY-----"),
        ("ANYTHING", "a line\n-----BEGIN PRIVATE KEY-----"),
        ("URL", "postgres://user:hunter2@db/x"),
    ],
)
def test_this_looks_like_a_secret(variable: str, text: str) -> None:
    assert looks_secret(variable, text)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PASSWORD", ""),
        ("PASSWORD", "${PASSWORD}"),
        ("PASSWORD", "${PASSWORD:?}"),
        ("PASSWORD_FILE", "/run/secrets/password"),
        ("PASSWORD", "{password}"),
        ("PASSWORD_RESET", "false"),
        ("DISABLE_TOKEN", "true"),
        ("TOKENIZER", "gpt"),
        ("KEYBOARD", "us"),
        ("COMPASS", "north"),
        ("URL", "postgres://user:${P}@db/x"),
        ("URL", "postgres://user:{password}@db/x"),
        ("URL", "postgres://user@db/x"),
        ("URL", "http://db:5432/x"),
        ("PASSWORD_PATH", "/etc/x"),
        ("ANYTHING", "sk-short"),
        ("ANYTHING", "not sk-abcdefghijklmnopqrstuvwx"),
    ],
)
def test_this_looks_like_no_secret(variable: str, text: str) -> None:
    assert not looks_secret(variable, text)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("environment: {A: b, DB_PASSWORD: c}", (6, 25)),
        ("environment: [DB_PASSWORD=c]", (6, 19)),
        ("needs: {cache: {env: {TOKEN: c}}}", (6, 27)),
    ],
)
def test_a_literal_secret_is_a_warning_where_it_stands(
    keys: str, place: tuple[int, int]
) -> None:
    text = make_stack(app=APP + keys, cache=CACHE)

    assert list_places(text) == [("secret-literal", *place)]
    assert find("secret-literal", text).level is Level.WARNING


def test_a_literal_secret_among_build_arguments_is_a_warning() -> None:
    text = make_stack(
        app="build: {context: ., args: {NPM_TOKEN: abc}}\nport: 80\nhealth: /"
    )

    assert list_names(text, SLIM) == ["secret-literal"]


def test_a_literal_secret_of_a_fallback_is_a_warning() -> None:
    text = make_stack(app=APP + make_optional("{API_TOKEN: abc}"), cache=CACHE)

    assert list_names(text) == ["secret-literal"]


# Secrets


def test_a_secret_that_is_declared_is_used() -> None:
    text = make_app("secrets: [one]") + "secrets:\n  one: {generate: true}\n  two:\n"

    assert list_places(text) == [("unused-secret", 9, 3)]


def test_a_secret_may_not_be_called_as_that_of_a_url() -> None:
    keys = APP + "needs: {db: DATABASE_URL_FILE}\n"
    mounted = make_stack(app=keys + "secrets: [db-url]", db=DB)
    declared = make_stack(app=keys, db=DB) + "secrets: {db-url: {env: A}}\n"

    assert list_names(mounted) == ["secret-name-taken"]
    assert "secret-name-taken" in list_names(declared)


def test_a_secret_called_as_that_of_a_url_is_fine_where_none_is_made() -> None:
    text = make_stack(app=APP + "secrets: [db-url]\nneeds: [db]", db=DB)

    assert list_names(text) == []


BUILT = "build: .\nport: 80\nhealth: /\n"


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ("", {".env": "A=b"}),
        ("", {".secrets/a": "b"}),
        ("secrets: [a]", {}),
        ("", {".env": "A=b", ".dockerignore": "node_modules\n"}),
        ("", {".env": "A=b", ".dockerignore": ".env\n!.env\n"}),
        ("", {".env": "A=b", ".dockerignore": "#.env\n"}),
        ("secrets: [a]", {".dockerignore": ".env\n"}),
        ("", {".env": "A=b", ".dockerignore": ".env\n", "Dockerfile.dockerignore": ""}),
    ],
)
def test_secrets_in_a_build_context_are_a_warning(keys: str, files: Files) -> None:
    text = make_stack(app=BUILT + keys)

    assert list_names(text, {**SLIM, **files}) == ["secret-in-context"]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ("", {}),
        ("", {".env": "A=b", ".dockerignore": ".env\n"}),
        ("", {".env": "A=b", ".dockerignore": ".*\n"}),
        ("", {".env": "A=b", ".dockerignore": "*\n!app\n"}),
        ("", {".env": "A=b", ".dockerignore": "**/.env\n"}),
        ("", {".env": "A=b", ".dockerignore": "/.env\n"}),
        ("", {".secrets/a": "b", ".dockerignore": ".secrets/**\n"}),
        ("secrets: [a]", {".dockerignore": ".secrets\n"}),
        ("", {".env": "A=b", "Dockerfile.dockerignore": ".env\n"}),
    ],
)
def test_a_build_context_that_ignores_its_secrets_is_fine(
    keys: str, files: Files
) -> None:
    assert list_names(make_stack(app=BUILT + keys), {**SLIM, **files}) == []


def test_a_build_context_below_the_stack_does_not_hold_its_secrets() -> None:
    text = make_stack(app="build: ./app\nport: 80\nhealth: /\nsecrets: [a]")
    files = {"app/Dockerfile": "FROM python:3.13-slim\n", ".env": "A=b"}

    assert list_names(text, files) == []


def test_a_build_context_elsewhere_is_not_looked_at() -> None:
    text = make_stack(
        app="build: https://example.com/a.git\nport: 80\n"
        "health: {command: [a]}\nsecrets: [a]"
    )

    assert list_names(text, {".env": "A=b"}) == []


def test_a_secret_that_is_a_file_of_one_s_own_needs_no_secrets_folder() -> None:
    text = make_stack(app=BUILT + "secrets: [a]") + "secrets: {a: {file: ../key}}\n"

    assert list_names(text, SLIM) == []
