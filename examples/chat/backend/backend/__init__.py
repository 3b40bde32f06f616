"""The chat example's backend: limits, cookies and a stream passed on to the router."""

__version__ = "1.0.0"
