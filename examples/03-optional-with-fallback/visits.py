"""Counts visits: in Redis where there is one, else in its own memory."""

import itertools
import os
import socket
from urllib.parse import urlsplit
from wsgiref.simple_server import make_server

own_count = itertools.count(1)


def count_in_redis():
    """Raise the count that all replicas share; OSError where Redis is away."""
    redis = urlsplit(os.environ["REDIS_URL"])
    with socket.create_connection((redis.hostname, redis.port), timeout=1) as link:
        link.sendall(b"INCR visits\r\n")
        return int(link.recv(64).removeprefix(b":"))


def count_visit():
    """Count in the right place, and say which one it was."""
    if os.environ.get("COUNT_IN", "redis") == "redis":
        try:
            return f"visit {count_in_redis()}, counted in redis\n"
        except OSError:
            pass  # Redis is a help, not a condition
    return f"visit {next(own_count)}, counted in memory\n"


def answer(request, respond):
    """Count every path but /health."""
    text = "ok\n" if request["PATH_INFO"] == "/health" else count_visit()
    respond("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


make_server("", 8003, answer).serve_forever()
