"""A value of its own for every variable, so that two of them cannot be mixed up.

A number stays a number, a time a time: where a variable stands says what it may be.
Words that Compose knows, such as a restart rule, keep what they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from composegen.adopt.asking import Plain
from composegen.adopt.texts import Path, fill, list_variables, walk_texts
from composegen.patterns import make_pattern

_TIMES = frozenset("interval timeout start_period stop_grace_period".split())
_SIZES = frozenset(
    "mem_limit memory shm_size memswap_limit mem_reservation size".split()
)
_COUNTS = frozenset(
    "replicas scale retries pids_limit pids cpus cpu_shares port expose ports".split()
)
_FIXED = frozenset(
    "restart network_mode pull_policy platform condition profiles env_file tty init "
    "stdin_open privileged read_only external internal attachable driver count mode "
    "protocol uid gid type disable required restart_policy label_file pid "
    "ipc subnet ipv4_address ipv6_address gateway ip_range ulimits start_interval "
    "isolation cgroup enable_ipv6 create_host_path sysctls cap_add devices gpus".split()
)
"""Keys whose values are words, switches or addresses that Compose checks."""
_PATH_LIKE = make_pattern(r"(\.{0,2}/|~)")
_FIRST_PORT = 21000


def make_values(texts: Plain, values: Mapping[str, str]) -> dict[str, str]:
    """The values, one for each variable that can have any."""
    places: dict[str, list[tuple[Path, str]]] = {}
    for path, text in walk_texts(texts):
        for variable in list_variables(text):
            places.setdefault(variable.name, []).append((path, text))
    made: dict[str, str] = {}
    for index, (name, found) in enumerate(places.items()):
        value = _make_value(name, index, found, values)
        if value is not None and not name.startswith("COMPOSE_"):
            made[name] = value
    return made


def _make_value(
    name: str, index: int, found: list[tuple[Path, str]], values: Mapping[str, str]
) -> str | None:
    keys = {key for path, _ in found for key in path if isinstance(key, str)}
    if keys & _FIXED - {"environment"} and not _is_free(found):
        return None
    now = _find_now(name, found, values)
    if any(_is_below(path, _TIMES) for path, _ in found):
        return f"{31 + index % 60}s"
    if any(_is_below(path, _SIZES) for path, _ in found):
        return f"{200 + index % 500}m"
    if any(_is_below(path, _COUNTS) for path, _ in found):
        return _make_number(index, found, now)
    if now is not None and re.fullmatch(r"\d+", now):
        return str(_FIRST_PORT + index % 40000)
    if now is not None and now.lower() in {"true", "false", "yes", "no", "on", "off"}:
        return "true" if now.lower() in {"false", "no", "off"} else "false"
    if now is not None and _PATH_LIKE.match(now):
        return f"{now.rstrip('/')}/own{index}"
    if any(_is_below(path, {"volumes"}) for path, _ in found):
        return f"./own{index}" if now is None or not now.strip() else None
    return f"own{index}"


def _is_below(path: Path, keys: frozenset[str] | set[str]) -> bool:
    """Whether a service's key, or one within its check or limits, is one of these."""
    return (
        path[:1] == ("services",)
        and bool({key for key in path[2:] if isinstance(key, str)} & keys)
        and "environment" not in path
    )


def _is_free(found: list[tuple[Path, str]]) -> bool:
    """Whether a variable stands in environments alone, where names mean nothing."""
    return all(len(path) > 2 and path[2] == "environment" for path, _ in found)


def _make_number(
    index: int, found: list[tuple[Path, str]], now: str | None
) -> str | None:
    is_port = any({"ports", "port", "expose"} & set(path) for path, _ in found)
    if is_port and (now is None or re.fullmatch(r"\d*", now)):
        return str(_FIRST_PORT + index % 40000)
    if is_port:
        return None
    return str(2 + index % 5)


def _find_now(
    name: str, found: list[tuple[Path, str]], values: Mapping[str, str]
) -> str | None:
    """What a variable is now: its value, else a default."""
    if name in values:
        return values[name]
    for _, text in found:
        for variable in list_variables(text):
            if variable.name == name and variable.operator in {":-", "-"}:
                return fill(variable.argument, values)
    return None
