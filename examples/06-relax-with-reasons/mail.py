"""A mail room that must be process 1, as process managers in images must."""

import os
import signal
import sys
from wsgiref.simple_server import make_server


def answer(_request, respond):
    """Say that there is no mail."""
    respond("200 OK", [("Content-Type", "text/plain")])
    return [b"no mail\n"]


if os.getpid() != 1:
    sys.exit("mail: can only run as process 1")
# Process 1 has no default action for a signal, so it must handle it itself.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
make_server("", 8026, answer).serve_forever()
