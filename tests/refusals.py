"""What the system refuses to tests: file handles, and folders of somebody else."""

import os
import resource
from contextlib import ExitStack, contextmanager
from pathlib import Path

OTHER = 65534
"""A user who owns nothing."""


def list_handles(pid="self"):
    """The numbers of a process's open files."""
    return [int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()]


@contextmanager
def no_handles():
    """This process can open no file, until the value is called or the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as held:
        number = -1
        highest = max(list_handles())
        while number < highest:
            number = os.dup(2)
            held.callback(os.close, number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (number + 1, hard))

        def give_back():
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        try:
            yield give_back
        finally:
            give_back()


def allow_handles(count):
    """What a process does before it begins, to have so many handles at most."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def use_up_handles(pid):
    """Let a process that runs have no more file handles than it has used so far."""
    highest = max(list_handles(pid))
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, hard))


def close(folder):
    """Let nobody but root enter a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0)
    return folder


@contextmanager
def other_user():
    """Be one to whom closed folders are closed; root becomes another user for it."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(OTHER)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def be_other():
    """The options of a process that is one to whom closed folders are closed."""
    if os.geteuid() != 0:
        return {}
    return {"user": OTHER, "group": OTHER, "extra_groups": []}
