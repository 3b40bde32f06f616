"""What is said of a container: its check, and for how long something goes on."""

import pytest

from composegen.places.engine.describing import describe_check, format_ago
from tests.enginefakes import make_container


def test_a_check_that_passes_is_not_shown():
    assert describe_check(make_container("web")) == ()


def test_the_words_of_a_check_are_shown_as_they_are_typed():
    container = make_container(
        "web", health="starting", test=("CMD", "python", "-c", "print('a b')")
    )
    assert describe_check(container) == ("python -c \"print('a b')\"",)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "just now"),
        (2.9, "2s ago"),
        (119.0, "119s ago"),
        (130.0, "2m ago"),
        (9000.0, "2h ago"),
    ],
)
def test_an_age_is_in_whole_units(seconds, shown):
    assert format_ago(seconds) == shown
