"""Shows the message of the day, which Compose mounts as one of its configs."""

from pathlib import Path
from wsgiref.simple_server import make_server


def answer(_request, respond):
    """Show the message; it is read again for every request."""
    respond("200 OK", [("Content-Type", "text/plain")])
    return [Path("/etc/motd").read_bytes()]


make_server("", 8007, answer).serve_forever()
