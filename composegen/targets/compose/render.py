"""A Plan becomes a Compose file, through ``templates/compose/``; no disk is touched.

The template owns the layout, ``quoting`` owns every value that it prints.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from composegen.health import HealthKind
from composegen.model import DEFAULT_OUTPUT, RELAXABLE, Raw, Service
from composegen.planning.addressing import HOST_GATEWAY
from composegen.planning.hardening import harden_any, harden_service
from composegen.planning.networks import needs_host
from composegen.planning.plan import Plan, Step
from composegen.targets.compose.blocks import Block, Draft, Setting
from composegen.targets.compose.filled import fill
from composegen.targets.compose.gates import word_gates
from composegen.targets.compose.hardening import (
    open_scratch,
    word_defaults,
    word_limits,
    word_service,
)
from composegen.targets.compose.helpers import make_helper
from composegen.targets.compose.merge import merge_raw, word_names
from composegen.targets.compose.mounts import write_mounts
from composegen.targets.compose.networks import declare_networks, word_networks
from composegen.targets.compose.paths import Mover
from composegen.targets.compose.probes import make_test, make_timing
from composegen.targets.compose.secrets import write_by_hand
from composegen.targets.files import File, Options
from composegen.targets.header import add_checksum, write_flags, write_plain_use

ORDER = (
    "image build platform pull_policy user entrypoint command working_dir hostname "
    "environment env_file ports volumes secrets networks network_mode extra_hosts dns "
    "init read_only tmpfs cap_drop cap_add security_opt group_add devices gpus "
    "sysctls ulimits shm_size tty stdin_open labels restart stop_signal "
    "stop_grace_period cpus mem_limit pids_limit logging develop deploy healthcheck "
    "depends_on "
).split()
_POSITION = {key: position for position, key in enumerate(ORDER)}
_LOGGING: dict[str, Raw] = {
    "driver": "json-file",
    "options": {"max-size": "10m", "max-file": "3"},
}


def render_plan(plan: Plan, options: Options | None = None) -> tuple[File, ...]:
    """The files of the ``compose`` target for a plan; the same text on any machine."""
    text = fill(make_context(plan, options or Options())).rstrip("\n") + "\n"
    return (File(DEFAULT_OUTPUT, add_checksum(text)),)


def make_document(plan: Plan, options: Options | None = None) -> dict[str, Raw]:
    """What a rendered file says, but for the defaults that its services share."""
    context = make_context(plan, options or Options())
    services = {
        block.name: {each.key: each.value for each in block.settings}
        for block in context["services"]
    }
    named = ("networks", "volumes", "secrets")
    top = {name: context[name] for name in named if context[name]}
    return {**context["others"], **top, "services": services}


# The context of the template


def make_context(plan: Plan, options: Options) -> dict[str, Any]:
    """What templates/compose/compose.yaml.j2 prints, by name."""
    return _Renderer(plan, options).make_context()


class _Renderer:
    """Turns one plan into what the templates print."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan = plan
        self.stack = plan.stack
        self.options = options
        self.mover = Mover(options.prefix)
        self.relaxed = self._find_common_relax()
        self.defaults, self.default_comments = self._make_defaults()

    def make_context(self) -> dict[str, Any]:
        source = posixpath.normpath(
            posixpath.join(self.options.prefix, self.stack.file)
        )
        output = self.options.name or self.stack.output
        top = self._merge_top_level()
        return {
            "source": source,
            "flags": write_flags(
                source,
                output,
                usual=self.stack.output,
                selection=self.plan.selection.flags,
                engine=self.options.engine_name,
            ),
            "plain_use": write_plain_use(output),
            "name": self.stack.name,
            "excluded": self.plan.excluded,
            "optional_lines": self._list_optional(),
            "secret_lines": write_by_hand(
                self.stack, self.plan.secrets.values(), self.mover.move
            ),
            "extensions": self.stack.extensions,
            "anchor": self._choose_anchor(),
            "defaults": [
                Setting(key, value, self.default_comments.get(key, ""))
                for key, value in self.defaults.items()
            ],
            "services": [*self._make_blocks()],
            "networks": top.pop("networks", None),
            "volumes": top.pop("volumes", None),
            "secrets": top.pop("secrets", None),
            "others": top,
        }

    def _order_steps(self) -> list[Step]:
        """The steps in the order in which the stack file declares its services."""
        steps = {step.name: step for step in self.plan.steps}
        return [steps[name] for name in self.stack.services if name in steps]

    def _list_optional(self) -> list[str]:
        """Each optional service with those that must cope without it."""
        needing: dict[str, list[str]] = {}
        for step in self._order_steps():
            for gate in step.gates:
                if gate.is_optional:
                    needing.setdefault(gate.service, []).append(step.name)
        return [f"{name}: {', '.join(names)}" for name, names in needing.items()]

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
                service.relax.get(name) == services[0].relax[name]
                for service in services
            )
        }

    def _make_defaults(self) -> tuple[dict[str, Raw], Mapping[str, str]]:
        worded = word_defaults(harden_any(self.relaxed))
        keys: dict[str, Raw] = {
            **worded.keys,
            "restart": "unless-stopped",
            **word_limits(self.stack.resources),
            "logging": _LOGGING,
        }
        ordered = sorted(keys.items(), key=lambda pair: _POSITION[pair[0]])
        return dict(ordered), worded.comments

    # One service

    def _make_blocks(self) -> Iterator[Block]:
        networks_of = {step.name: step.networks for step in self.plan.steps}
        for step in self._order_steps():
            yield self._make_block(step)
            networks = networks_of.get(step.service.network_owner, ())
            helper = make_helper(step, self.stack, networks)
            if helper is not None:
                yield self._make_block(helper, asks=step.name)

    def _make_block(self, step: Step, *, asks: str = "") -> Block:
        """A service as it is printed, or the helper that ``asks`` one."""
        draft = Draft()
        service = step.service
        self._add_image(draft, service)
        self._add_passed(draft, service)
        self._add_environment(draft, step)
        self._add_reach(draft, step)
        self._add_hardening(draft, service)
        self._add_limits(draft, step)
        self._add_health(draft, service)
        gates = word_gates(step, self.stack.services, is_helper=bool(asks))
        if gates:
            draft.set("depends_on", gates)
        if asks:
            draft.above.append(
                f"Asks `{asks}` over the network whether it is ready, for an image "
                "without tools"
            )
        self._merge_compose(draft, service)
        mounts = draft.keys.get("volumes")
        if isinstance(mounts, list):
            draft.keys["volumes"] = write_mounts(mounts)
        scratch = draft.keys.get("tmpfs")
        if self.options.for_podman and scratch:
            listed = scratch if isinstance(scratch, list) else [scratch]
            draft.keys["tmpfs"] = open_scratch(listed)
        keys = sorted(draft.keys, key=lambda key: _POSITION.get(key, len(_POSITION)))
        lacking = [key for key in self.defaults if key not in draft.keys]
        if lacking:
            draft.above.append(f"Without `<<`, since it has no {', '.join(lacking)}")
        shared = {} if lacking else self.defaults
        return Block(
            name=service.name,
            settings=tuple(
                Setting(key, draft.keys[key], draft.comments.get(key, ""))
                for key in keys
                if key not in shared or draft.keys[key] != shared[key]
            ),
            comments=tuple(draft.above),
            has_defaults=not lacking,
        )

    def _add_image(self, draft: Draft, service: Service) -> None:
        if service.image:
            draft.set("image", service.image)
        if service.build is not None:
            options = self.mover.move_build(service.build.options)
            arguments = options.get("args")
            if isinstance(arguments, dict):
                options["args"] = word_names(arguments)
            only_context = set(options) == {"context"}
            draft.set("build", options["context"] if only_context else options)

    def _add_passed(self, draft: Draft, service: Service) -> None:
        for key, value in service.passed.items():
            if key == "develop":
                draft.set(key, self.mover.move_develop(value))
            elif key == "sysctls" and isinstance(value, dict):
                draft.set(key, word_names(value))
            else:
                draft.set(key, value)
        facts = service.facts
        if facts is not None and facts.hostname and "hostname" not in service.passed:
            draft.set("hostname", service.name, f"{facts.name}: its data belongs to it")
        if service.labels:
            draft.set("labels", word_names(service.labels))

    def _add_environment(self, draft: Draft, step: Step) -> None:
        environment: dict[str, Raw] = dict(step.environment)
        emptied = [name for name in step.unset if name in step.service.env_file_names]
        environment |= dict.fromkeys(emptied, "")
        if environment:
            comment = ""
            if emptied:
                comment = f"{', '.join(emptied)}: empty, though an env file sets it"
            draft.set("environment", word_names(environment), comment)
        if step.service.env_file:
            draft.set(
                "env_file", [self.mover.move_env_file(f) for f in step.service.env_file]
            )

    def _add_reach(self, draft: Draft, step: Step) -> None:
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
        if needs_host(self.stack, service):
            self._add_gateway(draft)
        if service.network_mode:
            draft.set("network_mode", service.network_mode)
            return
        networks = word_networks(step)
        if networks is not None:
            draft.set("networks", networks)

    def _add_gateway(self, draft: Draft) -> None:
        """Let a service reach the host by a name."""
        hosts = draft.keys.get("extra_hosts")
        listed = hosts if isinstance(hosts, list) else []
        if not any(str(host).startswith(HOST_GATEWAY) for host in listed):
            draft.set("extra_hosts", [*listed, f"{HOST_GATEWAY}=host-gateway"])

    def _add_hardening(self, draft: Draft, service: Service) -> None:
        hardening = harden_service(service)
        worded = word_service(hardening, service.tmpfs)
        for key, value in worded.keys.items():
            draft.set(key, value, worded.comments.get(key, ""))
        mounts: list[Raw] = [self.mover.move_mount(m) for m in service.volumes]
        mounts += hardening.volumes
        if mounts:
            draft.set("volumes", mounts, worded.comments.get("volumes", ""))

    def _add_limits(self, draft: Draft, step: Step) -> None:
        draft.keys |= word_limits(step.service.resources)
        draft.set("logging", _LOGGING)
        draft.set(
            "restart",
            step.service.restart or ("no" if step.service.job else "unless-stopped"),
        )
        written = step.service.texts.get("replicas")
        if written and step.replicas == step.service.replicas:
            draft.set("deploy", {"replicas": written})
        elif step.replicas != 1:
            draft.set("deploy", {"replicas": step.replicas})

    def _add_health(self, draft: Draft, service: Service) -> None:
        health = service.health
        if health is None or health.is_outside:
            return
        if health.kind is HealthKind.NONE:
            reason = f": {health.reason}" if health.reason else ""
            draft.above.append(f"No health check{reason}")
            # The image's own one would count otherwise.
            draft.set("healthcheck", {"disable": True})
            return
        check: dict[str, Raw] = {}
        test = make_test(health)
        if test is not None:
            check["test"] = list(test)
        check |= make_timing(health, self.options.engine)
        draft.set("healthcheck", check)

    def _merge_compose(self, draft: Draft, service: Service) -> None:
        for key, value in service.compose.items():
            if value is None:
                draft.keys.pop(key, None)
                continue
            moved = self.mover.move_raw(key, value)
            if key in draft.keys:
                moved = merge_raw(draft.keys[key], moved, key)
                if not isinstance(moved, list) and moved != draft.keys[key]:
                    draft.comments.pop(key, None)
            elif key == "networks" and isinstance(moved, list):
                moved = dict.fromkeys(map(str, moved))
            draft.set(key, moved)

    # The top level

    def _merge_top_level(self) -> dict[str, Raw]:
        top: dict[str, Raw] = {}
        networks = declare_networks(self.plan)
        if networks:
            top["networks"] = networks
        if self.plan.volumes:
            top["volumes"] = {
                name: self.stack.volumes.get(name) for name in self.plan.volumes
            }
        if self.plan.secrets:
            top["secrets"] = {
                name: {"file": self.mover.move(secret.file)}
                for name, secret in self.plan.secrets.items()
            }
        for key, value in self.stack.compose.items():
            if value is None:
                continue
            moved = self.mover.move_raw(key, value)
            top[key] = merge_raw(top[key], moved) if key in top else moved
        return top
