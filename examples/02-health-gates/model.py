"""Stands for a model: takes five seconds to load, and only then opens its port."""

import time
from wsgiref.simple_server import make_server


def answer(_request, respond):
    """Return the name of the model."""
    respond("200 OK", [("Content-Type", "text/plain")])
    return [b"tiny-1"]


time.sleep(5)
make_server("", 9000, answer).serve_forever()
