"""The images that tests run on: there already, pulled, or made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.engine import ROOT, inspect, run, run_well

STANDIN = "composegen.standin"
NOT_TESTED = dict(
    line.split()
    for line in Path(__file__).with_name("not_tested.txt").read_text().splitlines()
    if not line.startswith("#")
)
"""Names of what may stay untested, each with the image that may be missing for it."""


class Images:
    """Images that can be had; those that are missing are got once, all together."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = sorted(set(wanted))
        missing = [image for image in self._wanted if not _is_here(image)]
        if missing:
            script = str(ROOT / "scripts" / "standins.sh")
            run_well(script, *missing, deadline=120 + 600 * len(missing))
        self._had = {image for image in self._wanted if _is_here(image)}

    def __contains__(self, image: str) -> bool:
        return image in self._had

    def describe(self) -> list[str]:
        """Of each image whether it is the public one; rows of a table in Markdown."""
        told = {
            image: "could be neither pulled nor made"
            if image not in self
            else "stand-in made of Debian's packages"
            if is_standin(image)
            else "the public one"
            for image in self._wanted
        }
        return [f"| `{image}` | {words} |" for image, words in told.items()]

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


def _is_here(image: str) -> bool:
    return run("docker", "image", "inspect", image).returncode == 0


def is_standin(image: str) -> bool:
    """Whether an image was made in place of one that could not be pulled."""
    labels = inspect(image)[0]["Config"].get("Labels") or {}
    return labels.get(STANDIN) == "true"
