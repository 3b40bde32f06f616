"""A key that Compose refuses is one of a newer Compose, or of none."""

import pytest

from composegen.places.engine.cause import CauseName
from composegen.places.engine.refused_keys import explain_refused_key


@pytest.mark.parametrize(
    ("text", "what", "release"),
    [
        (
            "x: services.web.env_file.0 Additional property format is not allowed",
            "`format` of an env file",
            "2.30",
        ),
        (
            "services.a.b.env_file.0 additional properties 'format' not allowed",
            "`format` of an env file",
            "2.30",
        ),
        ("services.web.env_file.0 must be a string", "an env file as a map", "2.24"),
        (
            "services.web.depends_on.db Additional property required is not allowed",
            "an optional dependency",
            "2.20",
        ),
        ("(root) Additional property models is not allowed", "`models`", "2.38"),
        ("services.web additional properties 'pre_start' not allowed", "`pre", "5.3"),
        ("validating -: services.web.pre_start false schema", "`pre_start`", "5.3"),
        ("validating -: jobs false schema", "`jobs`", "5.6"),
    ],
)
def test_an_old_compose_is_too_old_for_it(text, what, release):
    cause = explain_refused_key(text)
    assert cause.name == CauseName.COMPOSE_TOO_OLD
    assert cause.text.startswith(f"this Compose is too old for {what}")
    assert f"Docker Compose {release} or later" in cause.help


@pytest.mark.parametrize(
    "text",
    [
        "validating x: services.web additional properties 'servce', 'b' not allowed",
        "validating -: services.web.servce false schema",
    ],
)
def test_a_key_of_no_compose_is_not_called_new(text):
    cause = explain_refused_key(text)
    assert cause.name == CauseName.KEY_UNKNOWN
    assert cause.text == "this Compose does not know the key `servce` at services.web"


@pytest.mark.parametrize(
    "text", ["services.web.image must be a string", "something new", ""]
)
def test_another_complaint_is_about_no_key(text):
    assert explain_refused_key(text) is None
