"""Server-sent events, read by the rules of the HTML standard."""

import re
from collections.abc import AsyncIterator

from router.wire import Refusal

_LONGEST = 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event, its lines joined with a blank; raises Refusal.

    JSON never has a line end inside a text, so a blank means the same there. An event
    that the stream ends in counts, since some providers leave out its last line end.
    """
    rest = b""
    data: list[bytes] = []
    async for chunk in chunks:
        *lines, rest = _split(rest + chunk)
        for line in lines:
            if not line:
                if data:
                    yield b" ".join(data)
                data = []
            elif (value := _read_data(line)) is not None:
                data.append(value)
        if len(rest) + sum(map(len, data)) > _LONGEST:
            raise Refusal(502, "provider_error", "the provider sent an endless event")
    if (value := _read_data(rest.rstrip(b"\r"))) is not None:
        data.append(value)
    if data:
        yield b" ".join(data)


def _split(text: bytes) -> list[bytes]:
    """The lines of a text; the last one is not complete, also where it ends in CR."""
    if b"\r" not in text:
        return text.split(b"\n")
    lines = _LINE_END.split(text)
    if text.endswith(b"\r"):  # a LF may follow
        lines[-2:] = [lines[-2] + b"\r"]
    return lines


def _read_data(line: bytes) -> bytes | None:
    """The value of a `data` field, None for any other line."""
    name, _, value = line.partition(b":")
    if name.removeprefix(b"\xef\xbb\xbf") != b"data":
        return None
    return value.removeprefix(b" ")
