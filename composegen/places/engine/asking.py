"""Asking an address from inside a container which status it answers with.

A tool of the image asks. Port, path and host are arguments of it, so that nothing has
to be quoted; it prints a line for each path, such as ``404 /health``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from composegen.patterns import make_pattern

_SECONDS = 3
_ANSWER = make_pattern(r"(\d{3}) (/.*)")

_PYTHON = f"""
import http.client, sys
port, host, *paths = sys.argv[1:]
for path in paths:
    try:
        asked = http.client.HTTPConnection("127.0.0.1", int(port), timeout={_SECONDS})
        asked.request("GET", path, headers={{"Host": host}} if host else {{}})
        print(asked.getresponse().status, path)
    except Exception:
        pass
"""
_NODE = f"""
const [port, host, ...paths] = process.argv.slice(1);
const headers = host ? {{Host: host}} : {{}};
for (const path of paths) require("http").get(
  {{host: "127.0.0.1", port, path, headers, agent: false, timeout: {_SECONDS * 1000}}},
  got => {{ console.log(got.statusCode + " " + path); got.destroy(); }}
).on("timeout", function () {{ this.destroy(); }}).on("error", () => {{}});
"""
_CURL = f"""
port=$1 host=$2; shift 2
for path in "$@"; do
  set -- -gs --path-as-is --noproxy "*" --max-time {_SECONDS} -o /dev/null
  test -z "$host" || set -- "$@" -H "Host: $host"
  echo "$(curl "$@" -w "%{{http_code}}" "http://127.0.0.1:$port$path") $path"
done
"""
_WGET = f"""
port=$1 host=$2; shift 2
for path in "$@"; do
  set -- -Y off -T {_SECONDS} -q -S -O /dev/null
  test -z "$host" || set -- "$@" --header "Host: $host"
  status=$(wget "$@" "http://127.0.0.1:$port$path" 2>&1 | grep -m 1 "HTTP/")
  status=${{status#*HTTP/}}; status=${{status#* }}; echo "${{status%% *}} $path"
done
"""
_BASH = f"""
port=$1 host=${{2:-127.0.0.1}}; shift 2
for path in "$@"; do
  exec 3<>"/dev/tcp/127.0.0.1/$port" || continue
  printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n" "$path" "$host" >&3
  read -r -t {_SECONDS} _ status _ <&3; echo "$status $path"
done
"""
_PHP = f"""
[$port, $host, $paths] = [$argv[1], $argv[2], array_slice($argv, 3)];
foreach ($paths as $path) {{
  $http = ["ignore_errors" => true, "follow_location" => 0, "timeout" => {_SECONDS}];
  if ($host) $http["header"] = "Host: $host";
  $context = stream_context_create(["http" => $http]);
  $got = @get_headers("http://127.0.0.1:$port$path", false, $context);
  if ($got) echo explode(" ", $got[0])[1], " $path\n";
}}
"""
_COMMANDS: Mapping[str, Callable[[list[str]], list[str]]] = {
    "wget": lambda words: ["sh", "-c", _WGET, "sh", *words],
    "curl": lambda words: ["sh", "-c", _CURL, "sh", *words],
    "python3": lambda words: ["python3", "-I", "-c", _PYTHON, *words],
    "python": lambda words: ["python", "-I", "-c", _PYTHON, *words],
    "node": lambda words: ["node", "-e", _NODE, "--", *words],
    "php": lambda words: ["php", "-r", _PHP, "--", *words],
    "bash": lambda words: ["bash", "-c", _BASH, "bash", *words],
}
TOOLS = tuple(_COMMANDS)
"""What can ask, and what a health check can call; the cheapest first."""


def make_question(
    tools: Iterable[str], port: int, paths: Sequence[str], *, host: str = ""
) -> list[str] | None:
    """The command with which one of these tools asks; None where none can."""
    tool = next((tool for tool in tools if tool in _COMMANDS), None)
    return None if tool is None else _COMMANDS[tool]([str(port), host, *paths])


def read_answers(out: str) -> dict[str, int]:
    """The status that each path answers with, from what the command printed."""
    lines = (_ANSWER.fullmatch(line.strip()) for line in out.splitlines())
    return {match[2]: int(match[1]) for match in lines if match and match[1] != "000"}
