"""A `healthcheck` in the words of `health`: the same question, at least as patient."""

from __future__ import annotations

from typing import Any

from composegen.adopt.seen import Seen
from composegen.adopt.texts import undouble, write_text
from composegen.patterns import make_pattern
from composegen.stackfile.hints.healthcheck import read_test
from composegen.values import Duration, format_duration, parse_duration

_FETCH = make_pattern(
    r"(?:/usr/bin/|/bin/)?"
    r"(?:(?P<curl>curl)\b.* (?:-[a-zA-Z]*f|--fail)|(?P<wget>wget)\b)"
)
_LOCALHOST = make_pattern(r"http://localhost(?::(\d+))?")
_DEFAULT_WAIT = {"interval": 30.0, "timeout": 30.0, "start_period": 0.0}
_BOOT, _INTERVAL = 60.0, 10.0
_RETRIES = 3
_PATIENCE = {"http": "10s", "command": "30s"}
"""What a probe may take where the file says nothing; Compose's own is 30 s."""


def adopt_healthcheck(seen: Seen) -> None:
    """``health``, where the file has a ``healthcheck``."""
    written = seen.text.get("healthcheck")
    model = seen.model.get("healthcheck")
    if not isinstance(written, dict):
        return
    if _is_off(model or written):
        seen.set("health", {"none": "it was switched off"}, "healthcheck")
        return
    test = written.get("test")
    health = _ask_page(test) or read_test(test)
    if "http" in health:
        seen.change(
            "healthcheck",
            f"asks {health['http']} with a probe of composegen: it follows no redirect",
            "health: {command: ..} keeps the line",
        )
    if isinstance(test, list) and test[0] == "CMD-SHELL" and len(test) > 2:
        health = {"command": write_text(test[1])}
        seen.change(
            "healthcheck",
            "the words after the command are omitted: a shell ignores them",
        )
    kind = next(iter(health))
    health |= _list_times(seen, written, model or {}, kind)
    if written.get("start_interval"):
        seen.change("healthcheck", "start_interval is composegen's own")
    seen.set("health", health, "healthcheck")


def _is_off(check: Any) -> bool:
    test = check.get("test")
    is_none = isinstance(test, list) and test[:1] == ["NONE"]
    return write_text(check.get("disable")) == "true" or is_none


def has_own_probe(seen: Seen) -> bool:
    """Whether the file itself says how to check the service."""
    health = seen.sketch.keys.get("health")
    is_image = isinstance(health, dict) and "image" in health
    is_none = isinstance(health, dict) and "none" in health
    if health is None or is_none:
        return False
    return not is_image or seen.build is None or seen.build.has_healthcheck


def _ask_page(test: Any) -> dict[str, Any] | None:
    """The page that `curl -f` or wget fetches, and nothing else; else None."""
    read = read_test(test)
    words = test[1:] if isinstance(test, list) else [test]
    text = " ".join(map(str, words))
    match = _FETCH.match(text.strip())
    if "http" not in read:
        return None
    if match is None:
        shell = isinstance(test, str) or test[0] == "CMD-SHELL"
        return {"command": text if shell else list(map(str, words))}
    host = _LOCALHOST.search(text)
    return {
        "http": read["http"],
        "port": read["port"],
        **({"host": "localhost"} if host else {}),
        "tool": "curl" if match["curl"] else "wget",
    }


def _list_times(seen: Seen, written: Any, model: Any, kind: str) -> dict[str, Any]:
    """The times that were written, and a boot that is as patient as before."""
    times: dict[str, Any] = {}
    for key in ("interval", "timeout", "retries"):
        text = write_text(written.get(key))
        if text and text not in {"0s", "0"}:
            times[key] = seen.give_default("healthcheck", text)
    if "timeout" not in times and kind in _PATIENCE:
        times["timeout"] = _PATIENCE[kind]
    before = _measure(model)
    retries = int(model.get("retries") or _RETRIES)
    interval = _read_time(model, "interval") or _INTERVAL
    if "interval" not in times:
        interval = _INTERVAL
    period = _read_time(model, "start_period") or 0.0
    boot = max(period, before - retries * interval)
    text = write_text(written.get("start_period"))
    if text and boot <= period and period > 0:
        times["boot"] = seen.give_default("healthcheck", text)
    elif boot > _BOOT:
        times["boot"] = format_duration(boot)
    return times


def _measure(model: Any) -> float:
    """How long Compose would have waited for it."""
    interval = _read_time(model, "interval") or _DEFAULT_WAIT["interval"]
    retries = int(model.get("retries") or _RETRIES)
    return (_read_time(model, "start_period") or 0.0) + retries * interval


def _read_time(model: Any, key: str) -> float | None:
    text = undouble(write_text(model.get(key)))
    try:
        found: Duration = parse_duration(text)
    except ValueError:
        return None
    return found.seconds
