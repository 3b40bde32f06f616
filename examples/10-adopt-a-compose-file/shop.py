"""A shop in one file: a page, a worker or an administration, as the word says."""

import http.server
import os
import socket
import sys
import time
from urllib.parse import urlsplit


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every request with what it is."""

    def do_GET(self) -> None:
        """Say who answers."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"the {sys.argv[1]} of the shop\n".encode())


def reach(url: str) -> None:
    """Connect once, and crash where nothing listens."""
    address = urlsplit(url)
    socket.create_connection((address.hostname, address.port), timeout=2).close()


for variable in ("CACHE_URL", "WHO_URL"):
    if variable in os.environ:
        reach(os.environ[variable])
if sys.argv[1] == "work":
    while True:
        time.sleep(60)
http.server.ThreadingHTTPServer(("", 8000), Page).serve_forever()
