"""Published ports in the words of `publish`: who could reach them, who can now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from composegen.adopt.seen import Seen
from composegen.adopt.texts import write_text
from composegen.images.reference import parse_image
from composegen.ports import parse_published_port
from composegen.records import record
from composegen.values import split_outside

PROXIES = frozenset(
    "caddy traefik haproxy nginx-proxy envoy envoyproxy nginx-proxy-manager swag kong "
    "pangolin gerbil apisix zoraxy".split()
)
"""Names of images that exist to be reached from elsewhere."""
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})
_WEB = frozenset({"80", "443"})
LOST_PARTS = ("mode", "app_protocol", "name")
"""Parts of a published port without a word in a stack file."""


@record
class _Line:
    """One entry of `ports`, taken apart; texts as they were written."""

    address: str = ""
    published: str = ""
    target: str
    protocol: str = ""


def adopt_ports(seen: Seen) -> None:
    """``ports`` as ``publish``, on 127.0.0.1 where nothing says that others come."""
    written = seen.text.get("ports") or []
    resolved = seen.model.get("ports") or []
    if not written:
        return
    is_open = _is_proxy(seen)
    texts: list[str] = []
    closed: list[str] = []
    for item in written:
        for line in _read_line(item) or _read_resolved(seen, item, resolved):
            made = line
            if not _is_readable(_write_line(seen, line, is_open=is_open)[0]):
                made = next(iter(_read_resolved(seen, item, resolved)), line)
            text, is_closed = _write_line(seen, made, is_open=is_open)
            if text not in texts:
                texts.append(text)
            if is_closed:
                closed.append(made.published or made.target)
    if not texts:
        return
    only = texts[0] if len(texts) == 1 else texts
    seen.set("publish", only, "ports")
    if closed:
        seen.change(
            "ports.host_ip",
            f"{', '.join(closed)} on 127.0.0.1 now, not on every address",
            "--keep-addresses",
            at="ports",
        )
    _lose_parts(seen, resolved)


def _is_proxy(seen: Seen) -> bool:
    """Whether a service is there for other machines: a known proxy."""
    return parse_image(seen.image).path.rpartition("/")[2] in PROXIES


def _lose_parts(seen: Seen, resolved: list[Any]) -> None:
    """List the parts of a published port that `publish` has no word for."""
    found: dict[tuple[str, str], list[str]] = {}
    for port in resolved:
        number = write_text(port.get("published")) or write_text(port.get("target"))
        for part, value in read_parts(port).items():
            found.setdefault((part, value), []).append(number)
    for (part, value), numbers in found.items():
        effect = "; it has an effect on Swarm alone" if part == "mode" else ""
        what = f"`{part}: {value}` of {', '.join(numbers)}{effect}"
        seen.lose(f"ports.{part}", what, at="ports")


def read_parts(port: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a port, as Compose resolves it, that `publish` has no word for."""
    parts = {part: write_text(port.get(part)) for part in LOST_PARTS}
    return {
        part: value
        for part, value in parts.items()
        if value and (part, value) != ("mode", "ingress")
    }


def _read_line(item: Any) -> list[_Line]:
    """The parts of an entry; none where a variable holds several of them."""
    if isinstance(item, dict):
        return [
            _Line(
                address=write_text(item.get("host_ip")),
                published=write_text(item.get("published")),
                target=write_text(item.get("target")),
                protocol=write_text(item.get("protocol")),
            )
        ]
    rest, *protocols = split_outside(write_text(item), "/")
    address = ""
    if rest.startswith("["):
        address, _, rest = rest[1:].partition("]:")
    parts = split_outside(rest, ":")
    if len(parts) == 3 and not address:
        address, *parts = parts
    if len(parts) not in {1, 2}:
        return []
    published = parts[0] if len(parts) == 2 else ""
    return [
        _Line(
            address=address,
            published=published,
            target=parts[-1],
            protocol="/".join(protocols),
        )
    ]


def _read_resolved(seen: Seen, item: Any, resolved: list[Any]) -> list[_Line]:
    """The lines of Compose for an entry whose texts cannot be taken apart."""
    seen.change("ports", f"`{write_text(item)}` is written with its value")
    matching = [port for port in resolved if _may_stem_from(seen, item, port)]
    return [line for port in matching for line in _read_line(port)]


def _may_stem_from(seen: Seen, item: Any, port: Any) -> bool:
    filled = seen.fill(item).partition("/")[0]
    return filled.rpartition(":")[2] == write_text(port.get("target"))


def _write_line(seen: Seen, line: _Line, *, is_open: bool) -> tuple[str, bool]:
    """The entry in composegen's form, and whether it was closed to others."""
    protocol = line.protocol if line.protocol not in {"", "tcp"} else ""
    published = line.published
    is_web = bool(_WEB & set(seen.fill(published).split("-")))
    is_everywhere = not line.address or line.address in EVERYWHERE
    keeps = seen.options.keeps_addresses or is_open or is_web or bool(protocol)
    address = line.address
    if is_everywhere:
        address = "0.0.0.0" if keeps else ""
    shown = f"[{address}]" if ":" in address and "$" not in address else address
    target = line.target
    main = f"{published or '0'}:{target}"
    if published and published == target and not shown and published.isdigit():
        main = published
    text = ":".join(part for part in (shown, main) if part)
    return f"{text}/{protocol}" if protocol else text, is_everywhere and not keeps


def _is_readable(text: str) -> bool:
    """Whether a stack file can hold the line: a variable holds one part of it."""
    try:
        parse_published_port(text)
    except ValueError:
        return False
    return True
