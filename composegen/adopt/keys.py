"""Every key of a Compose service: translated, passed on, raw, or listed as lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from composegen.adopt.health import adopt_healthcheck
from composegen.adopt.mounts import adopt_volumes, relate
from composegen.adopt.names import (
    adopt_environment,
    adopt_names,
    read_pairs,
    write_pairs,
)
from composegen.adopt.networks import adopt_network_mode, adopt_networks
from composegen.adopt.ports import adopt_ports
from composegen.adopt.reading import list_env_files
from composegen.adopt.seen import Seen
from composegen.adopt.texts import is_off, undouble, write_text, write_texts
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.named import ELSEWHERE
from composegen.stackfile.keys.compose import BUILD_KEYS
from composegen.stackfile.keys.service import KEYS
from composegen.values import SECRET_NAME, guess_default, has_variables

_SCALARS = (
    *("image", "user", "working_dir", "hostname", "platform", "stop_signal"),
    *("stop_grace_period", "shm_size", "tty", "stdin_open", "pull_policy"),
)
_AS_THEY_ARE = (
    *("command", "entrypoint", "ulimits", "extra_hosts", "devices", "develop", "dns"),
    *("group_add", "gpus", "cap_add", "tmpfs"),
)
_ROTATION = ("max-size", "max-file")
"""The options of a log that a rendered file sets."""
_RESTARTS = frozenset({"no", "always", "on-failure", "unless-stopped"})
_RAW_LIMITS = {"memory": "mem_limit", "cpus": "cpus", "pids": "pids_limit"}
"""Where a limit stands whose variable says that there is none."""


def adopt_keys(seen: Seen) -> None:
    """Translate every key of a service; what has no word here is passed on raw."""
    for key in seen.text:
        if key in _TABLE:
            _TABLE[key](seen)
        elif not key.startswith("x-"):
            seen.set_raw(key, seen.text[key])
    if "restart" not in seen.text:
        seen.set("restart", "no")


def _pass_scalar(key: str) -> Callable[[Seen], None]:
    def adopt(seen: Seen) -> None:
        text = write_text(seen.text[key])
        if key in seen.model:
            model = seen.model[key]
            is_text = key not in {"stop_grace_period", "shm_size"}
            text = seen.settle(key, text, model) if is_text else text
        if key == "stop_grace_period" and text == "0":
            text = "0s"
        if text:
            seen.set(key, text)

    return adopt


def _pass(key: str) -> Callable[[Seen], None]:
    def adopt(seen: Seen) -> None:
        value = seen.text[key]
        if value not in (None, [], {}):
            seen.set(key, write_texts(value))

    return adopt


def _adopt_build(seen: Seen) -> None:
    """The build's options; a folder alone is written as such."""
    written = seen.text["build"]
    options = {"context": written} if isinstance(written, str) else dict(written)
    model = seen.model.get("build") or {}
    if "context" in options or "context" in model:
        text = write_text(options.get("context") or ".")
        value = undouble(write_text(model.get("context")))
        options["context"] = _settle_context(seen, text, value)
    if "args" in options:
        pairs = read_pairs(options["args"])
        options["args"] = write_pairs(pairs)
        if not pairs:
            del options["args"]
    for key in [key for key in options if key not in BUILD_KEYS]:
        seen.lose("build", f"build.{key} is no key of Compose that is known here")
        del options[key]
    options = {key: value for key, value in options.items() if value is not None}
    is_short = set(options) == {"context"}
    seen.set("build", options["context"] if is_short else options)


def _settle_context(seen: Seen, text: str, value: str) -> str:
    """A build's folder as written, where it leads to the one that Compose uses."""
    if ELSEWHERE.match(text) or not value.startswith("/"):
        return text
    related = relate(seen, value)
    filled = seen.fill(text)
    folder = seen.read.project.folder
    if (folder / filled).resolve() == (folder / value).resolve():
        return text
    seen.change("build", f"`{text}` is written with its value, {related}")
    return related


def _adopt_env_file(seen: Seen) -> None:
    files: list[Any] = []
    for item in list_env_files(seen.text):
        path = write_text(item.get("path"))
        is_needed = not is_off(item.get("required", True))
        rest = {k: v for k, v in item.items() if k not in {"path", "required"}}
        if is_needed and not rest:
            files.append(path)
        else:
            optional = {} if is_needed else {"required": "false"}
            files.append({"path": path, **optional, **rest})
    if files:
        only = files[0] if len(files) == 1 and isinstance(files[0], str) else files
        seen.set("env_file", only)


def _adopt_expose(seen: Seen) -> None:
    """The ports that other services reach; a published one needs no word."""
    exposed = [write_text(item) for item in seen.text["expose"] or []]
    published = {write_text(p.get("target")) for p in seen.model.get("ports") or []}
    left = [text for text in exposed if seen.fill(text) not in published]
    if len(left) == 1 and not published and seen.fill(left[0]).isdigit():
        seen.set("port", left[0], "expose")
    elif left:
        seen.set_raw("expose", left)


def _adopt_restart(seen: Seen) -> None:
    text = write_text(seen.text["restart"]) or "no"
    text = seen.give_default("restart", text)
    name = seen.fill(text).partition(":")[0]
    if has_variables(text) and guess_default(text).partition(":")[0] not in _RESTARTS:
        seen.change("restart", f"`{text}` is written with its value")
        text = seen.fill(text)
    if name in _RESTARTS:
        seen.set("restart", text)
    elif name:
        seen.lose("restart", f"`{text}` is no rule that Compose knows")


def _adopt_deploy(seen: Seen) -> None:
    """Replicas and limits have words; the rest is passed on."""
    deploy = {k: v for k, v in (seen.text["deploy"] or {}).items() if v is not None}
    if "replicas" in deploy:
        _set_replicas(seen, deploy.pop("replicas"), "deploy")
    resources = dict(deploy.get("resources") or {})
    limits = dict(resources.pop("limits", None) or {})
    for key in ("cpus", "memory", "pids"):
        if key in limits:
            _set_limit(seen, key, limits.pop(key), "deploy")
    if limits:
        seen.lose("deploy", f"deploy.resources.limits: {', '.join(limits)}")
    deploy.pop("resources", None)
    if resources:
        deploy["resources"] = resources
    if deploy:
        seen.set_raw("deploy", deploy)


def _adopt_scale(seen: Seen) -> None:
    _set_replicas(seen, seen.text["scale"], "scale")


def _set_replicas(seen: Seen, value: Any, origin: str) -> None:
    text = write_text(value)
    filled = seen.fill(text)
    if filled == "0":
        seen.set("enabled", "false", origin)
        seen.change("replicas", "0 replicas: excluded unless included", at=origin)
        if has_variables(text):
            seen.lose("replicas", f"`{text}`: --with {seen.name} includes it instead")
    elif text and text != "1" and _has_fixed_port(seen, filled):
        seen.change(
            "replicas",
            f"1, not {filled}: one port of the host is for one container",
            at=origin,
        )
    elif text and text != "1":
        seen.set("replicas", seen.give_default("replicas", text), origin)


def _has_fixed_port(seen: Seen, count: str) -> bool:
    """Whether more than one container would publish one and the same port."""
    published = [port.get("published") for port in seen.model.get("ports") or []]
    return any(published) and count.isdigit() and int(count) > 1


def _limit(key: str) -> Callable[[Seen], None]:
    name = {"mem_limit": "memory", "pids_limit": "pids", "cpus": "cpus"}[key]
    return lambda seen: _set_limit(seen, name, seen.text[key], key)


def _set_limit(seen: Seen, name: str, value: Any, origin: str) -> None:
    text = write_text(value)
    if seen.fill(text) in {"", "0", "-1", "0.0"}:
        if has_variables(text) and seen.fill(text):
            seen.set_raw(_RAW_LIMITS[name], text)
        elif has_variables(text):
            seen.lose(origin, f"{name}: `{text}` sets no limit now")
        return
    limits = dict(seen.sketch.keys.get("resources") or {})
    limits[name] = seen.give_default(origin, text)
    seen.set("resources", limits, origin)


def _adopt_secrets(seen: Seen) -> None:
    """Each secret in the folder of secrets, with no variable; others are mounted."""
    folder = ContainerAddressing.secret_folder
    top = seen.read.texts.get("secrets") or {}
    uses: dict[str, str] = {}
    for item in seen.text["secrets"] or []:
        long = item if isinstance(item, dict) else {"source": item}
        name = write_text(long.get("source"))
        declared = top.get(name) or {}
        target = write_text(long.get("target") or name)
        usual = target in {name, f"{folder}/{name}"}
        if declared.get("external") or not SECRET_NAME.fullmatch(name):
            seen.lose("secrets", f"{name}: {_why_lost(declared)}")
            continue
        uses[name] = "none"
        if not usual:
            seen.lose("secrets", f"{name} at {target}: it is at {folder}/{name}")
    if uses:
        seen.set("secrets", uses)


def _why_lost(secret: Mapping[str, Any]) -> str:
    return "is external" if secret.get("external") else "has a name with other letters"


def _adopt_switch(key: str) -> Callable[[Seen], None]:
    """A protection that the file has: kept raw where the service is not hardened."""

    def adopt(seen: Seen) -> None:
        value = seen.text[key]
        if value not in (None, [], {}):
            seen.set_raw(key, value)

    return adopt


def _adopt_logging(seen: Seen) -> None:
    """Raw; where it names no other driver, what composegen sets is added to it."""
    logging = seen.text["logging"]
    seen.set_raw("logging", logging)
    lacking = [name for name in _ROTATION if name not in (logging.get("options") or {})]
    if lacking and seen.fill(logging.get("driver")) in {"", "json-file"}:
        seen.change("logging", f"rotated: composegen adds {' and '.join(lacking)}")


def _keep_place(key: str) -> Callable[[Seen], None]:
    """What is decided later, with all services known: its place in the order."""
    return lambda seen: seen.sketch.keys.update({key: None})


def _skip(_: Seen) -> None:
    """What Compose has resolved."""


_TABLE: Mapping[str, Callable[[Seen], None]] = {
    **{key: _pass_scalar(key) for key in _SCALARS},
    **{key: _pass(key) for key in _AS_THEY_ARE},
    "environment": adopt_environment,
    "env_file": _adopt_env_file,
    "labels": lambda seen: adopt_names(seen, "labels"),
    "sysctls": lambda seen: adopt_names(seen, "sysctls"),
    "volumes": adopt_volumes,
    "build": _adopt_build,
    "ports": adopt_ports,
    "expose": _adopt_expose,
    "healthcheck": adopt_healthcheck,
    "networks": adopt_networks,
    "network_mode": adopt_network_mode,
    "restart": _adopt_restart,
    "deploy": _adopt_deploy,
    "scale": _adopt_scale,
    "cpus": _limit("cpus"),
    "mem_limit": _limit("mem_limit"),
    "pids_limit": _limit("pids_limit"),
    "secrets": _adopt_secrets,
    "logging": _adopt_logging,
    **{key: _adopt_switch(key) for key in ("read_only", "cap_drop", "init")},
    "security_opt": _adopt_switch("security_opt"),
    "depends_on": _keep_place("needs"),
    "profiles": _keep_place("group"),
    "extends": _skip,
}

assert {*_SCALARS, *_AS_THEY_ARE} <= KEYS.keys()
