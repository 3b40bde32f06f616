"""Parts of the outside world that some tests need; where one is missing, they say so.

With REQUIRE_PARTS set, as in the project's own gate, a missing part is a failure.
"""

import os
import shutil
import subprocess
from functools import cache
from typing import NoReturn

import pytest


class MissingPart(pytest.skip.Exception):
    """A test is skipped for a part; ``tests/conftest.py`` counts these by part."""


def require_part(present: bool, name: str) -> None:
    """Go on where the part is present; else skip with a note, or fail."""
    if present:
        return
    if os.environ.get("REQUIRE_PARTS"):
        pytest.fail(f"{name} is missing")
    skip_without(name)


def skip_without(name: str) -> NoReturn:
    """Skip the test for a part that may be missing, even with REQUIRE_PARTS."""
    raise MissingPart(f"{name} is missing here")


@cache
def has_compose() -> bool:
    """Whether the docker command with Compose v2 is there; it needs no engine."""
    if shutil.which("docker") is None:
        return False
    answer = subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    )
    return answer.returncode == 0


def require_compose() -> None:
    """Go on where ``docker compose config`` can be asked."""
    require_part(has_compose(), "docker compose")


def require_program(name: str) -> None:
    """Go on where a program is on the PATH."""
    require_part(shutil.which(name) is not None, name)
