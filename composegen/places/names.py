"""The places by their names, as `--on` and the notes have them, and in words."""

from __future__ import annotations

PROCESSES, ENGINE, KUBERNETES = "processes", "engine", "kubernetes"

PLACES = {
    PROCESSES: "as processes",
    ENGINE: "on the engine",
    KUBERNETES: "on the cluster",
}
"""Each name in words."""
