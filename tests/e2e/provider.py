"""A provider in OpenAI's shape that shows the fingerprint of the key it was given."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    """Answers every question with the same words, whole or as a stream."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        text = f"fingerprint {hashlib.sha256(key.encode()).hexdigest()}"
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            choices = [{"index": 0, "delta": {"content": text}}]
            self.wfile.write(f"data: {json.dumps({'choices': choices})}\n\n".encode())
            choices = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
            self.wfile.write(f"data: {json.dumps({'choices': choices})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")
            return
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        choices = [{"message": {"role": "assistant", "content": text}}]
        self.wfile.write(json.dumps({"choices": choices}).encode())


ThreadingHTTPServer(("", 9000), Answer).serve_forever()
