"""A name that no service can have is answered with one that keeps what others use."""

from __future__ import annotations

import pytest

from tests.rendering import read_services
from tests.stacks import find, make_stack


def rename(name: str, keys: str) -> tuple[str, str]:
    """The name and the lines that are offered for a service."""
    text = f"services:\n  {name}:\n" + "".join(
        f"    {line}\n" for line in keys.splitlines()
    )
    offered = find("bad-name", text).help.splitlines()
    return offered[0].split("`")[1], offered[-1]


@pytest.mark.parametrize("name", ["My_App.web", "my_db", "DB"])
@pytest.mark.parametrize(
    ("keys", "network"), [("image: a:1\nhealth: image", "default"), ("use: redis", "")]
)
def test_the_old_name_stays_an_alias(name: str, keys: str, network: str) -> None:
    new, line = rename(name, keys)
    service = read_services(make_stack(**{new: f"{keys}\n{line}"}))[new]

    assert service["networks"] == {network or new: {"aliases": [name]}}


@pytest.mark.parametrize("name", ["1a", "default", "ä", "a b"])
def test_a_name_with_no_near_one_is_reported_with_the_rule(name: str) -> None:
    text = f"services:\n  {name}:\n    image: a:1\n    health: image\n"

    assert "\n" not in find("bad-name", text).help
