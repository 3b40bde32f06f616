"""A page that greets, and one that says that all is well."""

from wsgiref.simple_server import make_server


def answer(request, respond):
    """Greet on every path but /health."""
    text = "ok\n" if request["PATH_INFO"] == "/health" else "hello\n"
    respond("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


make_server("", 8001, answer).serve_forever()
