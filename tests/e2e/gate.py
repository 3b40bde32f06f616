"""A service that does nothing until files in a folder ask for it.

`listen` makes it open port 8000, where it answers with 503, until there is `well`.
"""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOLD = Path("/told")


class Answer(BaseHTTPRequestHandler):
    """Tells whether it is well."""

    def do_GET(self) -> None:
        self.send_response(200 if (TOLD / "well").exists() else 503)
        self.end_headers()


while not (TOLD / "listen").exists():
    time.sleep(0.05)
print("listening", flush=True)  # noqa: T201 - the test reads it
ThreadingHTTPServer(("", 8000), Answer).serve_forever()
