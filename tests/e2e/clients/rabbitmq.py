"""Adds a message to a queue that lasts, and prints how many there are in it."""

import os
import socket
import struct
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

url = urlsplit(os.environ.get("URL") or Path(os.environ["URL_FILE"]).read_text())
METHOD, HEADER, BODY = 1, 2, 3
QUEUE = "entries"


def short(text: str) -> bytes:
    return struct.pack("B", len(text)) + text.encode()


def long(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


class Broker:
    """One connection that speaks AMQP 0-9-1, with one channel."""

    def __init__(self, host: str, port: int) -> None:
        self.stream = socket.create_connection((host, port), 30).makefile("rwb", 0)
        self.stream.write(b"AMQP\0\0\x09\x01")

    def send(self, channel: int, kind: int, body: bytes) -> None:
        self.stream.write(
            struct.pack(">BHI", kind, channel, len(body)) + body + b"\xce"
        )

    def call(self, channel: int, method: tuple[int, int], body: bytes = b"") -> None:
        self.send(channel, METHOD, struct.pack(">HH", *method) + body)

    def wait_for(self, wanted: tuple[int, int]) -> bytes:
        """The arguments of the next method of that number."""
        while True:
            kind, _, size = struct.unpack(">BHI", self._read(7))
            body = self._read(size + 1)[:-1]
            if kind == METHOD and struct.unpack(">HH", body[:4]) == wanted:
                return body[4:]
            assert kind != METHOD or body[:4] != b"\0\x0a\0\x32", body  # closed

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            piece = self.stream.read(count - len(read))
            assert piece, "the connection was closed"
            read += piece
        return read


broker = Broker(url.hostname, url.port)
broker.wait_for((10, 10))
login = f"\0{unquote(url.username)}\0{unquote(url.password)}"
broker.call(0, (10, 11), long("") + short("PLAIN") + long(login) + short("en_US"))
tuned = broker.wait_for((10, 30))
broker.call(0, (10, 31), tuned)
broker.call(0, (10, 40), short(unquote(url.path[1:])) + short("") + b"\0")
broker.wait_for((10, 41))
broker.call(1, (20, 10), short(""))
broker.wait_for((20, 11))
declare = struct.pack(">H", 0) + short(QUEUE) + b"\x02" + long("")
broker.call(1, (50, 10), declare)
broker.wait_for((50, 11))
# The broker confirms a message when it is in the queue.
broker.call(1, (85, 10), b"\0")
broker.wait_for((85, 11))
broker.call(1, (60, 40), struct.pack(">H", 0) + short("") + short(QUEUE) + b"\0")
broker.send(1, HEADER, struct.pack(">HHQHB", 60, 0, 4, 0x1000, 2))
broker.send(1, BODY, b"text")
broker.wait_for((60, 80))
broker.call(1, (50, 10), declare)
answer = broker.wait_for((50, 11))
count = struct.unpack(">I", answer[len(short(QUEUE)) :][:4])[0]
sys.stdout.write(f"{count}\n")
