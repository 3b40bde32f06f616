"""The command of a health check, in the container or next to it, and its times.

Probes connect to 127.0.0.1, go past proxies, follow no redirect, take 200 to 399 as
healthy, and cannot be shadowed by the application's own modules. A probe from outside
does the same with the service's name, by ``sh`` and ``nc``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from composegen.health import Health, HealthKind
from composegen.model import Raw
from composegen.planning.asking import asks_a_port, choose_tool
from composegen.targets.files import OLDEST_START_INTERVAL
from composegen.values import Duration, make_duration

_HEALTHY = "^ *HTTP/[0-9.]* [23][0-9][0-9]"
_LONG = 30.0
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_CHEAP = frozenset({"wget", "curl", "bash"})
_HEAVY = ("mongosh", "mongo ", "rabbitmq-diagnostics", "rabbitmqctl", "kafka-")


def make_test(health: Health) -> list[str] | None:
    """Compose's ``test``; None where the image's own one is kept."""
    if health.kind is HealthKind.IMAGE:
        return None
    if health.kind is HealthKind.COMMAND:
        if isinstance(health.command, str):
            return ["CMD-SHELL", health.command]
        return ["CMD", *health.command]
    tool = choose_tool(health)
    assert tool
    port = health.written_port
    assert port is not None
    if health.kind is HealthKind.TCP:
        return _TCP[tool](port, _limit(health))
    return _HTTP[tool](port, health)


def _limit(health: Health) -> float:
    """The seconds after which a probe gives up by itself.

    Where a variable says how long it may take, the engine is to end it.
    """
    seconds = health.timeout.seconds
    return max(seconds, _LONG) if "$" in health.timeout.text else seconds


def make_outside_test(health: Health, host: str) -> list[str]:
    """Compose's ``test`` for a container next to the service, which is ``host``.

    ``nc`` runs a program with the connection as its input and output: busybox knows
    no other way to read an answer without closing its own side, as few servers like.
    """
    connect = ["nc", "-w", str(math.ceil(health.timeout.seconds))]
    connect += [host, str(health.written_port), "-e"]
    if health.kind is HealthKind.TCP:
        return ["CMD", *connect, "true"]
    path = health.path.replace("\\", "\\\\")
    name = health.host or f"{host}:{health.written_port}"
    request = (
        f"GET {path} HTTP/1.1\\r\\nHost: {name}\\r\\nConnection: close\\r\\n\\r\\n"
    )
    code = (
        f"printf '%b' {_quote_sh(request)} && read -r version status rest && "
        'case "$$version $$status" in HTTP/*" "[23]??*) ;; '
        '*) echo "$$version $$status $$rest" >&2; exit 1; esac'
    )
    return ["CMD", *connect, "sh", "-c", code]


def choose_start_interval(health: Health) -> Duration:
    """The interval of probes while the service boots; a cheap probe runs often."""
    if health.start_interval is not None:
        return health.start_interval
    if health.is_outside:
        return make_duration(0.2)
    if asks_a_port(health):
        return make_duration(0.2 if choose_tool(health) in _CHEAP else 0.3)
    command = health.command
    text = command if isinstance(command, str) else " ".join(command)
    return make_duration(5 if any(word in text for word in _HEAVY) else 0.3)


# HTTP


def make_timing(health: Health, engine: int) -> dict[str, Raw]:
    """Compose's times of a check, for an engine of that major version or later."""
    quick = choose_start_interval(health)
    interval: Duration = health.interval
    retries: int | str = health.retries
    timing: dict[str, Raw] = {"start_period": health.boot.text}
    if engine >= OLDEST_START_INTERVAL:
        timing["start_interval"] = quick.text
        retries = health.texts.get("retries", health.retries)
    else:
        # Older engines probe as often while it boots as later: not slow, not busy.
        seconds = min(interval.seconds, max(1.0, quick.seconds))
        tolerated = interval.seconds * health.retries
        retries = max(health.retries, -int(-tolerated // seconds))
        interval = make_duration(seconds)
    return timing | {
        "interval": interval.text,
        "timeout": health.timeout.text,
        "retries": retries,
    }


def _python_http(program: str) -> Callable[[int | str, Health], list[str]]:
    def make(port: int | str, health: Health) -> list[str]:
        headers = f",headers={{'Host':{health.host!r}}}" if health.host else ""
        code = (
            "import http.client as h;"
            f"c=h.HTTPConnection('127.0.0.1',{port},timeout={_number(health)});"
            f"c.request('GET',{health.path!r}{headers});"
            "raise SystemExit(not 200<=c.getresponse().status<400)"
        )
        return ["CMD", program, "-I", "-c", code]

    return make


def _node_http(port: int | str, health: Health) -> list[str]:
    headers = f",headers:{{Host:{_quote_js(health.host)}}}" if health.host else ""
    code = (
        "require('http').get({host:'127.0.0.1',"
        f"port:{port},path:{_quote_js(health.path)},agent:false{headers}}},"
        "r=>process.exit(r.statusCode>=200&&r.statusCode<400?0:1))"
        ".on('error',()=>process.exit(1))"
    )
    return ["CMD", "node", "-e", code]


def _curl_http(port: int | str, health: Health) -> list[str]:
    headers = ["-H", f"Host: {health.host}"] if health.host else []
    flags = ["-fgsS", "--path-as-is", "--noproxy", "*", "--max-time", _number(health)]
    url = f"http://127.0.0.1:{port}{health.path}"
    return ["CMD", "curl", *flags, "-o", "/dev/null", *headers, url]


def _wget_http(port: int | str, health: Health) -> list[str]:
    # busybox's wget follows redirects whatever its options: the first status line
    # counts, and wget is not waited for (the `&`), wherever it has gone by then.
    header = f" --header {_quote_sh('Host: ' + health.host)}" if health.host else ""
    seconds = math.ceil(_limit(health))
    url = _quote_sh(f"http://127.0.0.1:{port}{health.path}")
    ask = f"wget -Y off -T {seconds} -q -S -O /dev/null{header} {url} 2>&1"
    return ["CMD-SHELL", f"{{ {ask} & }} | grep -m 1 HTTP/ | grep -q '{_HEALTHY}'"]


def _bash_http(port: int | str, health: Health) -> list[str]:
    host = health.host or "127.0.0.1"
    path = health.path.replace("\\", "\\\\")
    request = f"GET {path} HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n"
    code = (
        f"exec 3<>/dev/tcp/127.0.0.1/{port} && "
        f"printf '%b' {_quote_sh(request)} >&3 && "
        f"read -r -t {math.ceil(_limit(health))} _ status _ <&3 && "
        "[[ $$status == [23]* ]]"
    )
    return ["CMD", "bash", "-c", code]


def _php_http(port: int | str, health: Health) -> list[str]:
    options = f"'follow_location'=>0,'timeout'=>{_number(health)}"
    if health.host:
        options += f",'header'=>{_quote_php('Host: ' + health.host)}"
    url = _quote_php(f"http://127.0.0.1:{port}{health.path}")
    code = (
        f"exit((int)!preg_match('~{_HEALTHY}~',(string)(@get_headers({url},false,"
        f"stream_context_create(['http'=>[{options}]]))[0]??'')));"
    )
    return ["CMD", "php", "-r", code]


_HTTP: Mapping[str, Callable[[int | str, Health], list[str]]] = {
    "python": _python_http("python"),
    "python3": _python_http("python3"),
    "node": _node_http,
    "curl": _curl_http,
    "wget": _wget_http,
    "bash": _bash_http,
    "php": _php_http,
}


# TCP


def _python_tcp(program: str) -> Callable[[int | str, float], list[str]]:
    def make(port: int | str, timeout: float) -> list[str]:
        code = (
            f"import socket;socket.create_connection(('127.0.0.1',{port}),{timeout:g})"
        )
        return ["CMD", program, "-I", "-c", code]

    return make


def _node_tcp(port: int | str, timeout: float) -> list[str]:
    del timeout  # the engine ends a probe that takes too long
    code = (
        f"require('net').connect({port},'127.0.0.1')"
        ".on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"
    )
    return ["CMD", "node", "-e", code]


def _bash_tcp(port: int | str, timeout: float) -> list[str]:
    del timeout  # the engine ends a probe that takes too long
    return ["CMD", "bash", "-c", f": </dev/tcp/127.0.0.1/{port}"]


def _php_tcp(port: int | str, timeout: float) -> list[str]:
    del timeout  # the engine ends a probe that takes too long
    code = f"exit((int)!@fsockopen('127.0.0.1',{port}));"
    return ["CMD", "php", "-r", code]


def _listen_table(port: int | str, timeout: float) -> list[str]:
    # Neither wget nor curl can only connect; the kernel's table shows who listens (0A).
    del timeout
    if isinstance(port, str):
        line = f'grep -qE ":$$(printf %04X {port}) 0+:0000 0A" {" ".join(_TABLES)}'
        return ["CMD-SHELL", line]
    pattern = f":{port:04X} 0+:0000 0A"
    return ["CMD", "grep", "-qE", pattern, *_TABLES]


_TCP: Mapping[str, Callable[[int | str, float], list[str]]] = {
    "python": _python_tcp("python"),
    "python3": _python_tcp("python3"),
    "node": _node_tcp,
    "bash": _bash_tcp,
    "php": _php_tcp,
    "wget": _listen_table,
    "curl": _listen_table,
}


def _number(health: Health) -> str:
    return f"{_limit(health):g}"


def _quote_sh(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _quote_js(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_quote_php = _quote_js
