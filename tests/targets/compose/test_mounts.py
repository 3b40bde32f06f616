"""A folder of the host is written in the one form that every Compose takes alike."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.targets.compose.mounts import write_mounts
from tests.rendering import read_app

BIND = {"type": "bind", "source": "./a", "target": "/a"}


@pytest.mark.parametrize(
    ("written", "long"),
    [
        ("./a:/a", {}),
        ("./a:/a:rw", {}),
        ("./a:/a:ro", {"read_only": True}),
        ("./a:/a:z", {"bind": {"selinux": "z"}}),
        (
            "./a:/a:ro,rslave,Z",
            {"read_only": True, "bind": {"propagation": "rslave", "selinux": "Z"}},
        ),
    ],
)
def test_a_folder_in_the_short_form_is_written_in_the_long_one(
    written: str, long: dict[str, Any]
) -> None:
    assert write_mounts([written]) == [{**BIND, **long}]


@pytest.mark.parametrize(
    "written",
    [
        "data:/data",
        "/data",
        "${DIR}:/data",  # it may hold the name of a volume
        "./a:/a:${MODE:-ro}",
        "./a:/a:cached",  # Compose passes it over, and the long form would not
        "C:\\a:/a",
        BIND,
        {"type": "tmpfs", "target": "/a"},
    ],
)
def test_every_other_mount_stays_as_it_is(written: Any) -> None:
    assert write_mounts([written]) == [written]


def test_raw_folders_are_written_in_the_long_form_too() -> None:
    app = read_app("volumes: [./a:/a]\ncompose: {volumes: [./b:/b]}\n")

    assert app["volumes"] == [BIND, {**BIND, "source": "./b", "target": "/b"}]


def test_a_raw_folder_takes_the_place_of_another_one() -> None:
    app = read_app("volumes: [./b:/a:ro]\ncompose: {volumes: [./a:/a]}\n")

    assert app["volumes"] == [BIND]
