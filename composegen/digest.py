"""The digest of a text, without OpenSSL.

``hashlib`` loads it to make one, which takes 11 million instructions; a ``render`` of
ten services takes 314 in all. What Python has of its own makes the same digest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_MODULE = "_sha2" if sys.version_info >= (3, 12) else "_sha256"


def hash_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8, as hexadecimal digits."""
    digest: str = _find_sha256()(text.encode()).hexdigest()
    return digest


def _find_sha256() -> Callable[[bytes], Any]:
    try:
        module = import_module(_MODULE)
    except ImportError:  # a Python that was built without its own
        import hashlib as module
    found: Callable[[bytes], Any] = module.sha256
    return found
