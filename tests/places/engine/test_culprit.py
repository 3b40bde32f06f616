"""A complaint of Compose names a service in one of many ways."""

import pytest

from composegen.places.engine.culprit import (
    find_culprit,
    is_same_image,
    speaks_of,
    speaks_of_helper,
)
from tests.enginefakes import make_noted, make_notes

NOTES = make_notes(
    make_noted("beta", image="127.0.0.1:5000/lab/one:1"),
    make_noted("alpha", "beta", image="127.0.0.1:5000/lab/two:1"),
    make_noted("cache", image="redis"),
    make_noted("my.app", image="demo-my.app"),
    make_noted(
        "asked",
        image="scratch-like:1",
        helper="asked-health",
        helper_image="busybox:1.37",
    ),
)


@pytest.mark.parametrize(
    ("complaint", "name"),
    [
        ("target alpha: failed to solve: exit code: 3", "alpha"),
        (" > [alpha 2/2] RUN false:", "alpha"),
        ("Container demo-beta-1 Created\nservice:alpha:1 Error response", "alpha"),
        ("Container demo-alpha-1  Error response from daemon: no", "alpha"),
        ("Image 127.0.0.1:5000/lab/two:1 Error manifest for x not found", "alpha"),
        ("Error: manifest for 127.0.0.1:5000/lab/two:1 not found", "alpha"),
        ("pull access denied for redis, repository does not exist", "cache"),
        ("No such image: docker.io/library/redis:latest", "cache"),
        ("alpha Error manifest unknown", "alpha"),
        ("validating x: services.my.app.env_file.0 must be a string", "my.app"),
        ('service "beta" refers to undefined network x', "beta"),
        ("Image busybox:1.37 Error pull access denied for busybox", "asked"),
        ("provider:alpha Error", "alpha"),
    ],
)
def test_the_service_that_is_meant_is_found(complaint, name):
    assert find_culprit(NOTES, complaint).name == name


def test_a_container_that_was_made_well_is_not_blamed():
    lines = "Container demo-beta-1  Created\nContainer demo-alpha-1  Error: no"
    assert find_culprit(NOTES, lines).name == "alpha"


@pytest.mark.parametrize(
    "complaint",
    [
        "Image 127.0.0.1:5000/lab/two:2 Error manifest unknown",
        "Image docker.io/other/redis Error manifest unknown",
        "network demo_default not found",
    ],
)
def test_what_names_no_service_blames_none(complaint):
    assert find_culprit(NOTES, complaint) is None


def test_only_those_are_blamed_for_which_compose_was_called():
    complaint = "alpha Error manifest unknown"
    assert find_culprit(NOTES, complaint, ("beta", "cache")) is None
    assert find_culprit(NOTES, complaint, ("beta",)).name == "beta"


@pytest.mark.parametrize(
    ("written", "spoken", "is_same"),
    [
        ("${REGISTRY}/app:1", "127.0.0.1:5000/app:1", True),
        ("app:${TAG:-1}", "docker.io/library/app:7", True),
        ("app:${TAG:-1}", "app", True),
        ("app:${TAG:-1}", "other:7", False),
        ("${IMAGE:?which}", "app:1", False),
        ("app:1@sha256:0", "app:1", True),
        ("app", "app:latest", True),
        ("app", "app:2", False),
        ("", "app", False),
    ],
)
def test_a_reference_is_compared_as_it_is_written(written, spoken, is_same):
    assert is_same_image(written, spoken) is is_same


@pytest.mark.parametrize(
    ("line", "is_own"),
    [
        (" alpha Error manifest unknown", True),
        (" Image 127.0.0.1:5000/lab/two:1 Error manifest unknown", True),
        (" Image 127.0.0.1:5000/lab/one:1 Error manifest unknown", False),
        (" beta Pulling", False),
        (" alphabet Pulling", False),
    ],
)
def test_a_line_of_a_pull_names_the_service_or_its_image(line, is_own):
    assert speaks_of(NOTES.find("alpha"), line) is is_own


def test_a_helper_is_known_by_its_image_where_that_is_not_its_service_s():
    asked = NOTES.find("asked")
    assert speaks_of_helper(asked, "Image busybox:1.37 Error manifest unknown")
    assert speaks_of_helper(asked, "asked-health Error")
    assert not speaks_of_helper(asked, "Image scratch-like:1 Error manifest unknown")
    same = make_noted(
        "same", image="busybox:1.37", helper="h", helper_image="busybox:1.37"
    )
    assert not speaks_of_helper(same, "Image busybox:1.37 Error manifest unknown")
