"""An old wiki: it writes the time of its start into its own program folder."""

import time
from pathlib import Path
from wsgiref.simple_server import make_server

SETTINGS = Path(__file__).with_name("settings.txt")


def answer(_request, respond):
    """Show the settings."""
    respond("200 OK", [("Content-Type", "text/plain")])
    return [SETTINGS.read_bytes()]


SETTINGS.write_text(f"started {time.ctime()}\n")
make_server("", 8006, answer).serve_forever()
