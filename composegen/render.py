"""A Plan becomes files, through ``templates/<target>/``; nothing here touches a disk.

A template's name minus ``.j2`` is the file that it writes. Templates own the layout,
``quoting`` owns every value that they print.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from composegen.merging import merge_raw
from composegen.model import (
    RELAXABLE,
    Condition,
    Facts,
    Health,
    HealthKind,
    Mount,
    Raw,
    Secret,
    SecretKind,
    Service,
)
from composegen.plan import Plan, Step
from composegen.probes import choose_start_interval, make_test
from composegen.quoting import quote_scalar, write_block, write_comment, write_flow, write_key
from composegen.resources import find_templates
from composegen.values import Duration, make_duration
from composegen.wiring import Containers, find_credentials, make_url

CHECKSUM = re.compile(r"^# checksum: ([0-9a-f]{64})\n", re.MULTILINE)
SELECTION = re.compile(r"^# composegen render(?: (.*))?\n", re.MULTILINE)
OLDEST_START_INTERVAL = 25

_CONDITIONS = {
    Condition.HEALTHY: "service_healthy",
    Condition.FINISHED: "service_completed_successfully",
    Condition.STARTED: "service_started",
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|git@|[\w.-]+@[\w.-]+:")
_ORDER = (
    "image build platform pull_policy user entrypoint command working_dir hostname "
    "environment env_file ports volumes secrets networks network_mode extra_hosts "
    "dns init read_only tmpfs cap_drop cap_add security_opt group_add devices gpus sysctls "
    "ulimits shm_size tty stdin_open labels restart stop_signal stop_grace_period cpus "
    "mem_limit pids_limit logging develop deploy healthcheck depends_on"
).split()
_POSITION = {key: position for position, key in enumerate(_ORDER)}
_LOGGING: dict[str, Raw] = {
    "driver": "local",
    "options": {"max-size": "10m", "max-file": "3"},
}


@dataclass(frozen=True, slots=True)
class File:
    """One file to write: its name and its whole text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a service as it is printed, with a comment."""

    key: str
    value: Raw
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One service as it is printed: what differs from the defaults."""

    name: str
    settings: tuple[Setting, ...]
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """A service on its way: Compose's keys, and the comment of some of them."""

    keys: dict[str, Raw] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)

    def set(self, key: str, value: Raw, comment: str = "") -> None:
        self.keys[key] = value
        if comment:
            self.comments[key] = comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to render: ``engine`` is the oldest major version that must take the file.

    ``prefix`` leads from the folder of the output to that of the stack file.
    """

    engine: int = OLDEST_START_INTERVAL
    prefix: str = "."


def render_plan(plan: Plan, options: Options | None = None) -> tuple[File, ...]:
    """The files of the ``compose`` target for a plan; the same text on any machine."""
    return tuple(_render_target("compose", plan, options or Options()))


def _render_target(target: str, plan: Plan, options: Options) -> Iterator[File]:
    environment = _make_environment(target)
    context = _Renderer(plan, options).make_context()
    for name in sorted(environment.list_templates(extensions=["j2"])):
        text = environment.get_template(name).render(context)
        yield File(name.removesuffix(".j2"), add_checksum(text))


@cache
def _make_environment(target: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(find_templates() / target),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    environment.filters.update(
        block=lambda value, indent: Markup(write_block(value, indent)),  # noqa: S704
        flow=lambda value: Markup(write_flow(value)),  # noqa: S704
        key=lambda value, indent=0: Markup(write_key(value, indent).rstrip()),  # noqa: S704
        comment=lambda value: Markup(write_comment(value)),  # noqa: S704
    )
    return environment


def _finalize(value: Any) -> Any:
    """Quote whatever a template prints; Markup is what a filter has quoted."""
    if isinstance(value, Markup):
        return value
    return Markup(quote_scalar(value))  # noqa: S704 - YAML, and quoted for it


# The checksum


def add_checksum(text: str) -> str:
    """The text with its checksum on the third line, below the command."""
    first, command, rest = text.split("\n", 2)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{first}\n{command}\n# checksum: {digest}\n{rest}"


def is_ours(text: str) -> bool:
    """Whether composegen wrote this text, edited since or not."""
    return text.startswith("# Made by composegen") and bool(CHECKSUM.search(text))


def is_untouched(text: str) -> bool:
    """Whether the text is one that composegen wrote and nobody edited."""
    match = CHECKSUM.search(text)
    if match is None:
        return False
    without = text[: match.start()] + text[match.end() :]
    return hashlib.sha256(without.encode()).hexdigest() == match[1]


def read_flags(text: str) -> list[str]:
    """The words of the command that a header records, without the command."""
    match = SELECTION.search(text)
    return (match[1] or "").split() if match else []


# The context of the templates


class _Renderer:
    """Turns one plan into what the templates print."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan = plan
        self.stack = plan.stack
        self.options = options
        self.relaxed = self._find_common_relax()
        self.defaults, self.default_comments = self._make_defaults()

    def make_context(self) -> dict[str, Any]:
        flags = [self.plan.selection.flags] if self.plan.selection.flags else []
        if self.options.engine < OLDEST_START_INTERVAL:
            flags.append(f"--engine {self.options.engine}")
        top = self._merge_top_level()
        return {
            "source": posixpath.normpath(
                posixpath.join(self.options.prefix, self.stack.file)
            ),
            "flags": " ".join(flags),
            "name": self.stack.name,
            "left_out": self.plan.left_out,
            "secret_lines": list(self._write_secret_lines()),
            "extensions": self.stack.extensions,
            "anchor": self._choose_anchor(),
            "defaults": [
                Setting(key, value, self.default_comments.get(key, ""))
                for key, value in self.defaults.items()
            ],
            "services": [self._make_block(step) for step in self._order_steps()],
            "networks": top.pop("networks", None),
            "volumes": top.pop("volumes", None),
            "secrets": top.pop("secrets", None),
            "others": top,
        }

    def _order_steps(self) -> list[Step]:
        """The steps in the order in which the stack file declares its services."""
        steps = {step.name: step for step in self.plan.steps}
        return [steps[name] for name in self.stack.services if name in steps]

    def _choose_anchor(self) -> str:
        name = "x-defaults"
        while name in self.stack.extensions or name in self.stack.compose:
            name += "-of-composegen"
        return name

    # Defaults

    def _find_common_relax(self) -> dict[str, str]:
        """What every service relaxes with one and the same reason."""
        services = [step.service for step in self.plan.steps]
        return {
            name: services[0].relax[name]
            for name in RELAXABLE
            if name in services[0].relax
            and all(
                service.relax.get(name) == services[0].relax[name] for service in services
            )
        }

    def _make_defaults(self) -> tuple[dict[str, Raw], dict[str, str]]:
        draft = _Draft()
        _harden(draft, self.relaxed)
        if "read_only" not in self.relaxed:
            draft.set("tmpfs", ["/tmp"])  # noqa: S108 - the container's
        draft.set("restart", "unless-stopped")
        draft.set("cpus", 2)
        draft.set("mem_limit", "2G")
        draft.set("pids_limit", 512)
        draft.set("logging", _LOGGING)
        ordered = sorted(draft.keys.items(), key=lambda pair: _POSITION[pair[0]])
        return dict(ordered), draft.comments

    # One service

    def _make_block(self, step: Step) -> Block:
        draft = _Draft()
        service = step.service
        self._add_image(draft, service)
        self._add_passed(draft, service)
        self._add_environment(draft, step)
        self._add_reach(draft, step)
        self._add_hardening(draft, service)
        self._add_limits(draft, step)
        self._add_health(draft, service)
        self._add_gates(draft, step)
        self._merge_compose(draft, service)
        keys = sorted(draft.keys, key=lambda key: _POSITION.get(key, len(_POSITION)))
        return Block(
            name=service.name,
            settings=tuple(
                Setting(key, draft.keys[key], draft.comments.get(key, ""))
                for key in keys
                if key not in self.defaults or draft.keys[key] != self.defaults[key]
            ),
            comments=tuple(draft.above),
        )

    def _add_image(self, draft: _Draft, service: Service) -> None:
        if service.image:
            draft.set("image", service.image)
        if service.build is not None:
            options = dict(service.build.options)
            if "context" in options:
                options["context"] = self._move_context(service.build.context)
            contexts = options.get("additional_contexts")
            if isinstance(contexts, dict):
                options["additional_contexts"] = {
                    name: self._move_context(str(value)) for name, value in contexts.items()
                }
            draft.set(
                "build", options["context"] if set(options) == {"context"} else options
            )
        user, comment = _choose_user(service)
        if user:
            draft.set("user", user, comment)

    def _add_passed(self, draft: _Draft, service: Service) -> None:
        for key, value in service.passed.items():
            if key == "develop":
                draft.set(key, self._move_watched(value))
            else:
                draft.set(key, value)
        facts = service.facts
        if facts is not None and facts.hostname and "hostname" not in service.passed:
            draft.set("hostname", service.name, f"{facts.name}: its data belongs to it")
        if service.labels:
            draft.set("labels", dict(service.labels))

    def _add_environment(self, draft: _Draft, step: Step) -> None:
        environment: dict[str, Raw] = dict(step.environment)
        emptied = [
            name for name in step.unset if name in step.service.env_file_names
        ]
        environment |= dict.fromkeys(emptied, "")
        if environment:
            comment = ""
            if emptied:
                comment = f"{', '.join(emptied)}: left out, though an env file sets it"
            draft.set("environment", environment, comment)
        if step.service.env_file:
            draft.set("env_file", [self._move_env_file(f) for f in step.service.env_file])

    def _add_reach(self, draft: _Draft, step: Step) -> None:
        service = step.service
        if service.publish:
            draft.set(
                "ports",
                [
                    f"{port.host}:{port.published}:{port.target}"
                    + (f"/{port.protocol}" if port.protocol != "tcp" else "")
                    for port in service.publish
                ],
            )
        if step.secrets:
            draft.set("secrets", [use.name for use in step.secrets])
        if service.uses_host_network:
            return
        raw = service.compose.get("networks")
        names = list(step.networks)
        if names != ["default"] or raw:
            draft.set("networks", dict.fromkeys(names) if raw else list(names))

    def _add_hardening(self, draft: _Draft, service: Service) -> None:
        facts = service.facts
        _harden(draft, service.relax)
        mounts = [self._move_mount(mount) for mount in service.volumes]
        targets = {mount.target.rstrip("/") for mount in service.volumes}
        targets |= {text.partition(":")[0].rstrip("/") for text in service.tmpfs}
        if facts is not None:
            for folder in facts.volumes:
                if folder not in targets:
                    mounts.append(folder)
                    draft.comments["volumes"] = f"{facts.name}: {facts.why}"
            if not facts.init and "init" not in service.relax:
                draft.set("init", False, f"{facts.name}: it brings its own process 1")
            if not facts.read_only and "read_only" not in service.relax:
                draft.set("read_only", False, f"{facts.name}: {facts.why}")
            if not facts.no_new_privileges and "no_new_privileges" not in service.relax:
                draft.set("security_opt", [], f"{facts.name}: {facts.why}")
        if mounts:
            draft.set("volumes", mounts, draft.comments.get("volumes", ""))
        tmpfs = list(_list_tmpfs(service, targets)) if draft.keys["read_only"] else []
        draft.set("tmpfs", [*tmpfs, *service.tmpfs])
        known = facts.cap_add if facts is not None and _has_fact_user(service) else ()
        capabilities = list(service.cap_add)
        if "cap_drop" not in service.relax:
            added = [name for name in known if name not in capabilities]
            if added and facts is not None:
                draft.comments["cap_add"] = f"{facts.name}: {facts.why}"
            capabilities = sorted({*added, *capabilities})
        if capabilities:
            draft.set("cap_add", capabilities, draft.comments.get("cap_add", ""))

    def _add_limits(self, draft: _Draft, step: Step) -> None:
        resources = step.service.resources
        cpus = resources.cpus
        draft.set("cpus", int(cpus) if cpus.isdigit() else float(cpus))
        draft.set("mem_limit", resources.memory)
        draft.set("pids_limit", resources.pids)
        draft.set("logging", _LOGGING)
        draft.set("restart", "no" if step.service.job else "unless-stopped")
        if step.replicas != 1:
            draft.set("deploy", {"replicas": step.replicas})

    def _add_health(self, draft: _Draft, service: Service) -> None:
        health = service.health
        if health is None:
            return
        if health.kind is HealthKind.NONE:
            reason = f": {health.reason}" if health.reason else ""
            draft.above.append(f"health: none{reason}")
            return
        check: dict[str, Raw] = {}
        test = make_test(health)
        if test is not None:
            check["test"] = list(test)
        check |= self._make_timing(health)
        draft.set("healthcheck", check)

    def _make_timing(self, health: Health) -> dict[str, Raw]:
        quick = choose_start_interval(health)
        interval, retries = health.interval, health.retries
        timing: dict[str, Raw] = {"start_period": health.boot.text}
        if self.options.engine >= OLDEST_START_INTERVAL:
            timing["start_interval"] = quick.text
        else:
            # Older engines ask as often while it boots as later: calm, but not slow.
            seconds = min(interval.seconds, max(1.0, quick.seconds))
            tolerated = interval.seconds * retries
            retries = max(retries, -int(-tolerated // seconds))
            interval = make_duration(seconds)
        return timing | {
            "interval": interval.text,
            "timeout": health.timeout.text,
            "retries": retries,
        }

    def _add_gates(self, draft: _Draft, step: Step) -> None:
        gates: dict[str, Raw] = {}
        for gate in step.gates:
            entry: dict[str, Raw] = {"condition": _CONDITIONS[gate.condition]}
            if gate.is_optional:
                entry["required"] = False
            gates[gate.service] = entry
        if gates:
            draft.set("depends_on", gates)

    def _merge_compose(self, draft: _Draft, service: Service) -> None:
        for key, value in service.compose.items():
            moved = self._move_raw(key, value)
            if key in draft.keys:
                moved = merge_raw(draft.keys[key], moved, key)
            elif key == "networks" and isinstance(moved, list):
                moved = dict.fromkeys(map(str, moved))
            draft.set(key, moved)

    # The top level

    def _merge_top_level(self) -> dict[str, Raw]:
        top: dict[str, Raw] = {}
        if self.plan.stores:
            top["networks"] = {name: {"internal": True} for name in self.plan.stores}
        if self.plan.volumes:
            top["volumes"] = {
                name: self.stack.volumes.get(name) for name in self.plan.volumes
            }
        if self.plan.secrets:
            top["secrets"] = {
                name: {"file": self._move(secret.file)}
                for name, secret in self.plan.secrets.items()
            }
        for key, value in self.stack.compose.items():
            moved = self._move_raw(key, value)
            top[key] = merge_raw(top[key], moved) if key in top else moved
        return top

    def _write_secret_lines(self) -> Iterator[str]:
        made = [s for s in self.plan.secrets.values() if s.kind is not SecretKind.FILE]
        if not made:
            return
        folder = self._move(".secrets")
        yield f"mkdir -p -m 700 {_quote_sh(folder)}"
        for secret in made:
            yield f"{self._write_maker(secret)} > {_quote_sh(self._move(secret.file))}"

    def _write_maker(self, secret: Secret) -> str:
        if secret.kind is SecretKind.ENV:
            return f'printf %s "${secret.source}"'
        if secret.kind is SecretKind.GENERATE:
            return "openssl rand -hex 24 | tr -d '\\n'"
        service = self.stack.services[secret.source]
        login = find_credentials(service)
        password = "PASSWORD" if login.password_secret else None  # noqa: S105 - a word
        url = make_url(self.stack, service, Containers(), password=password)
        return f"printf %s {_quote_sh(url.text)}"

    # Paths, seen from the folder of the output

    def _move(self, path: str) -> str:
        """A path relative to the stack file, relative to the output instead."""
        if self.options.prefix == "." or path.startswith(("/", "~", "$")):
            return path
        moved = posixpath.normpath(posixpath.join(self.options.prefix, path))
        return moved if moved.startswith("..") else f"./{moved}"

    def _move_context(self, context: str) -> str:
        return context if _URL.match(context) else self._move(context)

    def _move_env_file(self, item: Raw) -> Raw:
        if isinstance(item, dict):
            return {**item, "path": self._move(str(item["path"]))}
        return self._move(str(item))

    def _move_mount(self, mount: Mount) -> Raw:
        if mount.long is not None:
            source = str(mount.long.get("source", ""))
            if mount.is_bind and source:
                return {**mount.long, "source": self._move(source)}
            return dict(mount.long)
        source = self._move(mount.source) if mount.is_bind else mount.source
        return ":".join(part for part in (source, mount.target, mount.options) if part)

    def _move_watched(self, value: Raw) -> Raw:
        if not isinstance(value, dict) or not isinstance(value.get("watch"), list):
            return value
        watched = value["watch"]
        assert isinstance(watched, list)  # noqa: S101 - asked just above
        return {
            **value,
            "watch": [
                {**rule, "path": self._move(str(rule["path"]))}
                if isinstance(rule, dict) and "path" in rule
                else rule
                for rule in watched
            ],
        }

    def _move_raw(self, key: str, value: Raw) -> Raw:
        """Raw settings whose paths Compose reads from the folder of its file."""
        if self.options.prefix == ".":
            return value
        if key == "volumes" and isinstance(value, list):
            return [self._move_raw_mount(item) for item in value]
        if key == "env_file":
            items = value if isinstance(value, list) else [value]
            return [self._move_env_file(item) for item in items]
        if key == "configs" and isinstance(value, dict):
            return {
                name: {**item, "file": self._move(str(item["file"]))}
                if isinstance(item, dict) and "file" in item
                else item
                for name, item in value.items()
            }
        return value

    def _move_raw_mount(self, item: Raw) -> Raw:
        if isinstance(item, dict):
            if item.get("type") == "bind" and "source" in item:
                return {**item, "source": self._move(str(item["source"]))}
            return item
        text = str(item)
        return self._move(text) if text.startswith(".") else text


def _harden(draft: _Draft, relax: Mapping[str, str]) -> None:
    for name, key, hard, soft in (
        ("init", "init", True, False),
        ("read_only", "read_only", True, False),
        ("cap_drop", "cap_drop", ["ALL"], []),
        ("no_new_privileges", "security_opt", ["no-new-privileges:true"], []),
    ):
        if name in relax:
            draft.set(key, soft, f"relax: {relax[name]}" if relax[name] else "relax")
        else:
            draft.set(key, hard)


def _find_own_user(service: Service) -> str:
    """The user that the stack or the Dockerfile names, or empty."""
    return service.user or (service.build.user if service.build is not None else "")


def _has_fact_user(service: Service) -> bool:
    """Whether the process is the one that the facts speak of."""
    facts = service.facts
    own = _find_own_user(service).partition(":")[0]
    if facts is None or not own:
        return True
    known = facts.ids[0] or "0"
    return ("0" if own == "root" else own) == known


def _choose_user(service: Service) -> tuple[str, str]:
    """The ``user`` to write, and the comment that says which fact it is."""
    if service.user:
        return service.user, ""
    facts = service.facts
    if facts is not None and facts.user and not _find_own_user(service):
        return facts.user, f"{facts.name}: {facts.why}"
    return "", ""


def _find_ids(service: Service) -> tuple[str, str] | None:
    """User and group of the process; None where a name hides them."""
    facts = service.facts
    if _has_fact_user(service):
        return facts.ids if facts is not None else ("", "")
    user, _, group = _find_own_user(service).partition(":")
    if not user.isdigit() or (group and not group.isdigit()):
        return None
    return user, group or user


def _list_tmpfs(service: Service, taken: set[str]) -> Iterator[str]:
    facts = service.facts
    if "/tmp" not in taken:  # noqa: S108 - the container's
        yield "/tmp:exec" if facts is not None and facts.exec_tmp else "/tmp"  # noqa: S108
    ids = _find_ids(service)
    if facts is None or ids is None:
        return
    for folder in facts.writable:
        if folder not in taken:
            yield f"{folder}:uid={ids[0]},gid={ids[1]}" if ids[0] else folder


def _quote_sh(text: str) -> str:
    if re.fullmatch(r"[\w./@%+=:,-]+", text, re.ASCII):
        return text
    return "'" + text.replace("'", "'\\''") + "'"
