"""What is said of a container: its check, and for how long something goes on."""

import pytest

from composegen.places.engine.describing import describe_check, format_age
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
    [(0.4, "0s"), (2.9, "2s"), (119.0, "119s"), (130.0, "2m"), (9000.0, "2h")],
)
def test_an_age_is_in_whole_units(seconds, shown):
    assert format_age(seconds) == shown
