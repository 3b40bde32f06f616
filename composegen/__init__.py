"""composegen: one stack file, gated on real health, with tested fallbacks."""

# No import stands here, not even of the standard library: `python -m composegen` would
# take a file in the folder one stands in for it, before __main__ sees to that.

__version__ = "0.3.0"
__all__ = ["__version__", "own_dependencies"]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from composegen.library import own_dependencies


def __getattr__(name: str) -> object:
    """``own_dependencies``, imported when it is first asked for."""
    if name == "own_dependencies":
        from composegen.system.platform import check_platform

        check_platform()  # first: what follows cannot even be imported elsewhere
        from composegen.library import own_dependencies

        return own_dependencies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
