"""What the log of a container says about why it is not up.

Each look answers with a cause and the line to add to the stack file, or with None.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from composegen.patterns import make_pattern
from composegen.places.advice import quote_path
from composegen.places.cause import Cause
from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import Folder, Mounted
from composegen.places.engine.data_help import (
    suggest_folder_owner,
    suggest_password,
    suggest_volume_owner,
)
from composegen.places.engine.evidence import Evidence
from composegen.planning.addressing import ContainerAddressing

_PATH = make_pattern(r"(?<![\w.:/])(/[\w.@%+~-]+(?:/[\w.@%+~-]*)*)")
_RELATIVE = make_pattern(r"['\"]((?!/)[\w.@%+~-]+(?:/[\w.@%+~-]+)*)['\"]")
_SECRET = make_pattern(re.escape(ContainerAddressing.secret_folder) + r"/([\w.-]+)")
_READ_ONLY = make_pattern(
    r"read-only file ?system|EROFS|readonly database", re.IGNORECASE
)
_SQLITE = make_pattern(r"unable to open database file|SQLITE_CANTOPEN")
DENIED = make_pattern(r"permission ?denied|EACCES", re.IGNORECASE)
_NOT_PERMITTED = make_pattern(r"operation not permitted|EPERM", re.IGNORECASE)
_NO_EXEC = make_pattern(
    r"failed to map segment|cannot (?:enable executable|apply additional)|noexec",
    re.IGNORECASE,
)
_EXECUTES = make_pattern(r"exec|spawn|sh: |run", re.IGNORECASE)
_PASSWORD = make_pattern(
    r"password authentication failed|access denied for user|WRONGPASS|NOAUTH"
    r"|invalid username-password|authentication (?:failed|unsuccessful)",
    re.IGNORECASE,
)
_BIND = make_pattern(r"(?:\b|_)(?:bind|listen)", re.IGNORECASE)
_NO_PORT = make_pattern(
    r"permission ?denied|EACCES|operation not permitted", re.IGNORECASE
)
_FREE = 1024
_UNKNOWN_HOST = make_pattern(
    r"getaddrinfo \w+ (\w(?:[\w.-]*\w)?)|could not translate host name \"([\w.-]+)\""
    r"|lookup (\w(?:[\w.-]*\w)?)|unknown host:? '?(\w(?:[\w.-]*\w)?)|"
    r"host not found in upstream \"([\w.-]+)\"",
    re.IGNORECASE,
)
_MODULE = make_pattern(
    r"No module named '?([\w.]+)'?|Cannot find (?:module|package) '([^']+)'"
)


def look_at_password(seen: Evidence) -> Cause | None:
    """A login was refused, perhaps by a store whose volume is older."""
    if not seen.find_line(_PASSWORD):
        return None
    if seen.older_store is not None:
        return Cause(
            CauseName.OLD_PASSWORD,
            f"{seen.older_service} refused the password: its volume "
            f"{seen.older_volume} is older than the secret and keeps the password "
            "that it was made with",
            suggest_password(
                seen.older_store,
                seen.older_file,
                seen.older_volume,
                seen.owners.get(seen.older_volume, ""),
            ),
        )
    return Cause(
        CauseName.PASSWORD_REFUSED,
        "a password was refused",
        "compare the secrets of both sides",
    )


def look_at_secret(seen: Evidence) -> Cause | None:
    """It may not read the file of a secret."""
    line = seen.find_line(_SECRET)
    name = _SECRET.search(line)
    if name is None or not DENIED.search(line):
        return None
    file = seen.secret_files.get(name[1], f".secrets/{name[1]}")
    return Cause(
        CauseName.SECRET_DENIED,
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
    return Cause(
        CauseName.NO_EXEC,
        f"it executes something in /tmp, which is mounted noexec: {line.strip()}",
        seen.advise('tmpfs: ["/tmp:exec"]'),
    )


def look_at_read_only(seen: Evidence) -> Cause | None:
    """It writes where the file system is read-only."""
    line = seen.find_line(_READ_ONLY)
    if not line and seen.container.is_read_only:
        line = seen.find_line(_SQLITE)
    if not line:
        return None
    path = _find_path(line, seen.container.folder)
    written = f"it writes {path or 'a file'}"
    said = f"{written}, and the file system is read-only"
    mount = find_mount(seen.container.mounts, path) if path else None
    if mount is not None and not mount.is_writable:
        return Cause(
            CauseName.READ_ONLY_MOUNT,
            f"it writes {path}, and {mount.target} is mounted read-only",
            f"remove `:ro` (or `read_only: true`) from the mount of {mount.target} in "
            f"the `volumes` of `{seen.noted.name}`",
        )
    folder = _find_folder(path)
    if folder and _may_be_hidden(seen, folder):
        return Cause(
            CauseName.READ_ONLY_FOLDER,
            said,
            seen.advise(
                f"tmpfs: [{quote_path(folder)}]",
                "or, where it must be kept:",
                *_suggest_volume(seen, folder),
            ),
        )
    return Cause(
        CauseName.READ_ONLY_IMAGE,
        said + _say_filled(seen, folder),
        seen.advise(
            f"relax: {{read_only: {written}}}",
            *_suggest_owner(seen, folder),
            "or let it write in a folder of its own, and give that a tmpfs",
        ),
    )


def _may_be_hidden(seen: Evidence, folder: str) -> bool:
    """Whether a mount there hides nothing: the image has no file in the folder."""
    if folder == "/" or folder not in seen.folders:
        return False
    found = seen.folders[folder]
    return found is None or found.is_empty


def _say_filled(seen: Evidence, folder: str) -> str:
    found = seen.folders.get(folder)
    is_filled = folder == "/" or (found is not None and not found.is_empty)
    return f"; {folder} holds files of the image" if is_filled else ""


def _suggest_volume(seen: Evidence, folder: str) -> list[str]:
    """A volume; a user other than root must find its folder in the image."""
    line = f"volumes: [{seen.noted.name}-data:{folder}]"
    user = seen.container.user
    found = seen.folders.get(folder)
    if find_number(user) in {"", "0"} or _is_writable(found, user):
        return [line]
    owner = find_number(user) or user.partition(":")[0]
    made = f"RUN mkdir -p {folder} && chown {owner} {folder}"
    return [f"{line}   # the Dockerfile makes it: {made}"]


def _suggest_owner(seen: Evidence, folder: str) -> list[str]:
    """What else it needs to write there where the folder is not its user's."""
    user = seen.container.user
    found = seen.folders.get(folder)
    if found is None or found.is_writable_by(user) is not False:
        return []
    owner = user.partition(":")[0] or "0"
    return [f"and in the Dockerfile, before USER: RUN chown {owner} {folder}"]


def _is_writable(folder: Folder | None, user: str) -> bool:
    return folder is not None and folder.is_writable_by(user) is True


def list_spoken_of(lines: Iterable[str], working: str) -> tuple[str, ...]:
    """The folders that complaints in a log are about; ``working`` is the program's."""
    found = [
        _find_folder(_find_path(line, working))
        for line in reversed(tuple(lines))
        if _READ_ONLY.search(line) or DENIED.search(line)
    ]
    return tuple(dict.fromkeys(filter(None, found)))


def _find_path(line: str, working: str = "") -> str:
    """The path that a complaint is about: the last one that is no program's."""
    found: list[str] = _PATH.findall(line)
    quoted = [path for path in found if f"'{path}'" in line or f'"{path}"' in line]
    path = (quoted or found or [""])[-1].rstrip(".,:")
    relative = _RELATIVE.search(line) if working and not quoted else None
    if relative is not None:
        return posixpath.normpath(posixpath.join(working, relative[1]))
    return path


def _find_folder(path: str) -> str:
    if not path:
        return ""
    return path.rstrip("/") if path.endswith("/") else posixpath.dirname(path)


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
    said = f"it may not listen on {which}: {line}"
    other = "or let it listen on a port above 1023"
    if is_root:
        return Cause(
            CauseName.PORT_DENIED,
            said,
            seen.advise("cap_add: [NET_BIND_SERVICE]", other),
        )
    way = 'sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}'
    return Cause(CauseName.PORT_DENIED_TO_USER, said, seen.advise(way, other))


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
    said = f"a capability is missing, all are dropped: {lines[-1].strip()}"
    if wanted:
        line = f"cap_add: [{', '.join(wanted)}]"
        return Cause(CauseName.CAPABILITY_MISSING, said, seen.advise(line))
    line = "relax: {cap_drop: it is not known which one it uses}"
    return Cause(CauseName.CAPABILITY_UNKNOWN, said, seen.advise(line))


def look_at_host(seen: Evidence) -> Cause | None:
    """It calls a service that it does not need."""
    for match in _UNKNOWN_HOST.finditer(seen.text):
        name = next(filter(None, match.groups()), "")
        needs = {need.service for need in seen.noted.needs}
        if name in seen.services and name not in needs:
            return Cause(
                CauseName.NEED_MISSING,
                f"it calls `{name}`, but its `needs` does not list it: "
                "the two share no network, and it does not wait",
                seen.advise(f"needs: [{name}]"),
            )
    return None


def look_at_folder(seen: Evidence) -> Cause | None:
    """It may not use a folder or a file."""
    line = seen.find_line(DENIED)
    path = _find_path(line, seen.container.folder)
    if not path:
        return None
    said = f"it may not use {path}: {line.strip()}"
    mount = find_mount(seen.container.mounts, path)
    user = seen.container.user
    who = f"user {user}" if user else "its user"
    if mount is None:
        return _explain_image_folder(seen, said, _find_folder(path), who)
    if mount.kind == "bind":
        return Cause(
            CauseName.HOST_FOLDER_DENIED,
            said,
            suggest_folder_owner(seen.container, mount.source, mount.target, None),
        )
    return Cause(
        CauseName.VOLUME_DENIED,
        said,
        f"the volume {mount.name} belongs to another user than {who}:\n"
        + suggest_volume_owner(
            seen.container, mount.name, mount.target, seen.owners.get(mount.name, "")
        ),
    )


def _explain_image_folder(seen: Evidence, said: str, folder: str, who: str) -> Cause:
    user = seen.container.user
    if _may_be_hidden(seen, folder):
        line = f'tmpfs: ["{folder}{_find_owner(user)}"]'
        return Cause(CauseName.FOLDER_DENIED, said, seen.advise(line))
    owner = user.partition(":")[0] or "0"
    return Cause(
        CauseName.IMAGE_FOLDER_DENIED,
        said + _say_filled(seen, folder),
        f"give it to {who} in the Dockerfile, before USER: RUN chown {owner} {folder}\n"
        "or let it write in a folder of its own, and give that a tmpfs: "
        + seen.advise(f'tmpfs: ["/data{_find_owner(user)}"]'),
    )


def find_mount(mounts: tuple[Mounted, ...], path: str) -> Mounted | None:
    """What is mounted at a path, or the nearest above it."""
    around = [each for each in mounts if f"{path}/".startswith(f"{each.target}/")]
    return max(around, key=lambda each: len(each.target), default=None)


def find_number(user: str) -> str:
    """The number of a user, as a text; empty for a name."""
    name = user.partition(":")[0]
    name = {"": "0", "root": "0"}.get(name, name)
    return name if name.isdigit() else ""


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
    return Cause(
        CauseName.MODULE_MISSING,
        f"the module `{match[1] or match[2]}` is not in the image",
        "add it to what the Dockerfile installs; `composegen up` builds the image "
        "again",
    )
