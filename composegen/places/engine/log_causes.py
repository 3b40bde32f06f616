"""What the log of a container says about why it is not up.

Each look answers with a cause and the line to add to the stack file, or with None.
"""

from __future__ import annotations

import posixpath
import re

from composegen.places.engine.containers import Mounted
from composegen.places.engine.data_help import suggest_password, suggest_volume_owner
from composegen.places.engine.evidence import Cause, Evidence
from composegen.planning.addressing import ContainerAddressing

_PATH = re.compile(r"(?<![\w.:/])(/[\w.@%+~-]+(?:/[\w.@%+~-]*)*)")
_SECRET = re.compile(re.escape(ContainerAddressing.secret_folder) + r"/([\w.-]+)")
_READ_ONLY = re.compile(r"read-only file ?system|EROFS", re.IGNORECASE)
DENIED = re.compile(r"permission ?denied|EACCES", re.IGNORECASE)
_NOT_PERMITTED = re.compile(r"operation not permitted|EPERM", re.IGNORECASE)
_NO_EXEC = re.compile(
    r"failed to map segment|cannot (?:enable executable|apply additional)|noexec",
    re.IGNORECASE,
)
_EXECUTES = re.compile(r"exec|spawn|sh: |run", re.IGNORECASE)
_PASSWORD = re.compile(
    r"password authentication failed|access denied for user|WRONGPASS|NOAUTH"
    r"|invalid username-password|authentication (?:failed|unsuccessful)",
    re.IGNORECASE,
)
_BIND = re.compile(r"(?:\b|_)(?:bind|listen)", re.IGNORECASE)
_NO_PORT = re.compile(
    r"permission ?denied|EACCES|operation not permitted", re.IGNORECASE
)
_FREE = 1024
_UNKNOWN_HOST = re.compile(
    r"getaddrinfo \w+ ([a-z][a-z0-9-]*)\b|could not translate host name \"([\w-]+)\""
    r"|lookup ([a-z][a-z0-9-]*)\b|unknown host:? '?([a-z][a-z0-9-]*)|"
    r"host not found in upstream \"([\w-]+)\"",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"No module named '?([\w.]+)'?|Cannot find (?:module|package) '([^']+)'"
)


def look_at_password(seen: Evidence) -> Cause | None:
    """A login was refused, perhaps by a store whose volume is older."""
    if not seen.find_line(_PASSWORD):
        return None
    if seen.older_store is not None:
        return (
            (
                f"{seen.older_service} refused the password: its volume "
                f"{seen.older_volume} is older than the secret and keeps the password "
                "that it was made with"
            ),
            suggest_password(
                seen.older_store,
                seen.older_file,
                seen.older_volume,
                seen.owners.get(seen.older_volume, ""),
            ),
        )
    return "a password was refused", "compare the secrets of both sides"


def look_at_secret(seen: Evidence) -> Cause | None:
    """It may not read the file of a secret."""
    line = seen.find_line(_SECRET)
    name = _SECRET.search(line)
    if name is None or not DENIED.search(line):
        return None
    file = seen.secret_files.get(name[1], f".secrets/{name[1]}")
    return (
        f"it may not read its secret {name[1]}: the file's own permissions apply",
        f"chmod 0644 {file}   # its folder is closed to others",
    )


def look_at_no_exec(seen: Evidence) -> Cause | None:
    """It executes something in /tmp."""
    line = seen.find_line(_NO_EXEC)
    if not line:
        line = seen.find_line(DENIED) or ""
        if "/tmp/" not in line or not _EXECUTES.search(line):
            return None
    return (
        f"it executes something in /tmp, which is mounted noexec: {line.strip()}",
        seen.advise('tmpfs: ["/tmp:exec"]'),
    )


def look_at_read_only(seen: Evidence) -> Cause | None:
    """It writes where the file system is read-only."""
    line = seen.find_line(_READ_ONLY)
    if not line:
        return None
    path = _find_path(line)
    folder = _find_folder(path)
    if folder == "/":
        return (
            f"it writes {path}, and the file system is read-only",
            seen.advise(
                f"relax: {{read_only: it writes {path}}}",
                "or let it write in a folder of its own, and give that a tmpfs",
            ),
        )
    if not folder:
        return (
            "it writes where the file system is read-only",
            seen.advise("tmpfs: [FOLDER]", "or relax: {read_only: why}"),
        )
    name = f"{seen.noted.name}-data"
    return (
        f"it writes {path}, and the file system is read-only",
        seen.advise(
            f"tmpfs: [{folder}]",
            "or, where it must be kept:",
            f"volumes: [{name}:{folder}]",
        ),
    )


def _find_path(line: str) -> str:
    """The path that a complaint is about: the last one that is no program's."""
    found: list[str] = _PATH.findall(line)
    quoted = [path for path in found if f"'{path}'" in line or f'"{path}"' in line]
    return (quoted or found or [""])[-1].rstrip(".,:")


def _find_folder(path: str) -> str:
    if not path:
        return ""
    return path if path.endswith("/") else posixpath.dirname(path)


def look_at_denied_port(seen: Evidence) -> Cause | None:
    """It may not listen on its port."""
    context = seen.find_context(_NO_PORT)
    line = context.rpartition("\n")[2].strip()
    if not _BIND.search(context) or _PATH.search(line.replace("/tcp", "")):
        return None
    port = seen.noted.port
    which = f"port {port}" if port is not None and port < _FREE else "its port"
    # A user other than root gets no capabilities: the port itself must be open to it.
    is_root = seen.container.user.partition(":")[0] in {"", "0", "root"}
    way = (
        "cap_add: [NET_BIND_SERVICE]"
        if is_root
        else 'sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}'
    )
    return (
        f"it may not listen on {which}: {line}",
        seen.advise(way, "or let it listen on a port above 1023"),
    )


_CAPABILITIES = (
    (r"chown|changing ownership|lchown", "CHOWN"),
    (r"setgroups|setgid|initgroups|setresgid", "SETGID"),
    (r"setuid|setresuid|switching to|su-exec|gosu|setpriv|setcred", "SETGID, SETUID"),
    (r"chmod|changing permissions|utime", "FOWNER"),
    (r"mount|sethostname|unshare", "SYS_ADMIN"),
    (r"socket|ping|raw", "NET_RAW"),
    (r"nice|sched_|mlock", "SYS_NICE"),
    (r"iptables|ioctl|RTNETLINK|ip link", "NET_ADMIN"),
)


def look_at_capability(seen: Evidence) -> Cause | None:
    """It does what only a capability allows."""
    lines = [line for line in seen.lines if _NOT_PERMITTED.search(line)]
    if not lines or not seen.container.drops_capabilities:
        return None
    wanted: dict[str, None] = {}
    for said in (*lines, seen.find_context(_NOT_PERMITTED)):
        if said not in lines and wanted:
            break
        for pattern, names in _CAPABILITIES:
            if re.search(pattern, said, re.IGNORECASE):
                wanted |= dict.fromkeys(names.split(", "))
                break
    help = (
        f"cap_add: [{', '.join(wanted)}]"
        if wanted
        else "relax: {cap_drop: why}   # until you know which one"
    )
    return (
        f"a capability is missing, all are dropped: {lines[-1].strip()}",
        seen.advise(help),
    )


def look_at_host(seen: Evidence) -> Cause | None:
    """It calls a service that it does not need."""
    for match in _UNKNOWN_HOST.finditer(seen.text):
        name = next(filter(None, match.groups()), "")
        needs = {need.service for need in seen.noted.needs}
        if name in seen.services and name not in needs:
            return (
                (
                    f"it calls `{name}`, but its `needs` does not list it: "
                    "the two share no network, and it does not wait"
                ),
                seen.advise(f"needs: [{name}]"),
            )
    return None


def look_at_folder(seen: Evidence) -> Cause | None:
    """It may not use a folder or a file."""
    line = seen.find_line(DENIED)
    path = _find_path(line)
    if not path:
        return None
    cause = f"it may not use {path}: {line.strip()}"
    mount = _find_mount(seen.container.mounts, path)
    who = f"user {seen.container.user}" if seen.container.user else "its user"
    if mount is None:
        folder = _find_folder(path)
        owner = _find_owner(seen.container.user)
        return cause, seen.advise(f'tmpfs: ["{folder}{owner}"]')
    if mount.kind == "bind":
        owner = seen.container.user or "0"
        return (
            cause,
            f"let {who} have it on this machine:\nchown {owner} {mount.source}",
        )
    return (
        cause,
        f"the volume {mount.name} belongs to another user than {who}:\n"
        + suggest_volume_owner(
            seen.container, mount.name, mount.target, seen.owners.get(mount.name, "")
        ),
    )


def _find_mount(mounts: tuple[Mounted, ...], path: str) -> Mounted | None:
    around = [each for each in mounts if f"{path}/".startswith(f"{each.target}/")]
    return max(around, key=lambda each: len(each.target), default=None)


def _find_owner(user: str) -> str:
    number, _, group = user.partition(":")
    if not number.isdigit():
        return ""
    return f":uid={number},gid={group if group.isdigit() else number}"


def look_at_module(seen: Evidence) -> Cause | None:
    """A module of its language is missing."""
    match = _MODULE.search(seen.text)
    if match is None or not seen.has_died:
        return None
    return (
        f"the module `{match[1] or match[2]}` is not in the image",
        (
            "add it to what the Dockerfile installs; "
            "`composegen up` builds the image again"
        ),
    )
