"""What the operating system refuses, in words: the cause, and what to do about it.

One table for every place that reports an error of the system.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

# Now: to import it takes a file handle, and there may be none when it is needed.
resource: ModuleType | None
try:
    import resource
except ImportError:  # pragma: no cover - no POSIX system
    resource = None

_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_ADVISED_FILES = 1024


def is_shortage(error: BaseException) -> TypeGuard[OSError]:
    """Whether the system could not even look: the error says nothing about a file."""
    return isinstance(error, OSError) and error.errno in _SHORTAGES


def keeps_all_from_starting(error: BaseException) -> TypeGuard[OSError]:
    """Whether no process could be started: the error says nothing about a program."""
    return is_shortage(error) or (
        isinstance(error, OSError) and error.errno == errno.EAGAIN
    )


def find_shortage(error: BaseException | None) -> OSError | None:
    """The shortage behind an error, where there is one."""
    while error is not None:
        if is_shortage(error):
            return error
        error = error.__cause__ or error.__context__
    return None


def is_known(error: OSError) -> bool:
    """Whether the table has words of its own for an error."""
    if isinstance(error, BlockingIOError) and hasattr(error, "characters_written"):
        return False  # a stream that does not block is full: no process was refused
    is_denial = error.errno in _DENIALS and bool(error.filename)
    return is_denial or error.errno in _WORDS


def describe_os_error(error: OSError, path: str | Path = "") -> tuple[str, str]:
    """What was refused and what to do, the second empty where nothing helps.

    ``path`` is the file or folder that was asked for; what is closed on the way to it
    is named.
    """
    if error.errno in _DENIALS and path:
        return _describe_denied(error, Path(path))
    explain = _WORDS.get(error.errno or 0)
    return explain() if explain is not None else (_read_words(error), "")


def check_handles(count: int) -> None:
    """Raise OSError where this process cannot open so many more files."""
    with ExitStack() as held:
        for _ in range(count):
            handle = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            held.callback(os.close, handle)


def find_closed(path: Path) -> Path | None:
    """The topmost folder on the way to a path that this user may not enter, if any."""
    try:
        real = Path(os.path.realpath(path))
    except ValueError:
        return None  # a path that cannot be
    for folder in reversed(real.parents):
        try:
            is_folder = stat.S_ISDIR(folder.stat().st_mode)
        except OSError:
            return None
        if is_folder and not may(folder, os.X_OK):
            return folder
    return None


def may(path: Path, mode: int) -> bool:
    """Whether this user may read, write or execute something; see ``os.access``."""
    is_effective = os.access in os.supports_effective_ids
    return os.access(path, mode, effective_ids=is_effective)


def describe_closed(folder: Path) -> tuple[str, str]:
    """Who may not enter a folder, and how it would be opened."""
    user = _name_user()
    return (
        f"{user} may not enter the folder {folder}{_describe_owner(folder)}",
        f"let {user} enter it: chmod o+x {folder}",
    )


def describe_unexecutable(program: Path) -> tuple[str, str]:
    """Who may not execute a program, and how that would change."""
    user = _name_user()
    return (
        f"{user} may not execute {program}{_describe_owner(program)}",
        f"let {user} execute it: chmod o+rx {program}",
    )


def _describe_denied(error: OSError, path: Path) -> tuple[str, str]:
    closed = find_closed(path)
    if closed is not None:
        cause, help = describe_closed(closed)
        return f"{_read_words(error)}: {cause}", help
    user, parent = _name_user(), path.parent
    owner = _describe_owner(path)
    if os.path.lexists(path):
        may_use = may(path, os.R_OK) and may(path, os.W_OK)
        if may_use and may(parent, os.W_OK):
            return _read_words(error), ""  # the system has reasons of its own
        if may_use:
            path, owner = parent, _describe_owner(parent)
    elif not may(parent, os.W_OK):
        path, owner = parent, _describe_owner(parent)
    else:
        return _read_words(error), ""
    is_folder = os.path.isdir(path)  # noqa: PTH112 - raises nothing
    verb = "write to" if is_folder else "use"
    return (
        f"{_read_words(error)}: {user} may not {verb} {path}{owner}",
        f"change its mode or its owner, or run as another user than {user}",
    )


def _describe_owner(path: Path) -> str:
    """The mode and the owner of something, as ``ls -l`` shows them."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f" ({stat.filemode(status.st_mode)} {_find_name(status.st_uid)})"


def _name_user() -> str:
    return _find_name(os.geteuid()) if hasattr(os, "geteuid") else "this user"


def _find_name(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError, OSError):
        return f"uid {uid}"


def _read_words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


# The table


def _explain_files() -> tuple[str, str]:
    limit, most = _read_limit("RLIMIT_NOFILE")
    advised = _ADVISED_FILES if limit < _ADVISED_FILES else limit * 4
    help = f"raise the limit first: ulimit -n {advised}"
    if 0 <= most < advised:
        help += f" (root alone may go beyond {most})"
    shown = f" of {limit}" if limit >= 0 else ""
    return f"too many open files: this process has reached its limit{shown}", help


def _explain_processes() -> tuple[str, str]:
    limit, _ = _read_limit("RLIMIT_NPROC")
    shown = f" (ulimit -u: {limit})" if limit >= 0 else ""
    return (
        f"no further process can be started: a limit of processes is reached{shown}",
        "end other processes, or raise the limit: ulimit -u, or pids of a container",
    )


def _read_limit(name: str) -> tuple[int, int]:
    """The soft and the hard limit of this process; -1 where there is none."""
    if resource is None:
        return -1, -1
    limits = resource.getrlimit(getattr(resource, name))
    soft, hard = (-1 if each == resource.RLIM_INFINITY else each for each in limits)
    return soft, hard


def _say(words: str, help: str = "") -> Callable[[], tuple[str, str]]:
    return lambda: (words, help)


_DENIALS = frozenset({errno.EACCES, errno.EPERM})

_WORDS: Mapping[int, Callable[[], tuple[str, str]]] = {
    errno.EMFILE: _explain_files,
    errno.ENFILE: _say(
        "too many open files: the whole machine has reached its limit",
        "end a process that holds many, or as root: sysctl -w fs.file-max=1000000",
    ),
    errno.EAGAIN: _explain_processes,
    errno.ENOMEM: _say("no memory is left", "end other programs, or add memory"),
    errno.ENOSPC: _say("no space left on device", "make room on the disk"),
    errno.EDQUOT: _say("disk quota exceeded", "make room in the quota of this user"),
    errno.ETXTBSY: _say(
        "another program is writing to it", "try again when that is done"
    ),
}
