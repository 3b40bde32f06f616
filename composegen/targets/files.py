"""What every target gets and what it makes: options in, files out."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.planning.addressing import DEFAULT_TAG
from composegen.records import field, record

OLDEST_START_INTERVAL = 25
"""The first major version of Docker Engine that knows ``start_interval``."""

PODMAN = "podman"
"""What stands for Podman where an engine is named."""


@record(kw_only=False)
class File:
    """One file to write: its name and its whole text.

    ``lost`` are lines that say what the target cannot carry, and what replaces it.
    """

    name: str
    text: str
    lost: tuple[str, ...] = ()


RESTRICTED = "restricted"
POD_SECURITY = (RESTRICTED, "baseline", "privileged")
"""The levels of Kubernetes' Pod Security, the strictest one first."""


@record
class HostFile:
    """A file of the stack's folder that a service mounts.

    ``path`` leads there from the folder, ``inner`` from what is mounted; empty where
    that is the file itself.
    """

    path: str
    inner: str = ""
    size: int
    is_executable: bool = False


@record
class HostPath:
    """What was found at the source of a mount; ``fault`` says why it cannot be read."""

    files: tuple[HostFile, ...] = ()
    is_folder: bool = False
    fault: str = ""


@record
class Cluster:
    """What only a cluster has to know.

    Images that are built are named with ``registry`` and ``tag``; ``pins`` holds the
    image and digest that was pushed for a service. ``wait_image`` runs kubectl for
    gates that need it. ``paths`` are the mounted paths of the host by their source.
    """

    registry: str = ""
    tag: str = ""
    wait_image: str = ""
    pod_security: str = RESTRICTED
    pins: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, HostPath] = field(default_factory=dict)

    @property
    def chosen_tag(self) -> str:
        """The tag of images that are built."""
        return self.tag or DEFAULT_TAG


@record
class Options:
    """How to render: ``engine`` is the oldest major version that must take the file.

    ``prefix`` leads from the folder of the output to that of the stack file; ``name``
    is the output's, empty for the usual one. ``for_podman`` says that it is for Podman,
    which knows no owner of a folder in memory. ``cluster`` is for a cluster alone.
    """

    engine: int = OLDEST_START_INTERVAL
    prefix: str = "."
    name: str = ""
    for_podman: bool = False
    cluster: Cluster = Cluster()

    @property
    def engine_name(self) -> str:
        """The engine as `--engine` names it, empty for the usual one."""
        if self.for_podman:
            return PODMAN
        return str(self.engine) if self.engine < OLDEST_START_INTERVAL else ""


def choose_engine(name: str) -> Options:
    """The options for an engine as `--engine` names it."""
    if name == PODMAN:
        return Options(for_podman=True)
    return Options(engine=int(name)) if name else Options()
