"""What the system refuses to tests: file handles, and folders of another user."""

import os
import resource
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
    """Let no user but root enter a folder."""
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


_AS_OTHER = f"""
import codecs, importlib, os, pkgutil, sys, composegen
for module in pkgutil.walk_packages(composegen.__path__, "composegen."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in ("idna", "latin-1", "utf-8-sig", "unicode-escape"):
    codecs.lookup(name)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({OTHER})
    os.setuid({OTHER})
from composegen.commands import main
main(sys.argv[1:])
"""


def run_as_other(folder, *arguments, path=""):
    """``composegen`` to its end as another user: exit code, stdout, stderr.

    Everything is loaded before: Python itself may lie in a folder that is closed.
    """
    done = subprocess.run(
        [sys.executable, "-c", _AS_OTHER, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **({"PATH": path} if path else {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
