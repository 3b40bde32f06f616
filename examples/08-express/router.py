"""Says which model should answer a question; needs two seconds to load."""

import json
import os
import signal
import sys
import time
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *_):
        """Say nothing."""


def route(request, respond):
    """Choose by length; say that all is well."""
    question = parse_qs(request["QUERY_STRING"]).get("q", [""])[0]
    words = len(question.split())
    answer = {"model": "large" if words > 5 else "small", "because": f"{words} words"}
    if request["PATH_INFO"] == "/health":
        answer = {"status": "ok"}
    respond("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
sys.stdout.write("loading\n")
time.sleep(2)  # a model takes its time
port = int(os.environ.get("PORT", "8028"))
# As a process it gets PORT; in a container it must listen on all addresses.
host = "127.0.0.1" if "PORT" in os.environ else ""
with make_server(host, port, route, handler_class=QuietHandler) as server:
    sys.stdout.write(f"router ready on port {port}\n")
    server.serve_forever()
