"""What a Compose key is called here: the answer to the most frequent error.

Every translation takes the value in the file and gives the lines to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from composegen.model import Raw
from composegen.stackfile.hints.healthcheck import translate_healthcheck
from composegen.stackfile.hints.inline import write_inline
from composegen.values import (
    GROUP_NAME,
    find_undefaulted,
    guess_default,
    has_variables,
    split_at_colons,
)

KNOWN_TO_COMPOSE = frozenset(
    """annotations attach blkio_config cgroup cgroup_parent configs cpu_count
    cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpuset
    credential_spec device_cgroup_rules dns_opt dns_search domainname
    external_links ipc isolation label_file links logging mac_address mem_swappiness
    memswap_limit models oom_kill_disable oom_score_adj pid post_start pre_start
    pre_stop provider pull_refresh_after runtime storage_opt umask use_api_socket
    userns_mode uts volumes_from""".split()
)
"""Compose keys of a service with no key here: they go below ``compose``."""

_CONDITIONS = {
    "service_started": "started",
    "service_healthy": "healthy",
    "service_completed_successfully": "finished",
}


def translate_key(key: str, value: Raw) -> tuple[str, str] | None:
    """Why ``key`` is not read here, and the lines to write instead.

    None for a key that is no Compose key at all.
    """
    if key in TRANSLATIONS:
        return TRANSLATIONS[key](value)
    if key in KNOWN_TO_COMPOSE:
        return (
            f"`{key}` has no key of its own here",
            f"pass it on to Compose:\ncompose: {{{key}: {write_inline(value)}}}",
        )
    return None


def _translate_depends_on(value: Raw) -> tuple[str, str]:
    why = "`depends_on` is `needs` here, and it waits for health"
    if isinstance(value, list):
        return why, f"needs: {write_inline(value)}"
    if not isinstance(value, dict):
        return why, "needs: [db]"
    plain = True
    lines = ["needs:"]
    for name, options in value.items():
        parts = []
        if isinstance(options, dict):
            condition = _CONDITIONS.get(str(options.get("condition")), "")
            if condition and condition != "healthy":
                parts.append(f"until: {condition}")
            if options.get("required") is False or options.get("required") == "false":
                parts.append("otherwise: {}")
        plain = plain and not parts
        shown = write_inline(name)
        lines.append(f"  {shown}: {{{', '.join(parts)}}}" if parts else f"  {shown}:")
    if plain:
        return why, f"needs: {write_inline(list(value))}"
    return why, "\n".join(lines)


def _translate_healthcheck(value: Raw) -> tuple[str, str]:
    why = "`healthcheck` is `health` here; composegen makes the probe"
    return why, translate_healthcheck(value)


def _translate_ports(value: Raw) -> tuple[str, str]:
    why = "`ports` is `publish` here, on 127.0.0.1 unless you name an address"
    if not isinstance(value, list):
        return why, "publish: 8080"
    texts = [
        _keep_random(_write_long_port(item) if isinstance(item, dict) else item)
        for item in value
    ]
    if any(str(text).startswith("0:") for text in texts):
        why += "; 0 is a random port of this machine"
    shown = [write_inline(_settle_address(text)) for text in texts]
    if len(shown) == 1 and str(texts[0]).count(":") == 1:
        published, _, target = str(texts[0]).partition(":")
        if published == target:
            return why, f"publish: {published}"
    return why, f"publish: [{', '.join(shown)}]"


def _keep_random(text: Raw) -> Raw:
    """A port for which Compose chooses one of the host."""
    shown = str(text)
    is_whole = ":" in guess_default(shown)
    return f"0:{shown}" if len(split_at_colons(shown)) == 1 and not is_whole else text


def _settle_address(text: Raw) -> Raw:
    """A port whose address has a default: composegen judges who can reach it."""
    address, *rest = split_at_colons(str(text))
    if len(rest) != 2 or guess_default(address):
        return text
    plain = re.fullmatch(r"\$\{?(\w+)(?::?-)?\}?", address)
    return ":".join([f"${{{plain[1]}:-127.0.0.1}}" if plain else "127.0.0.1", *rest])


def _write_long_port(port: Mapping[str, Raw]) -> str:
    text = str(port.get("target", "80"))
    if "published" in port:
        text = f"{port['published']}:{text}"
        if "host_ip" in port:
            text = f"{port['host_ip']}:{text}"
    protocol = port.get("protocol", "tcp")
    return text if protocol == "tcp" else f"{text}/{protocol}"


def _translate_expose(value: Raw) -> tuple[str, str]:
    first = value[0] if isinstance(value, list) and value else value
    settled = str(_settle(str(first or "")))
    number = re.match(r"\d+", settled)
    is_variable = re.fullmatch(r"\d+", guess_default(settled)) and "$" in settled
    port = write_inline(settled) if is_variable else number[0] if number else 8080
    return (
        "`expose` is `port` here: the one port that the service listens on",
        f"port: {port}",
    )


def _translate_deploy(value: Raw) -> tuple[str, str]:
    lines = []
    rest: dict[str, Raw] = dict(value) if isinstance(value, dict) else {}
    if "replicas" in rest:
        lines.append(_translate_count(rest.pop("replicas")))
    resources = rest.get("resources")
    if isinstance(resources, dict) and isinstance(
        limits := resources.get("limits"), dict
    ):
        shown = {k: v for k, v in limits.items() if k in {"cpus", "memory", "pids"}}
        if shown:
            settled = {key: _settle(item) for key, item in shown.items()}
            lines.append(f"resources: {write_inline(settled)}")
        others = {key: item for key, item in resources.items() if key != "limits"}
        rest["resources"] = others
        if not others:
            rest.pop("resources")
    if rest:
        lines.append(f"compose: {{deploy: {write_inline(rest)}}}")
    why = "`deploy` is `replicas` and `resources` here"
    return why, "\n".join(lines) or "remove it: it is empty"


def _settle(value: Raw) -> Raw:
    """A value that composegen computes with: a variable needs a default."""
    text = str(value)
    if has_variables(text) and not find_undefaulted(text):
        return text
    return guess_default(text) or value


def _translate_count(value: Raw) -> str:
    if guess_default(str(value)) == "0":
        return "enabled: false"
    return f"replicas: {write_inline(_settle(value))}"


def _translate_limit(name: str) -> Callable[[Raw], str]:
    """A limit in the words of `resources`; 0 and -1 are Compose's for none."""
    return lambda value: (
        f"resources: {{{name}: none}}"
        if guess_default(str(value)) in {"0", "-1"}
        else f"resources: {{{name}: {write_inline(_settle(value))}}}"
    )


def _translate_profiles(value: Raw) -> str:
    if value == []:
        return "remove it: the service is always included"
    names = value if isinstance(value, list) else [value]
    known = [str(n) for n in names if GROUP_NAME.fullmatch(str(n))]
    if not known:
        return "enabled: false"
    return f"group: {write_inline(list(known) if len(known) > 1 else known[0])}"


def _translate_extends(value: Raw) -> str:
    base = value.get("service", "base") if isinstance(value, dict) else value or "base"
    anchor = re.sub(r"[^A-Za-z0-9_-]", "-", str(base))
    if isinstance(value, dict) and "file" in value:
        return f"write here what `{base}` has in {value['file']}: it is not read"
    return (
        f"give `{base}` an anchor above this, `{write_inline(base)}: &{anchor}`; a key "
        f"that both "
        f"have, such as `environment`, is this one's alone:\n<<: *{anchor}"
    )


def _leave_out(key: str, why: str) -> Callable[[Raw], tuple[str, str]]:
    def translate(value: Raw) -> tuple[str, str]:
        raw = f"compose: {{{key}: {write_inline(value)}}}"
        return f"`{key}` is not needed: {why}", f"remove it, or pass it on:\n{raw}"

    return translate


def _word(
    key: str, why: str, help: Callable[[Raw], str]
) -> Callable[[Raw], tuple[str, str]]:
    def translate(value: Raw) -> tuple[str, str]:
        return f"`{key}` {why}", help(value)

    return translate


def _relaxed(name: str) -> Callable[[Raw], str]:
    def help(value: Raw) -> str:
        if str(value).lower() == "false":
            return f"say why it is off:\nrelax: {{{name}: why}}"
        return (
            "remove it, or keep it where the facts about an image switch it off:\n"
            f"relax: {{{name}: false}}"
        )

    return help


TRANSLATIONS: Mapping[str, Callable[[Raw], tuple[str, str]]] = {
    "depends_on": _translate_depends_on,
    "healthcheck": _translate_healthcheck,
    "ports": _translate_ports,
    "expose": _translate_expose,
    "deploy": _translate_deploy,
    "container_name": _leave_out(
        "container_name", "services are reached by their name in the stack"
    ),
    "version": _word(
        "version", "has no meaning in Compose any more", lambda _: "remove it"
    ),
    "profiles": _word(
        "profiles",
        "is `group` here: excluded unless included with `--with @NAME`",
        _translate_profiles,
    ),
    "extends": _word(
        "extends",
        "is an anchor here",
        _translate_extends,
    ),
    "scale": _word("scale", "is `replicas` here", _translate_count),
    "mem_limit": _word(
        "mem_limit",
        "is `resources` here",
        _translate_limit("memory"),
    ),
    "mem_reservation": _word(
        "mem_reservation",
        "is raw here",
        lambda value: f"compose: {{mem_reservation: {write_inline(value)}}}",
    ),
    "cpus": _word(
        "cpus",
        "is `resources` here",
        _translate_limit("cpus"),
    ),
    "pids_limit": _word(
        "pids_limit",
        "is `resources` here",
        _translate_limit("pids"),
    ),
    "read_only": _word(
        "read_only", "is on unless it is relaxed", _relaxed("read_only")
    ),
    "cap_drop": _word(
        "cap_drop",
        "is ALL unless it is relaxed; add with `cap_add`",
        _relaxed("cap_drop"),
    ),
    "init": _word("init", "is on unless it is relaxed", _relaxed("init")),
    "security_opt": _word(
        "security_opt",
        "holds no-new-privileges already; the rest is raw",
        lambda value: f"compose: {{security_opt: {write_inline(value)}}}",
    ),
    "privileged": _word(
        "privileged",
        "is raw here, and switches every protection off",
        lambda value: f"compose: {{privileged: {write_inline(value)}}}",
    ),
}

TOP_LEVEL = ("version", "jobs", "configs", "include", "models")
"""Compose's top-level keys that are not read here."""


def translate_top_key(key: str, value: Raw) -> str:
    """The help for one of ``TOP_LEVEL``, made from its value."""
    if key == "version":
        return "remove it: Compose ignores `version`"
    if key == "jobs":
        return (
            "a job is a service here, and dependent services wait until it has "
            "finished:\n"
            "services: {migrate: {job: true}}"
        )
    return f"pass it on to Compose:\ncompose: {{{key}: {write_inline(value)}}}"
