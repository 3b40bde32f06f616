"""What is behind a container that is not up, from what was seen of it.

Nothing is asked here. Every cause names the line to add to the stack file, where one
is known.
"""

from __future__ import annotations

import posixpath
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from composegen.containers import Container, Mounted, Probe, Socket
from composegen.records import field, record
from composegen.upnotes import NotedService
from composegen.values import format_duration

_NOT_EXECUTABLE, _NOT_FOUND, _KILLED = 126, 127, 137
_SHELL_BASE = 128
_CONTEXT = 4
_PATH = re.compile(r"(?<![\w.:/])(/[\w.@%+~-]+(?:/[\w.@%+~-]*)*)")
_MISSING_PROGRAM = re.compile(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|tini \(\d+\)\] exec (\S+) failed: No such file"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?"
    r"([\w./-]+): (?:command )?not found",
    re.MULTILINE,
)
_LOCKED_PROGRAM = re.compile(
    r'exec: \\?"([^"\\]+)\\?": permission denied'
    r"|tini \(\d+\)\] exec (\S+) failed: Permission denied"
    r"|(?:^|[\s/])(?:sh|bash|ash): (?:\d+: |line \d+: )?(/[\w./-]+): Permission denied",
    re.MULTILINE | re.IGNORECASE,
)
_READ_ONLY = re.compile(r"read-only file ?system|EROFS", re.IGNORECASE)
_DENIED = re.compile(r"permission ?denied|EACCES", re.IGNORECASE)
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
_REFUSED = re.compile(
    r"connection refused|ECONNREFUSED|could not connect", re.IGNORECASE
)
_UNKNOWN_HOST = re.compile(
    r"getaddrinfo \w+ ([a-z][a-z0-9-]*)\b|could not translate host name \"([\w-]+)\""
    r"|lookup ([a-z][a-z0-9-]*)\b|unknown host:? '?([a-z][a-z0-9-]*)|"
    r"host not found in upstream \"([\w-]+)\"",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"No module named '?([\w.]+)'?|Cannot find (?:module|package) '([^']+)'"
)
_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
_MISSING_MOUNT = re.compile(
    r"bind source path does not exist: (\S+)|invalid mount config.*: (/\S+)"
)
_NO_FILE_CAPABILITY = re.compile(
    r'exec "?[^"\s]*"?.*operation not permitted', re.IGNORECASE
)
PORT_TAKEN = re.compile(
    r"(?:\d+\.\d+\.\d+\.\d+|\[::\d?\]|\[?::\]?):(\d+)\b[^\n]*?"
    r"(?:port is already allocated|address already in use)"
)

TOOLS = ("wget", "curl", "python3", "python", "node", "php", "bash")
"""What a check can call, the cheapest first."""

Cause: TypeAlias = tuple[str, str]
"""What is behind it and what to do; the second may be empty."""


@record
class Evidence:
    """What was seen of a container and of what it needs.

    ``sockets`` is what listens in it, None where nobody could look; ``needed`` the same
    of the services that it needs, with the port that they should listen on.
    ``tools`` are those in it that a check could call, None where nobody could look.
    ``older_volume`` names the volume that is older than the password of the service
    that refused it. ``memory`` is the container's limit in words.
    """

    noted: NotedService
    container: Container
    lines: tuple[str, ...] = ()
    was_out_of_memory: bool = False
    sockets: tuple[Socket, ...] | None = None
    needed: Mapping[str, tuple[int, tuple[Socket, ...]]] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    older_volume: str = ""
    older_service: str = ""
    secret_files: Mapping[str, str] = field(default_factory=dict)
    holder: str = ""
    tools: tuple[str, ...] | None = None

    @property
    def has_died(self) -> bool:
        """Whether its last end is what matters, also where it was started again."""
        container = self.container
        is_settled = container.health in {"healthy", "unhealthy"}
        return not container.is_running or (container.restarts > 0 and not is_settled)

    @property
    def text(self) -> str:
        """What it said last."""
        return "\n".join(self.lines)

    def find_line(self, pattern: re.Pattern[str]) -> str:
        """The last line that a pattern is found in, or empty."""
        found = (line for line in reversed(self.lines) if pattern.search(line))
        return next(found, "")

    def find_context(self, pattern: re.Pattern[str]) -> str:
        """The last line that a pattern is found in, with the few before it.

        What was tried stands there: a traceback ends with the reason alone.
        """
        for at in range(len(self.lines) - 1, -1, -1):
            if pattern.search(self.lines[at]):
                return "\n".join(self.lines[max(0, at - _CONTEXT) : at + 1])
        return ""

    def advise(self, *lines: str) -> str:
        """The lines to add below the service in the stack file."""
        return "\n".join([f"under `{self.noted.name}` in the stack file:", *lines])


def find_cause(seen: Evidence) -> Cause:
    """What is behind it; both texts are empty where nobody knows."""
    return next((cause for look in _LOOKS if (cause := look(seen))), ("", ""))


# A start that failed


def _look_at_start(seen: Evidence) -> Cause | None:
    error = seen.container.error
    if not error:
        return None
    taken = PORT_TAKEN.search(error)
    if taken is not None:
        return explain_port(seen.noted, int(taken[1]), seen.holder, seen.container)
    missing = _MISSING_MOUNT.search(error)
    if missing is not None:
        path = missing[1] or missing[2]
        mend = "composegen secrets" if ".secrets/" in path else f"make {path}"
        return f"{path}, which it mounts, is not there", mend
    if _FORMAT.search(error):
        return _explain_format(seen)
    if _NO_FILE_CAPABILITY.search(error):
        return (
            "its program has file capabilities, and none may be had here",
            seen.advise("cap_add: [NET_BIND_SERVICE]   # or what the program asks for"),
        )
    program = _MISSING_PROGRAM.search(error)
    if program is not None:
        name = _get_named(program)
        return f"`{name}` is not in the image", "correct its `command` or `entrypoint`"
    locked = _LOCKED_PROGRAM.search(error)
    if locked is not None:
        return _explain_locked(_get_named(locked))
    if _DENIED.search(error):
        return "its program may not be executed", "chmod +x it in the Dockerfile"
    return error.strip().splitlines()[-1], ""


def explain_port(
    noted: NotedService, port: int, holder: str, container: Container | None = None
) -> Cause:
    """A port of the host that somebody else has."""
    by = f" by {holder}" if holder else ""
    published = container.published if container is not None else ()
    own = next((each for each in published if each.port == port), None)
    target = own.target.partition("/")[0] if own is not None else noted.port or port
    host = own.host if own is not None else "127.0.0.1"
    place = "" if host == "127.0.0.1" else f"{host}:"
    return (
        f"port {port} of this machine is taken{by}",
        (
            f"end what holds it, or under `{noted.name}` in the stack file:\n"
            f'publish: "{place}{port + 1}:{target}"'
        ),
    )


def _get_named(match: re.Match[str]) -> str:
    found: str = next(filter(None, match.groups()))
    return found


def _explain_locked(program: str) -> Cause:
    return (
        f"`{program}` may not be executed",
        f"let the Dockerfile make it so: RUN chmod +x {program}",
    )


def _explain_format(seen: Evidence) -> Cause:
    return (
        "its program is for another kind of processor",
        seen.advise("platform: linux/amd64   # or the platform of the image"),
    )


# How it ended


def _look_at_memory(seen: Evidence) -> Cause | None:
    if not (seen.was_out_of_memory or seen.container.was_out_of_memory):
        return None
    limit = format_size(seen.container.memory)
    more = format_size(seen.container.memory * 2) if seen.container.memory else "4G"
    return (
        f"it ran out of memory: the limit is {limit or 'that of the machine'}",
        seen.advise(f"resources: {{memory: {more}}}"),
    )


def format_size(size: int) -> str:
    """A size in bytes as a stack file says it; empty for none."""
    for unit, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}b" if size else ""


def _look_at_password(seen: Evidence) -> Cause | None:
    if not seen.find_line(_PASSWORD):
        return None
    if seen.older_volume:
        return (
            (
                f"{seen.older_service} refused the password: its volume "
                f"{seen.older_volume} is older than the secret and keeps the password "
                "that it was made with"
            ),
            (
                "put the old password back, or give the data up:\n"
                f"composegen down && docker volume rm {seen.older_volume}"
            ),
        )
    return "a password was refused", "compare the secrets of both sides"


def _look_at_no_exec(seen: Evidence) -> Cause | None:
    line = seen.find_line(_NO_EXEC)
    if not line:
        line = seen.find_line(_DENIED) or ""
        if "/tmp/" not in line or not _EXECUTES.search(line):
            return None
    return (
        f"it executes something in /tmp, which is mounted noexec: {line.strip()}",
        seen.advise('tmpfs: ["/tmp:exec"]'),
    )


def _look_at_read_only(seen: Evidence) -> Cause | None:
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


def _look_at_secret(seen: Evidence) -> Cause | None:
    line = seen.find_line(re.compile(r"/run/secrets/"))
    name = re.search(r"/run/secrets/([\w.-]+)", line)
    if name is None or not _DENIED.search(line):
        return None
    file = seen.secret_files.get(name[1], f".secrets/{name[1]}")
    return (
        f"it may not read its secret {name[1]}: the file's own permissions count",
        f"chmod 0644 {file}   # its folder is closed to others",
    )


def _look_at_denied_port(seen: Evidence) -> Cause | None:
    context = seen.find_context(_NO_PORT)
    line = context.rpartition("\n")[2].strip()
    if not _BIND.search(context) or _PATH.search(line.replace("/tcp", "")):
        return None
    port = seen.noted.port
    which = f"port {port}" if port is not None and port < _FREE else "its port"
    # Whoever is not root gets no capabilities: to him the port itself must be free.
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


def _look_at_capability(seen: Evidence) -> Cause | None:
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
    mend = (
        f"cap_add: [{', '.join(wanted)}]"
        if wanted
        else "relax: {cap_drop: why}   # until you know which one"
    )
    return (
        f"a capability is missing, all are dropped: {lines[-1].strip()}",
        seen.advise(mend),
    )


def _look_at_folder(seen: Evidence) -> Cause | None:
    line = seen.find_line(_DENIED)
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
        (
            f"the volume {mount.name} belongs to another user than {who}: let the "
            f"image make {mount.target} with the right owner, then, if nothing in it "
            "is needed:\n"
            f"composegen down && docker volume rm {mount.name}"
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


def _look_at_module(seen: Evidence) -> Cause | None:
    match = _MODULE.search(seen.text)
    if match is None or not seen.has_died:
        return None
    return (
        f"the module `{match[1] or match[2]}` is not in the image",
        "add it to what the Dockerfile installs; `composegen up` builds anew",
    )


def _look_at_host(seen: Evidence) -> Cause | None:
    for match in _UNKNOWN_HOST.finditer(seen.text):
        name = next(filter(None, match.groups()), "")
        needs = {need.service for need in seen.noted.needs}
        if name in seen.services and name not in needs:
            return (
                (
                    f"it calls `{name}`, which it does not need by the stack file: "
                    "they share no network, and nobody waits"
                ),
                seen.advise(f"needs: [{name}]"),
            )
    return None


def _look_at_needed(seen: Evidence) -> Cause | None:
    for name, (port, sockets) in seen.needed.items():
        listening = [each for each in sockets if each.port == port]
        if listening and all(each.is_loopback for each in listening):
            hosts = ", ".join(dict.fromkeys(each.host for each in listening))
            return (
                (
                    f"`{name}` listens on {hosts}:{port} alone: its own check passes, "
                    "and nobody else reaches it"
                ),
                f"let `{name}` listen on 0.0.0.0:{port}",
            )
    return None


def _look_at_program(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code not in {_NOT_EXECUTABLE, _NOT_FOUND}:
        return None
    locked = _LOCKED_PROGRAM.search(seen.text)
    if code == _NOT_EXECUTABLE and locked is not None:
        return _explain_locked(_get_named(locked))
    if code == _NOT_EXECUTABLE:
        return "its program cannot be executed", "chmod +x it in the Dockerfile"
    program = _MISSING_PROGRAM.search(seen.text)
    shown = "a program" if program is None else f"`{_get_named(program)}`"
    return (
        f"{shown} is not in the image",
        "install it in the Dockerfile, or correct `command`",
    )


def _look_at_exit(seen: Evidence) -> Cause | None:
    code = seen.container.exit_code
    if not seen.has_died or code == 0:
        return None
    program = _MISSING_PROGRAM.search(seen.text)
    if program is not None:
        name = _get_named(program)
        return f"`{name}` is not in the image", "install it in the Dockerfile"
    if code == _KILLED:
        return "it was killed (SIGKILL), and not for its memory", ""
    if code > _SHELL_BASE:
        try:
            name = signal.Signals(code - _SHELL_BASE).name
        except ValueError:
            return None
        return f"it was ended by {name}", ""
    return None


# A check that does not pass


def _look_at_check(seen: Evidence) -> Cause | None:
    container = seen.container
    if not container.is_running or container.health in {"none", "healthy"}:
        return None
    said = container.probes[-1].output if container.probes else ""
    program = _MISSING_PROGRAM.search(said)
    if program is not None or _is_tool_missing(container):
        name = _get_named(program) if program is not None else "its tool"
        return (
            f"the check calls `{name}`, which is not in the image",
            _suggest_tool(seen, name),
        )
    return _look_at_ports(seen)


def _suggest_tool(seen: Evidence, missing: str) -> str:
    if seen.tools is None:
        return seen.advise("health: {tool: wget}   # or python3, node, curl, bash, php")
    found = [tool for tool in TOOLS if tool in seen.tools and tool != missing]
    if not found:
        return f"install {missing} in the Dockerfile: no other tool is there"
    return seen.advise(f"health: {{tool: {found[0]}}}")


def _is_tool_missing(container: Container) -> bool:
    return bool(container.probes) and container.probes[-1].exit_code == _NOT_FOUND


def _look_at_ports(seen: Evidence) -> Cause | None:
    noted, sockets = seen.noted, seen.sockets
    longer = f"health: {{boot: {format_duration(noted.boot * 2)}}}"
    if noted.port is None or sockets is None:
        return None
    is_heard = any(each.port == noted.port for each in sockets)
    was_silent = Probe(exit_code=1, output="") in seen.container.probes
    if is_heard and noted.is_http and was_silent:
        return (
            (
                f"it listens on port {noted.port}, and what it answers the check has "
                "no status from 200 to 399"
            ),
            "correct the path in its `health`, or what it answers there",
        )
    if is_heard:
        return (
            f"it listens on port {noted.port} and its check does not pass",
            "look at what the check got; if it only takes long, " + seen.advise(longer),
        )
    others = list(dict.fromkeys(each.port for each in sockets))
    if others:
        shown = ", ".join(map(str, others))
        return (
            f"it listens on port {shown}, not on {noted.port}",
            seen.advise(f"port: {others[0]}"),
        )
    return (
        (
            f"nothing listens on port {noted.port} yet: it takes longer than its boot, "
            f"{format_duration(noted.boot)}, or it hangs"
        ),
        seen.advise(longer),
    )


_LOOKS: tuple[Callable[[Evidence], Cause | None], ...] = (
    _look_at_start,
    _look_at_memory,
    _look_at_password,
    _look_at_secret,
    _look_at_no_exec,
    _look_at_read_only,
    _look_at_denied_port,
    _look_at_capability,
    _look_at_host,
    _look_at_program,
    _look_at_folder,
    _look_at_module,
    _look_at_needed,
    _look_at_exit,
    _look_at_check,
)


# Compose's own complaints


def iterate_complaints(text: str, service: str) -> Iterator[Cause]:
    """What is behind a complaint of Compose or of the engine about a service."""
    for pattern, cause, mend in _COMPLAINTS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is not None:
            words = {f"_{n}": part or "" for n, part in enumerate(match.groups(), 1)}
            words["service"] = service
            yield cause.format(**words), mend.format(**words)


_COMPLAINTS = (
    (
        r"failed to solve: (.*)",
        "the image of `{service}` cannot be built: {_1}",
        "correct its Dockerfile; what failed stands above",
    ),
    (
        (
            r"(?:unable to prepare context|resolve : lstat|path \"?(\S+?)\"? not found)"
            r"(.*)"
        ),
        "a folder to build from is not there: {_1}{_2}",
        "correct `build`",
    ),
    (
        (r"pull access denied for |manifest for \S+ not found|manifest unknown"),
        (
            "the image of `{service}` cannot be pulled: there is none of that name, or "
            "it is private"
        ),
        "correct `image`, or: docker login",
    ),
    (
        r"(?:lookup \S+|dial tcp).*(?:no such host|i/o timeout|refused|unreachable)",
        "the image of `{service}` cannot be pulled: its registry is out of reach",
        "look at the network, or build the image: build: DIR",
    ),
    (
        r"no such image: (\S+)",
        "the image {_1} is not here",
        "let it be built: composegen up, without --no-build",
    ),
    (
        r"required variable (\w+) is missing a value(?:: (.*))?",
        "{_1} is not set: {_2}",
        "set {_1} in .env or in the environment",
    ),
    (
        r"address pools have been fully subnetted|non-overlapping IPv4 address pool",
        "the engine has no addresses left for another network",
        "remove networks that nobody uses: docker network prune",
    ),
    (
        r"no space left on device",
        "the engine's disk is full",
        "make room: docker system df, docker system prune",
    ),
    (
        r"container name \"/?([^\"]+)\" is already in use",
        "another container is called {_1}",
        "remove it, docker rm {_1}, or take `container_name` out of `compose`",
    ),
    (
        r"additional propert(?:y|ies) '?required'?",
        "this Compose is too old for optional dependencies",
        "install Docker Compose 2.20 or later: composegen doctor",
    ),
    (
        (
            r"external network \"?([\w.-]+)\"?.*not found"
            r"|network (\S+) declared as external"
        ),
        "the network {_1}{_2} is not there",
        "docker network create {_1}{_2}",
    ),
)
