"""Asks the model for its name once, when it starts; exits if it gets no answer."""

import os
from urllib.request import urlopen
from wsgiref.simple_server import make_server

with urlopen(os.environ["MODEL_URL"]) as reply:  # noqa: S310 - the stack wires it
    MODEL = reply.read().decode()


def answer(request, respond):
    """Return the name of the model, or ok on /health."""
    text = "ok\n" if request["PATH_INFO"] == "/health" else f"this is {MODEL}\n"
    respond("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


make_server("", 8002, answer).serve_forever()
