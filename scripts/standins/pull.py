"""Pulling images from registries, of which some cannot be reached."""

from __future__ import annotations

import re
import subprocess
import threading

FIRST_WORD = 20.0
"""Seconds until a registry must have begun to answer."""
WHOLE = 600.0
"""Seconds for a download."""
_REFUSED = re.compile(
    "not found|denied|unauthorized|toomanyrequests|no matching manifest", re.IGNORECASE
)


def find_registry(image: str) -> str:
    """The registry of an image: docker.io, unless its first part looks like a host."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host else "docker.io"


class Registries:
    """Registries by name; one that cannot be reached is asked once.

    Some networks drop packets, and a dozen images times half a minute is a long wait.
    """

    def __init__(self, first_word: float = FIRST_WORD) -> None:
        self._first_word = first_word
        self.unreachable: dict[str, str] = {}

    def pull(self, image: str) -> bool:
        """Pull an image; whether it is here now."""
        registry = find_registry(image)
        if registry in self.unreachable:
            return False
        code, said = self._run(image)
        # A refusal is about this image; anything else about the way to the registry.
        is_refused = _REFUSED.search(said) and "dial tcp" not in said
        if code != 0 and not is_refused:
            self.unreachable[registry] = said.strip().rpartition("\n")[2]
        return code == 0

    def _run(self, image: str) -> tuple[int, str]:
        """The exit code of a pull, and what it printed."""
        words = ["docker", "pull", image]
        said = ""
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pulling:
            first = threading.Timer(self._first_word, pulling.kill)
            whole = threading.Timer(WHOLE, pulling.kill)
            first.start()
            whole.start()
            assert pulling.stdout is not None
            for line in pulling.stdout:
                said += line
                if "Pulling from" in line:
                    first.cancel()
            code = pulling.wait()
            first.cancel()
            whole.cancel()
        return code, said or f"no answer within {self._first_word:.0f} s"
