"""The names of the causes of failures on the engine."""

from __future__ import annotations

from enum import auto

from composegen.places.cause import Names


class CauseName(Names):
    """Every cause that can be found."""

    # A start that failed
    PORT_TAKEN = auto()
    PORT_WAS_TAKEN = auto()
    MOUNT_MISSING = auto()
    MOUNT_IS_FOLDER = auto()
    SECRET_MISSING = auto()
    NOT_A_PROGRAM = auto()
    FILE_CAPABILITIES = auto()
    PROGRAM_NOT_FOUND = auto()
    PROGRAM_LOCKED = auto()
    START_REFUSED = auto()

    # How it ended
    OUT_OF_MEMORY = auto()
    KILLED = auto()
    STOPPED = auto()
    NEED_ON_LOOPBACK = auto()
    OLD_NAMESPACE = auto()

    # A health check that does not pass
    TOOL_MISSING = auto()
    NO_TOOL = auto()
    HELPER_DOWN = auto()
    HELPER_WITHOUT_TOOL = auto()
    NOT_REACHED_OUTSIDE = auto()
    PATH_NOT_FOUND = auto()
    BAD_STATUS = auto()
    CHECK_FAILS = auto()
    CHECK_NEVER_RUN = auto()
    OTHER_PORT = auto()
    SLOW_BOOT = auto()
    BOOT_NOT_OVER = auto()
    SILENT_AGAIN = auto()
    LATE_BOOT = auto()

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
    HOST_FOLDER_CLOSED = auto()
    HOST_FOLDER_DENIED = auto()
    VOLUME_DENIED = auto()
    MODULE_MISSING = auto()

    # What `up` left
    UP_NOW = auto()
    UP_ENDED = auto()

    # What Compose complains about
    ENGINE_LOST = auto()
    BUILD_FAILED = auto()
    BUILD_FOLDER_MISSING = auto()
    DOCKERFILE_MISSING = auto()
    FILE_MISSING = auto()
    IMAGE_NOT_FOUND = auto()
    REGISTRY_UNREACHABLE = auto()
    IMAGE_NOT_HERE = auto()
    VARIABLE_UNSET = auto()
    ADDRESSES_EXHAUSTED = auto()
    DISK_FULL = auto()
    NAME_TAKEN = auto()
    COMPOSE_TOO_OLD = auto()
    KEY_UNKNOWN = auto()
    NO_BUILDX = auto()
    NO_INIT = auto()
    NETWORK_MISSING = auto()
