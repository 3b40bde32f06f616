"""The chat example's frontend: one page, and a way through to the backend."""

__version__ = "1.0.0"
