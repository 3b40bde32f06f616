"""Keeps one number in a cache: how often it was asked."""

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def count():
    """Raise the number; OSError where the cache is away."""
    place = os.environ["CACHE_HOST"], int(os.environ["CACHE_PORT"])
    with socket.create_connection(place, timeout=1) as link:
        link.sendall(b"INCR asked\r\n")
        return link.recv(64).decode().strip(":\r\n")


class Answer(BaseHTTPRequestHandler):
    """Counts on every path but /health."""

    def do_GET(self):
        """Answer with the number, or that all is well."""
        text = "ok" if self.path == "/health" else f"asked {count()} times"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{text}\n".encode())


ThreadingHTTPServer(("", 8000), Answer).serve_forever()
