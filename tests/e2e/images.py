"""The images that tests run on: there already, pulled, or made."""

from __future__ import annotations

from tests.e2e.engine import ROOT, inspect, run, run_well

STANDIN = "composegen.standin"


class Images:
    """What is known of images; each missing one is asked for once in a session."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def have(self, *images: str) -> None:
        """Go on where every image is there or can be got; else fail."""
        self.get(*images)
        missing = [image for image in images if not self._known[image]]
        assert not missing, f"can be neither pulled nor made: {', '.join(missing)}"

    def get(self, *images: str) -> list[str]:
        """Those of the images that are there or can be got."""
        for image in images:
            if image not in self._known and _is_here(image):
                self._known[image] = True
        missing = [image for image in images if image not in self._known]
        if missing:
            script = str(ROOT / "scripts" / "standins.sh")
            run_well(script, *missing, deadline=60 + 600 * len(missing))
            self._known |= {image: _is_here(image) for image in missing}
        return [image for image in images if self._known[image]]


def _is_here(image: str) -> bool:
    return run("docker", "image", "inspect", image).returncode == 0


def is_standin(image: str) -> bool:
    """Whether an image was made in place of one that could not be pulled."""
    labels = inspect(image)[0]["Config"].get("Labels") or {}
    return labels.get(STANDIN) == "true"
