"""The names of the causes of failures on a cluster."""

from __future__ import annotations

from enum import auto

from composegen.places.cause import Names


class CauseName(Names):
    """Every cause that can be found."""

    # No pod, or one that no node takes
    POD_REFUSED = auto()
    QUOTA_EXCEEDED = auto()
    NO_ROOM = auto()
    NO_NODE = auto()
    CLAIM_PENDING = auto()

    # A container that cannot be started
    IMAGE_NOT_PULLED = auto()
    SECRET_MISSING = auto()
    RUNS_AS_ROOT = auto()
    MOUNT_FAILED = auto()
    START_REFUSED = auto()
    PROGRAM_NOT_FOUND = auto()
    PROGRAM_LOCKED = auto()

    # How it ended
    OUT_OF_MEMORY = auto()
    EXITED = auto()
    JOB_FAILED = auto()
    GATE_FAILED = auto()
    EVICTED = auto()

    # A probe that does not pass
    ON_LOOPBACK = auto()
    OTHER_PORT = auto()
    BAD_STATUS = auto()
    NOTHING_LISTENS = auto()
    CHECK_FAILS = auto()

    # What `up` left
    UP_ENDED = auto()
