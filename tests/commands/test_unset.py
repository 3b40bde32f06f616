"""`check` and `render` name the variables that are not set here."""

import pytest

from composegen.commands import _run

WEB = """\
name: shop
services:
  web:
    image: nginx:1.29
    port: 80
    health: /
"""
STACK = (
    WEB
    + """\
    environment:
      KEY: $SHOP_KEY
      MODE: "${SHOP_MODE:-fast}"
      URL: "${SHOP_URL:?where}"
"""
)
SECRET = (
    WEB
    + """\
    needs: {db: {env: {DATABASE_URL: "{url}"}}}
  db:
    use: postgres
    secrets: {db-password: POSTGRES_PASSWORD_FILE}
secrets: {db-password: {generate: true}}
"""
)
NOTE = (
    "note: not set, and so empty: SHOP_KEY; not set, and required: SHOP_URL; "
    "set them in .env or in the environment\n"
)


@pytest.fixture
def say(folder, capsys):
    """What a command says to people, which exits with 0."""
    (folder / "stack.yaml").write_text(STACK)

    def say(*words):
        assert _run(list(words)) == 0
        return capsys.readouterr().err

    return say


@pytest.mark.parametrize("words", [["check"], ["render"], ["render", "-o", "-"]])
def test_variables_that_are_not_set_are_named_in_one_note(say, words):
    assert say(*words).endswith(NOTE)


def test_variables_of_the_environment_and_of_dotenv_are_set(say, folder, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "")
    assert say("check").endswith(
        "note: not set, and required: SHOP_URL; set it in .env or in the environment\n"
    )
    (folder / ".env").write_text("SHOP_URL=there\n")
    assert "note" not in say("check")
    assert "note" not in say("render")


def test_a_comparison_with_the_file_depends_on_nothing_else(say):
    say("render")

    assert "note" not in say("render", "--check")


def test_a_dotenv_that_cannot_be_read_stops_neither(say, folder):
    (folder / ".env").write_text("A='not closed\n")

    assert "note" not in say("check")
    assert "note" not in say("render")


def test_the_variable_of_a_secret_is_set_from_its_file(say, folder):
    (folder / "stack.yaml").write_text(SECRET)
    said = say("render")

    assert "${DB_PASSWORD:?" in (folder / "compose.yaml").read_text()
    assert "not set" not in said
