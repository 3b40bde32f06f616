"""The images that tests run on: there already, pulled, or made."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.engine import ROOT, inspect, run_well

STANDIN = "composegen.standin"
UNAVAILABLE = "unavailable"
TOLD = {
    "pulled": "the public one",
    "stand-in": "stand-in made of Debian's packages",
    UNAVAILABLE: "could be neither pulled nor made",
}
"""What is reported of an image, by how it was had."""
NOT_TESTED = dict(
    line.split()
    for line in Path(__file__).with_name("not_tested.txt").read_text().splitlines()
    if not line.startswith("#")
)
"""Names of what may stay untested, each with the image that may be missing for it."""


class Images:
    """Images that can be had; those that are missing or outdated are got together.

    Processes that share a ``note`` get them once: the first one, for the others too.
    """

    def __init__(self, wanted: Iterable[str], note: Path) -> None:
        images = sorted(set(wanted))
        with note.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            told = file.read()
            if images and not told:
                told = get(images)
                file.write(told)
        self._had = dict(line.split() for line in told.splitlines())

    def __contains__(self, image: str) -> bool:
        return self._had.get(image, UNAVAILABLE) != UNAVAILABLE

    def list_standins(self) -> set[str]:
        """Those that were built in place of the public ones."""
        return {image for image, how in self._had.items() if how == "stand-in"}

    def describe(self) -> list[str]:
        """Of each image whether it is the public one; rows of a table in Markdown."""
        return [f"| `{image}` | {TOLD[how]} |" for image, how in self._had.items()]

    def have(self, *images: str, name: str = "") -> None:
        """Go on where every image is there; else fail, or skip if that may be missing.

        The name is the one in the list of what may stay untested.
        """
        for image in images:
            if image in self:
                continue
            why = f"{image} can be neither pulled nor made"
            if NOT_TESTED.get(name) == image:
                pytest.skip(f"{why}; see not_tested.txt")
            pytest.fail(why)


def get(images: list[str]) -> str:
    """Get images; a line for each with how it was had."""
    words = (sys.executable, "-m", "scripts.standins", *images)
    return run_well(*words, deadline=300 + 600 * len(images), cwd=ROOT)


def is_standin(image: str) -> bool:
    """Whether an image was made in place of one that could not be pulled."""
    labels = inspect(image)[0]["Config"].get("Labels") or {}
    return labels.get(STANDIN) == "true"
