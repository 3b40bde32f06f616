"""Which variables of a rendered stack are not set, and who uses them."""

import pytest

from composegen.workspace.unset import find_unset

TEXT = """\
# printf %s "$TOKEN" > .secrets/token
name: shop
services:
  web:
    image: web:${TAG}
    environment:
      MAIL: ${MAIL_FROM}
      KEPT: $$NOT_ONE
      KIND: ${KIND:-plain}
  worker:
    environment: {MAIL: "${MAIL_FROM}", KEY: "${KEY:?why}"}
volumes:
  web:
    name: ${PLACE}
"""


def test_a_variable_is_named_once_with_all_who_use_it():
    mail, key, place = find_unset(TEXT, {"TAG": ""})
    assert mail.message == ("MAIL_FROM is not set: it will be empty in `web`, `worker`")
    assert mail.help == "set MAIL_FROM in .env or in the environment"
    assert (key.message, key.is_required) == (
        "KEY is not set: `worker` must have it",
        True,
    )
    assert place.message == "PLACE is not set: it will be empty"


@pytest.mark.parametrize(("value", "count"), [("", 1), ("x", 0)])
def test_one_that_must_be_set_may_not_be_empty(value, count):
    assert len(find_unset("a: ${KEY:?why}", {"KEY": value})) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("# $A", 0),
        ("a: b\n  # $A and $B\nc: d\n# $C", 0),
        ("a: b\n  # $A\nc: $D", 1),
        ("a: $$D # $A", 1),
        ("# $A\n$D", 1),
    ],
)
def test_a_comment_line_names_no_variable(text, count):
    assert len(find_unset(text, {})) == count
