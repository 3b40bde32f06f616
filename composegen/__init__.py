"""composegen: one stack file, gated on real health, with proven fallbacks."""

from typing import Any

__version__ = "0.2.0"
__all__ = ["__version__", "own_dependencies"]


def __getattr__(name: str) -> Any:
    """``own_dependencies``, imported when it is first asked for."""
    if name == "own_dependencies":
        from composegen.platforms import check_platform

        check_platform()  # first: what follows cannot even be imported elsewhere
        from composegen.library import own_dependencies

        return own_dependencies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
