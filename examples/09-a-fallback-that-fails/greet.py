"""Greets and counts its guests: in Redis where there is one, else in its own memory.

It has a fallback, and a mistake that only some faults bring to light.
"""

import itertools
import os
import socket
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

own_count = itertools.count(1)
links = []


def connect():
    """The one connection to Redis, made when it is needed. The mistake: no timeout."""
    if not links:
        redis = urlsplit(os.environ["REDIS_URL"])
        links.append(socket.create_connection((redis.hostname, redis.port)))
    return links[0]


def count_in_redis():
    """Raise the count that outlives this program; OSError where Redis is away."""
    try:
        connect().sendall(b"INCR guests\r\n")
        answer = links[0].recv(64)
        if not answer:
            raise ConnectionError("Redis has closed the connection")
        return int(answer.removeprefix(b":"))
    except OSError:
        links.clear()
        raise


def count_guest():
    """Count in the right place, and say which one it was."""
    if os.environ.get("COUNT_IN", "redis") == "redis":
        try:
            return f"number {count_in_redis()}, by redis"
        except OSError:
            pass  # Redis is a help, not a condition
    return f"number {next(own_count)}, by memory"


def answer(request, respond):
    """Greet on every path but /health."""
    is_health = request["PATH_INFO"] == "/health"
    text = "ok\n" if is_health else f"Hello, {count_guest()}\n"
    respond("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_):
        """Log no request."""


make_server("", 8009, answer, handler_class=Quiet).serve_forever()
