"""Who may change something: a page of the same origin, one of this machine, a program.

A browser adds the user's cookie to what any page asks. It also says where that page
comes from, which a page cannot change.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers

# Pages on this machine may call with the user's cookie.
LOCAL_ORIGINS = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of another origin."""
    origin = headers.get("Origin")
    if method not in CHANGES or origin is None:
        return False
    if re.fullmatch(LOCAL_ORIGINS, origin):
        return False
    if headers.get("Sec-Fetch-Site") == "same-origin":
        return False  # also where a proxy has put another Host in
    host = urlsplit(origin).netloc.lower()
    asked = (headers.get("Host"), headers.get("X-Forwarded-Host"))
    return not host or host not in {(name or "").lower() for name in asked}
