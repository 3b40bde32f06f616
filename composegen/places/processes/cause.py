"""The names of the causes of failures of processes."""

from __future__ import annotations

from enum import auto

from composegen.places.cause import Names


class CauseName(Names):
    """Every cause that can be found."""

    # Whatever it does
    SYSTEM_REFUSED = auto()

    # How it ended
    PORT_TAKEN = auto()
    PORT_WAS_TAKEN = auto()
    OTHER_PORT_TAKEN = auto()
    PYTHON_MODULE_MISSING = auto()
    NODE_MODULE_MISSING = auto()
    PROGRAM_NOT_FOUND = auto()
    PROGRAM_LOCKED = auto()
    PERMISSION_DENIED = auto()
    KILLED = auto()
    ENDED_BY_ITSELF = auto()

    # A start that failed
    LOG_DENIED = auto()
    FOLDER_MISSING = auto()
    SCRIPT_NOT_EXECUTABLE = auto()
    COMMAND_NOT_FOUND = auto()

    # A health check that does not pass
    BAD_STATUS = auto()
    OTHER_PORT = auto()
    ON_IPV6 = auto()
    PORT_HELD = auto()
    SLOW_BOOT = auto()
    SLOW_ANSWER = auto()

    # A store in Docker
    STORE_PORT_TAKEN = auto()
    STORE_PROGRAM_NOT_FOUND = auto()
    STORE_USER_UNKNOWN = auto()
    STORE_MOUNT_MISSING = auto()
    STORE_ENGINE_SILENT = auto()
    STORE_REFUSED = auto()
