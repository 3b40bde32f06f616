"""The docker command: where it is, and what it answers to a short question."""

from __future__ import annotations

import subprocess

from composegen.oserrors import keeps_all_from_starting

_TIMEOUT = 10.0


def find_docker_command(path: str | None = None) -> str | None:
    """The docker command of a search path, this process's by default, or None."""
    import shutil

    return shutil.which("docker", path=path)


def ask_docker(
    *arguments: str, path: str | None = None, timeout: float = _TIMEOUT
) -> str | None:
    """What the docker command prints; None when it is missing, fails or is too slow.

    ``timeout`` is in seconds. Raises OSError where nothing can be started now.
    """
    program = find_docker_command(path)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if keeps_all_from_starting(error):
            raise
        return None
    return done.stdout if done.returncode == 0 else None
