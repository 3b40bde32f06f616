"""Answers with what this container may do and was given."""

import http.server
import json
import os
from pathlib import Path


def can_write(path):
    try:
        Path(path).write_text("x")
    except OSError:
        return False
    return True


ANSWER = {
    "cache": os.environ.get("CACHE"),
    "secret": Path(os.environ["KEY_FILE"]).read_text(),
    "writes_root": can_write("/written"),
    "writes_tmp": can_write("/tmp/written"),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the answer at every path."""

    def do_GET(self):
        """Answer with JSON."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
