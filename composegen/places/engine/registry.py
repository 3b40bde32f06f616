"""What a registry answers when it is asked for an image."""

from __future__ import annotations

import re

from composegen.patterns import make_pattern
from composegen.records import record

_NOT_OFFERED = make_pattern(
    r"denied|unauthorized|authentication required|not found|manifest unknown"
    r"|invalid reference|name unknown|name invalid",
    re.IGNORECASE,
)
_OUT_OF_REACH = make_pattern(
    r"dial tcp|lookup |timeout|timed out|deadline|EOF|refused|unreachable|proxyconnect"
    r"|x509|tls:|too ?many ?requests|rate limit",
    re.IGNORECASE,
)


@record
class Offer:
    """Whether a registry offers an image, None if it is not known; and why not."""

    is_there: bool | None
    words: str = ""


def read_refusal(text: str) -> Offer:
    """What an engine's refusal means; only a clear one says that there is no image."""
    said = next(iter(text.strip().splitlines()), "")
    if not _OUT_OF_REACH.search(said) and _NOT_OFFERED.search(said):
        return Offer(is_there=False, words=said)
    return Offer(is_there=None, words=said)
