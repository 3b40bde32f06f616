"""Says which model should answer a question; needs two seconds to load."""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Router(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            self.answer({"status": "ok"})
            return
        question = parse_qs(url.query).get("q", [""])[0]
        model = "large" if len(question.split()) > 5 else "small"
        self.answer({"model": model, "because": f"{len(question.split())} words"})

    def answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("loading", flush=True)
time.sleep(2)
port = int(os.environ.get("PORT", "8028"))
host = "127.0.0.1" if os.environ.get("PORT") else "0.0.0.0"
print(f"router ready on port {port}", flush=True)
ThreadingHTTPServer((host, port), Router).serve_forever()
