"""Applications that cope with a fault of what they need, and ones that do not.

Each is a way to use a cache that it needs optionally, or a database that it requires.
What is wrong with the faulty ones are the classic mistakes; for each of them it is
listed under which faults it must be noticed.
"""

from __future__ import annotations

from textwrap import dedent
from typing import Any

PYTHON = "python:3.12-slim"

SERVER = dedent("""
    import socketserver
    class Answer(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(b"PONG\\n")
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer(("", 7000), Answer).serve_forever()
""").strip()
"""What is needed: it answers every line."""

_HEAD = """
import os, select, signal, socket, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
PLACE = os.environ.get("CACHE") or os.environ.get("DB")
MEMORY = "answered from memory"
def connect(limit=1):
    host, port = PLACE.split(":")
    return socket.create_connection((host, int(port)), limit)
def ping(link, flags=0):
    link.send(b"PING\\n", flags)
    if not link.recv(16):
        raise ConnectionError("it was closed")
    return "answered from the cache"
class Kept:
    link = None
    def use(self, flags=0):
        try:
            self.link = self.link or connect()
            return ping(self.link, flags)
        except OSError:
            if self.link:
                self.link.close()
            self.link = None
            raise
kept = Kept()
def fresh():
    with connect() as link:
        return ping(link)
"""

_TAIL = """
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = 200, answer()
            if isinstance(text, tuple):
                status, text = text
        except Exception as error:
            print("cannot answer:", repr(error), flush=True)
            status, text = 500, repr(error)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_): pass
ThreadingHTTPServer(("", 8000), Page).serve_forever()
"""

OPTIONAL_WELL = {
    "fresh": """
        def answer():
            if not PLACE: return MEMORY
            try: return fresh()
            except OSError: return MEMORY
    """,
    "kept": """
        def answer():
            if not PLACE: return MEMORY
            try: return kept.use()
            except OSError: return MEMORY
    """,
    "background": """
        value = MEMORY
        def refresh():
            global value
            while PLACE:
                try: value = kept.use()
                except OSError: pass
                time.sleep(0.2)
        threading.Thread(target=refresh, daemon=True).start()
        def answer(): return value
    """,
    "breaker": """
        closed_until = 0
        def answer():
            global closed_until
            if not PLACE or time.monotonic() < closed_until: return MEMORY
            try: return fresh()
            except OSError:
                closed_until = time.monotonic() + 1
                return MEMORY
    """,
    "async": """
        import asyncio
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        async def ask():
            host, port = PLACE.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"PING\\n")
            try: return (await reader.readline()).decode() and "answered from the cache"
            finally: writer.close()
        def answer():
            if not PLACE: return MEMORY
            asked = asyncio.run_coroutine_threadsafe(asyncio.wait_for(ask(), 1), loop)
            try: return asked.result() or MEMORY
            except (OSError, asyncio.TimeoutError): return MEMORY
    """,
    "nosignal": """
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        def answer():
            if not PLACE: return MEMORY
            try: return kept.use(socket.MSG_NOSIGNAL)
            except OSError: return MEMORY
    """,
    "pool": """
        pool = []
        def take():
            while pool:
                link = pool.pop()
                if not select.select([link], [], [], 0)[0]: return link
                link.close()
            return connect()
        def answer():
            if not PLACE: return MEMORY
            try:
                link = take()
                text = ping(link)
            except OSError: return MEMORY
            pool.append(link)
            return text
    """,
    "hedged": """
        def answer():
            if not PLACE: return MEMORY
            got = []
            def ask():
                try: got.append(fresh())
                except OSError: pass
            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
            asking.join(0.2)
            return got[0] if got else MEMORY
    """,
    "stale": """
        last = MEMORY
        def answer():
            global last
            if PLACE:
                try: last = fresh()
                except OSError: pass
            return last
    """,
}
"""Ways that cope with every fault of a cache."""

REQUIRED_WELL = {
    "refuses": """
        def answer():
            try: return fresh()
            except OSError: return 503, "the database is away"
    """,
    "exits": """
        while True:
            try: fresh(); break
            except OSError: time.sleep(0.1)
        def answer():
            try: return fresh()
            except OSError: os._exit(1)
    """,
    "backs-off": """
        link = None
        def keep():
            global link
            pause = 0.1
            while True:
                try:
                    if link is None: link = connect()
                    ping(link)
                    pause = 0.1
                except OSError:
                    link = None
                    pause = min(1, pause * 2)
                time.sleep(pause)
        threading.Thread(target=keep, daemon=True).start()
        def answer(): return "answered from the cache" if link else (503, "away")
    """,
}
"""Ways that come back after what they require was killed."""

OPTIONAL_FAULTY: dict[str, tuple[str, str]] = {
    "empty": (
        "stop kill freeze cut",
        """
        def answer():
            if not PLACE: return MEMORY
            try: return fresh()
            except OSError: return ""
        """,
    ),
    "blocks": (
        "freeze cut",
        """
        def answer():
            if not PLACE: return MEMORY
            try:
                kept.link = kept.link or connect()
                kept.link.settimeout(None)
                return kept.use()
            except OSError: return MEMORY
        """,
    ),
    "reconnects-never": (
        "stop kill",
        """
        link = connect() if PLACE else None
        is_broken = False
        def answer():
            global is_broken
            if is_broken: return 500, "the connection was lost"
            if link is None: return MEMORY
            try: return ping(link)
            except TimeoutError: return MEMORY
            except OSError:
                is_broken = True
                return MEMORY
        """,
    ),
    "sigpipe": (
        "stop kill",
        """
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        link = None
        def answer():
            global link
            if not PLACE: return MEMORY
            try:
                link = link or connect()
                return ping(link)
            except OSError: return MEMORY
        """,
    ),
    "dead-address": (
        "stop kill cut",
        """
        address = None
        def answer():
            global address
            if not PLACE: return MEMORY
            host, port = PLACE.split(":")
            if address is None:
                try: found = socket.gethostbyname(host)
                except OSError:
                    address = "127.0.0.1"
                    return MEMORY
            try:
                place = (address or found, int(port))
                with socket.create_connection(place, 1) as link: return ping(link)
            except TimeoutError: return MEMORY
        """,
    ),
    "slow": (
        "freeze cut",
        """
        def answer():
            if not PLACE: return MEMORY
            try:
                kept.link = kept.link or connect(9)
                return kept.use()
            except OSError: return MEMORY
        """,
    ),
    "undeclared": (
        "without",
        """
        PLACE = os.environ["CACHE"]
        def answer():
            try: return fresh()
            except OSError: return MEMORY
        """,
    ),
    "crashes": (
        "stop kill freeze cut",
        """
        if PLACE: fresh()
        def answer():
            if not PLACE: return MEMORY
            try: return fresh()
            except OSError: os._exit(3)
        """,
    ),
    "unavailable": (
        "stop kill freeze cut",
        """
        def answer():
            if not PLACE: return MEMORY
            try: return fresh()
            except OSError: return 503, "the cache is away"
        """,
    ),
    "locks": (
        "stop kill freeze cut",
        """
        lock = threading.Lock()
        def answer():
            if not PLACE: return MEMORY
            lock.acquire()
            try: text = fresh()
            except OSError: return MEMORY
            lock.release()
            return text
        """,
    ),
}
"""Mistakes with a cache, and the faults that must show each of them."""

REQUIRED_FAULTY: dict[str, tuple[str, str]] = {
    "latches": (
        "kill",
        """
        is_broken = False
        def answer():
            global is_broken
            if is_broken: return 503, "the database was lost"
            try: return fresh()
            except OSError:
                is_broken = True
                return 503, "away"
        """,
    ),
    "warms-up": (
        "kill",
        """
        well_at = 0
        def answer():
            global well_at
            if time.monotonic() < well_at: return 503, "warming up"
            try: return fresh()
            except OSError:
                well_at = time.monotonic() + 60
                return 503, "away"
        """,
    ),
}
"""Mistakes with a database: what it comes back to does not come back."""


def make_app(text: str, *, is_optional: bool) -> dict[str, Any]:
    """A service that runs one of the ways."""
    needs: dict[str, Any] = {"db": {"env": {"DB": "{host}:{port}"}}}
    if is_optional:
        needs = {"cache": {"env": {"CACHE": "{host}:{port}"}, "otherwise": {}}}
    program = _HEAD + dedent(text) + _TAIL
    return {
        "image": PYTHON,
        "command": ["python", "-u", "-c", program],
        "port": 8000,
        "health": {"none": "the drill asks it"},
        "stop_grace_period": "1s",
        # Otherwise the engine asks the host's name servers for a name that is gone.
        "compose": {"dns_opt": ["ndots:1"]},
        "needs": needs,
        "drill": {
            "ask": {"http": "/"},
            "expect": {"contains": "answered"},
            "within": "3s",
        },
    }


def make_needed() -> dict[str, Any]:
    """What the applications need."""
    return {
        "image": PYTHON,
        "command": ["python", "-u", "-c", SERVER],
        "port": 7000,
        "stop_grace_period": "1s",
        "health": {"tcp": True, "interval": "5s"},
    }


def make_stack(names: set[str] | None = None) -> dict[str, dict[str, Any]]:
    """A stack of the applications with these names, or of all."""
    services = {"cache": make_needed(), "db": make_needed()}
    every = [
        *((name, text, True) for name, text in OPTIONAL_WELL.items()),
        *((name, text, False) for name, text in REQUIRED_WELL.items()),
        *((name, text, True) for name, (_, text) in OPTIONAL_FAULTY.items()),
        *((name, text, False) for name, (_, text) in REQUIRED_FAULTY.items()),
    ]
    for name, text, is_optional in every:
        if names is None or name in names:
            services[name] = make_app(text, is_optional=is_optional)
    needed = {need for app in services.values() for need in app.get("needs", ())}
    return {
        name: service
        for name, service in services.items()
        if name in needed or "needs" in service
    }


def list_expected(names: set[str] | None = None) -> set[tuple[str, str]]:
    """The applications and the faults that must be named as failing."""
    faulty = {**OPTIONAL_FAULTY, **REQUIRED_FAULTY}
    return {
        (name, fault)
        for name, (faults, _) in faulty.items()
        for fault in faults.split()
        if names is None or name in names
    }
