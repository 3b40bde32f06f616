"""Text for people: what is suggested, how things are counted."""

import pytest

from composegen.text import count, suggest


def test_the_name_that_is_most_like_it_is_suggested():
    assert suggest("cahce", ["app", "cache"], "there are app, cache") == (
        "did you mean `cache`?"
    )


def test_a_name_like_nothing_gets_the_other_help():
    assert suggest("zzz", ["app", "cache"], "there are app, cache") == (
        "there are app, cache"
    )
    assert suggest("zzz", []) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 services"), (1, "1 service"), (2, "2 services")]
)
def test_things_are_counted(number, text):
    assert count(number, "service") == text
