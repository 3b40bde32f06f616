"""The causes of failures on the engine: a name for each, its words and its help.

A name belongs to one cause with one help. Every help is tried on an engine by a test
that carries the name, so that a cause cannot be added without such a test.
"""

from __future__ import annotations

from enum import StrEnum, auto

from composegen.records import record


class CauseName(StrEnum):
    """Every cause that can be found."""

    @staticmethod
    def _generate_next_value_(
        name: str,
        start: int,  # noqa: ARG004 - what an enum calls
        count: int,  # noqa: ARG004
        last_values: list[str],  # noqa: ARG004
    ) -> str:
        return name.lower().replace("_", "-")

    # A start that failed
    PORT_TAKEN = auto()
    MOUNT_MISSING = auto()
    SECRET_MISSING = auto()
    OTHER_ARCHITECTURE = auto()
    FILE_CAPABILITIES = auto()
    PROGRAM_NOT_FOUND = auto()
    PROGRAM_LOCKED = auto()
    START_REFUSED = auto()

    # How it ended
    OUT_OF_MEMORY = auto()
    KILLED = auto()
    NEED_ON_LOOPBACK = auto()

    # A health check that does not pass
    TOOL_MISSING = auto()
    NO_TOOL = auto()
    PATH_NOT_FOUND = auto()
    BAD_STATUS = auto()
    CHECK_FAILS = auto()
    OTHER_PORT = auto()
    SLOW_BOOT = auto()

    # What only the container itself reaches
    ON_LOOPBACK = auto()

    # What the log says
    OLD_PASSWORD = auto()
    PASSWORD_REFUSED = auto()
    SECRET_DENIED = auto()
    NO_EXEC = auto()
    READ_ONLY_MOUNT = auto()
    READ_ONLY_FOLDER = auto()
    READ_ONLY_IMAGE = auto()
    PORT_DENIED = auto()
    PORT_DENIED_TO_USER = auto()
    CAPABILITY_MISSING = auto()
    CAPABILITY_UNKNOWN = auto()
    NEED_MISSING = auto()
    FOLDER_DENIED = auto()
    IMAGE_FOLDER_DENIED = auto()
    HOST_FOLDER_DENIED = auto()
    VOLUME_DENIED = auto()
    MODULE_MISSING = auto()

    # What Compose complains about
    BUILD_FAILED = auto()
    BUILD_FOLDER_MISSING = auto()
    IMAGE_NOT_FOUND = auto()
    REGISTRY_UNREACHABLE = auto()
    IMAGE_NOT_HERE = auto()
    VARIABLE_UNSET = auto()
    ADDRESSES_EXHAUSTED = auto()
    DISK_FULL = auto()
    NAME_TAKEN = auto()
    COMPOSE_TOO_OLD = auto()
    NETWORK_MISSING = auto()


@record(kw_only=False)
class Cause:
    """What is behind a failure, and what to do; ``help`` is empty where nothing is."""

    name: str
    text: str
    help: str = ""


UNKNOWN = Cause("", "")
"""Nothing is known."""
