"""A chat router: one OpenAI-shaped address that picks a route and keeps sessions."""

__version__ = "1.0.0"
