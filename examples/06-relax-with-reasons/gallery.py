"""A gallery: it draws its pictures into a cache folder and serves them from there."""

from pathlib import Path
from wsgiref.simple_server import make_server

PICTURE = Path("/var/cache/gallery/square.svg")


def answer(_request, respond):
    """Show the picture."""
    respond("200 OK", [("Content-Type", "image/svg+xml")])
    return [PICTURE.read_bytes()]


PICTURE.parent.mkdir(parents=True, exist_ok=True)
PICTURE.write_text("<svg xmlns='http://www.w3.org/2000/svg'><rect width='9'/></svg>\n")
make_server("", 8016, answer).serve_forever()
