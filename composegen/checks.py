"""What services say together: checks on the finished stack, one function a subject.

Each check notes problems by name; keys that could not be read are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from composegen.errors import Location
from composegen.facts import parse_image
from composegen.files import Folder
from composegen.graph import find_cycle
from composegen.model import (
    RELAXABLE,
    Condition,
    Health,
    HealthKind,
    Need,
    SecretKind,
    Service,
    Stack,
)
from composegen.probes import can_ask
from composegen.reading import find_near, shorten
from composegen.recipes import Recipe
from composegen.selection import (
    Selection,
    describe_missing,
    find_missing,
    suggest_flags,
)
from composegen.source import Problems
from composegen.values import Port, format_duration, parse_variables
from composegen.wiring import (
    Containers,
    UnknownPlaceholder,
    fill_template,
    list_networks,
    name_url_secret,
)

_SECRET_WORDS = re.compile(
    r"(?:^|[_.-])(?:PASS|PASSWD|PASSWORD|PASSPHRASE|PW|SECRET|TOKEN|APIKEY|API_KEY|"
    r"ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?|AUTH_KEY|SECRET_KEY)(?:$|[_.-])|"
    r"(?:PASSWORD|PASSWD|APIKEY|TOKEN|SECRET)$",
    re.IGNORECASE,
)
_SECRET_SHAPES = re.compile(
    r"^(?:sk-[A-Za-z0-9_-]{16,}|gsk_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_NO_SECRETS = frozenset({"true", "false", "yes", "no", "0", "1", "none", "null", "*"})
_WRITES_AS_ROOT = frozenset({"DAC_OVERRIDE", "CAP_DAC_OVERRIDE", "ALL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks look at, and where they note what they find.

    ``broken`` holds (service, key) of what could not be read; ``recipes`` the recipe
    of each service that has one.
    """

    stack: Stack
    problems: Problems
    broken: frozenset[tuple[str, str]]
    folder: Folder
    recipes: Mapping[str, Recipe]
    unreadable_recipes: frozenset[str]
    given_secrets: frozenset[str]

    def find(self, *path: str) -> Location:
        """Where a path of the stack stands."""
        return self.stack.places[path]

    def is_broken(self, service: str, *keys: str) -> bool:
        """Whether one of the keys, or the service's recipe, could not be read."""
        return service in self.unreadable_recipes or any(
            (service, key) in self.broken for key in keys
        )

    def add(self, name: str, message: str, path: tuple[str, ...], help: str = "") -> None:
        """Note a problem at a path of the stack."""
        self.problems.add(name, message, self.find(*path), help)

    def needs(self) -> Iterator[tuple[Service, Need, Service]]:
        """Every need whose service exists, with both ends."""
        for service in self.stack.services.values():
            for need in service.needs:
                target = self.stack.services.get(need.service)
                if target is not None:
                    yield service, need, target


def check_stack(checked: Checked) -> None:
    """Run every check."""
    for check in CHECKS:
        check(checked)


# Needs


def check_names(checked: Checked) -> None:
    """Every need names a service."""
    for service in checked.stack.services.values():
        for need in service.needs:
            if need.service not in checked.stack.services:
                near = find_near(need.service, checked.stack.services)
                checked.add(
                    "unknown-service",
                    f"`{service.name}` needs `{shorten(need.service)}`, which is not in "
                    "this stack",
                    ("services", service.name, "needs", need.service),
                    f"did you mean `{near}`?"
                    if near
                    else f"there are {', '.join(checked.stack.services)}",
                )


def check_cycle(checked: Checked) -> None:
    """Needs go in one direction."""
    graph = {
        service.name: tuple(need.service for need in service.needs)
        for service in checked.stack.services.values()
    }
    cycle = find_cycle(graph)
    if cycle is not None:
        checked.add(
            "cycle",
            f"these services wait for each other: {' -> '.join(cycle)}",
            ("services", cycle[0], "needs", cycle[1]),
            "remove one of these needs; who can start first?",
        )


def check_conditions(checked: Checked) -> None:
    """What is waited for can happen."""
    for service, need, target in checked.needs():
        path = ("services", service.name, "needs", target.name)
        if need.until is Condition.FINISHED and not target.job:
            if not checked.is_broken(target.name, "job"):
                checked.add(
                    "finished-no-job",
                    f"`{service.name}` waits until `{target.name}` has finished, which "
                    "is no job",
                    path,
                    f"wait until it is healthy, or say of `{target.name}`:\njob: true",
                )
        elif need.until is Condition.HEALTHY and target.job:
            checked.add(
                "job-health",
                f"`{service.name}` waits until the job `{target.name}` is healthy",
                path,
                "a job is waited for until it is `finished`",
            )
        elif need.until is Condition.HEALTHY and not checked.is_broken(
            target.name, "health", "build", "image"
        ):
            _check_can_be_asked(checked, service, target, path)


def _check_can_be_asked(
    checked: Checked, service: Service, target: Service, path: tuple[str, ...]
) -> None:
    if target.health is None:
        checked.add(
            "healthy-unasked",
            f"`{service.name}` waits until `{target.name}` is healthy, which has no "
            "health check",
            path,
            f"say how to ask `{target.name}`:\n{_suggest_health(target)}",
        )
    elif target.health.kind is HealthKind.NONE:
        checked.add(
            "healthy-unasked",
            f"`{service.name}` waits until `{target.name}` is healthy, which cannot be "
            "asked (`health: none`)",
            path,
            f"wait for less:\nneeds: {{{target.name}: {{until: started}}}}",
        )


def _suggest_health(service: Service) -> str:
    if service.build is not None and service.build.has_healthcheck:
        return "health: image     # its Dockerfile has a HEALTHCHECK"
    if service.port is not None:
        return f"health: /health     # a path that answers 200 on port {service.port}"
    if service.build is not None and service.build.exposed:
        port = service.build.exposed[0].partition("/")[0]
        return f"port: {port}     # its Dockerfile exposes it\nhealth: /health"
    return "port: 8080\nhealth: /health"


def check_unasked(checked: Checked) -> None:
    """A service that nobody waits for should have a health check all the same."""
    waited = {
        target.name
        for _, need, target in checked.needs()
        if need.until is Condition.HEALTHY
    }
    for service in checked.stack.services.values():
        if (
            service.health is None
            and not service.job
            and service.name not in waited
            and not checked.is_broken(service.name, "health", "use")
        ):
            checked.add(
                "unasked",
                f"`{service.name}` has no health check: nobody will know that it is "
                "ready",
                ("services", service.name),
                f"say how to ask it:\n{_suggest_health(service)}",
            )


def check_jobs(checked: Checked) -> None:
    """A job is waited for."""
    waited = {target.name for _, _, target in checked.needs()}
    for service in checked.stack.services.values():
        if service.job and service.name not in waited:
            checked.add(
                "job-unwaited",
                f"nobody waits for the job `{service.name}`",
                ("services", service.name, "job"),
                f"let a service need it:\nneeds: [{service.name}]",
            )


def check_left_out(checked: Checked) -> None:
    """Without any flag, nothing that is required is disabled."""
    if any(need.service not in checked.stack.services for s in
           checked.stack.services.values() for need in s.needs):
        return
    missing = find_missing(checked.stack, Selection())
    if missing is not None:
        checked.add(
            "left-out",
            describe_missing(missing),
            ("services", missing.chain[-2], "needs", missing.service),
            suggest_flags(missing)
            + f"\nor: give the need of `{missing.chain[-2]}` an `otherwise`",
        )


# Variables


def check_variables(checked: Checked) -> None:
    """A variable has one origin."""
    for service in checked.stack.services.values():
        seen: dict[str, tuple[str, ...]] = {}
        for variable, path in _iterate_wired(service):
            if variable in seen and seen[variable] != path:
                first = checked.find(*seen[variable])
                checked.add(
                    "same-variable",
                    f"`{variable}` of `{service.name}` is set twice (first at {first})",
                    path,
                    "keep one of the two",
                )
            seen.setdefault(variable, path)
        _check_otherwise_variables(checked, service, seen)


def _iterate_wired(service: Service) -> Iterator[tuple[str, tuple[str, ...]]]:
    base = ("services", service.name)
    for variable in service.environment:
        yield variable, (*base, "environment", variable)
    for use in service.secrets:
        for variable in use.variables:
            if service.environment.get(variable) != use.path:
                yield variable, (*base, "secrets", use.name)
    for need in service.needs:
        for variable in need.env:
            yield variable, (*base, "needs", need.service, "env", variable)


def _check_otherwise_variables(
    checked: Checked, service: Service, wired: Mapping[str, tuple[str, ...]]
) -> None:
    """``otherwise.env`` may override ``environment`` and its own need's wires only."""
    values: dict[str, tuple[str, tuple[str, ...]]] = {}
    for need in service.needs:
        if need.otherwise is None:
            continue
        for variable, text in need.otherwise.env.items():
            path = (
                *("services", service.name, "needs", need.service),
                *("otherwise", "env", variable),
            )
            first = wired.get(variable, ())
            is_other_need = first[2:3] == ("needs",) and first[3:4] != (need.service,)
            if is_other_need or first[2:3] == ("secrets",):
                checked.add(
                    "same-variable",
                    f"`{variable}` of `{service.name}` is set twice (first at "
                    f"{checked.find(*first)})",
                    path,
                    "keep one of the two",
                )
            elif variable in values and values[variable][0] != text:
                checked.add(
                    "same-variable",
                    f"`{variable}` of `{service.name}` gets another value when "
                    f"two services are left out (first at "
                    f"{checked.find(*values[variable][1])})",
                    path,
                    "give both the same value, or one variable each",
                )
            values.setdefault(variable, (text, path))


def check_env_files(checked: Checked) -> None:
    """An env file does not bring back what a left-out need would have wired."""
    for service, need, _ in checked.needs():
        if not need.is_optional:
            continue
        for variable in need.env:
            if variable in service.env_file_names:
                checked.add(
                    "env-file-wires",
                    f"an env file of `{service.name}` sets `{variable}` too: it would "
                    f"stay set without `{need.service}`",
                    ("services", service.name, "env_file"),
                    f"remove `{variable}` from the file; until then it is rendered as "
                    "empty",
                )


def check_placeholders(checked: Checked) -> None:
    """Every word in braces is known for the service it speaks of."""
    for service, need, target in checked.needs():
        if checked.is_broken(target.name, "environment", "secrets", "port", "publish"):
            continue
        for variable, template in need.env.items():
            path = ("services", service.name, "needs", target.name, "env", variable)
            try:
                filled = fill_template(template, checked.stack, target, Containers())
            except UnknownPlaceholder as unknown:
                checked.add(
                    "placeholder-unknown",
                    f"`{{{unknown.word}}}`: {unknown.reason}",
                    path,
                    unknown.mend,
                )
                continue
            if filled.carries_password:
                file = "{password_file}" if "{password}" in template else "{url_file}"
                checked.add(
                    "visible-password",
                    f"`{variable}` of `{service.name}` shows the password of "
                    f"`{target.name}` in `docker inspect`",
                    path,
                    "where the program can read a file, wire its path:\n"
                    f'{variable}_FILE: "{file}"',
                )


def check_requirements(checked: Checked) -> None:
    """A recipe's image gets the settings without which it does not start."""
    for service in checked.stack.services.values():
        recipe = checked.recipes.get(service.name)
        if recipe is None or not recipe.requires:
            continue
        names = {
            *service.environment,
            *service.env_file_names,
            *(variable for use in service.secrets for variable in use.variables),
            *(variable for need in service.needs for variable in need.env),
        }
        raw = service.compose.get("environment")
        if names.isdisjoint(recipe.requires) and not service.env_file and raw is None:
            if not checked.is_broken(service.name, "environment", "secrets"):
                variable = next(n for n in recipe.requires if n.endswith("_FILE"))
                checked.add(
                    "missing-setting",
                    f"`{service.name}` does not start without {recipe.requires[0]}",
                    ("services", service.name, "use"),
                    f"give it a secret:\nsecrets: {{{service.name}-password: {variable}}}\n"
                    "and at the top level, to have it made:\n"
                    f"secrets: {{{service.name}-password: {{generate: true}}}}",
                )


def check_literals(checked: Checked) -> None:
    """No secret stands in the stack file."""
    for service in checked.stack.services.values():
        recipe = checked.recipes.get(service.name)
        brought = recipe.draft.get("environment", {}) if recipe else {}
        for variable, path, text in _iterate_literals(service):
            if brought.get(variable) != text and looks_secret(variable, text):
                checked.add(
                    "secret-literal",
                    f"`{variable}` of `{service.name}` looks like a secret",
                    path,
                    "keep it out of the file: a secret, or "
                    f"{variable}: ${{{re.sub('[^A-Za-z0-9_]', '_', variable)}}}",
                )


def _iterate_literals(service: Service) -> Iterator[tuple[str, tuple[str, ...], str]]:
    base = ("services", service.name)
    for variable, text in service.environment.items():
        yield variable, (*base, "environment", variable), text
    for need in service.needs:
        for variable, text in need.env.items():
            yield variable, (*base, "needs", need.service, "env", variable), text
    arguments = service.build.options.get("args") if service.build else None
    for name, value in (arguments if isinstance(arguments, dict) else {}).items():
        if isinstance(value, str):
            yield name, (*base, "build", "args", name), value


def looks_secret(variable: str, text: str) -> bool:
    """Whether a variable's literal value looks like a secret."""
    if not text or _SECRET_SHAPES.search(text):
        return bool(text)
    url = _URL_PASSWORD.search(text)
    if url and "$" not in url[1] and not re.fullmatch(r"\{\w+\}", url[1]):
        return True
    if variable.upper().endswith(("_FILE", "_PATH", "_DIR")) or parse_variables(text):
        return False
    if "{" in text or text.lower() in _NO_SECRETS or text.startswith("/run/secrets/"):
        return False
    return bool(_SECRET_WORDS.search(variable))


# Health


def check_health(checked: Checked) -> None:
    """A health check has a port, a tool and the time it takes."""
    for service in checked.stack.services.values():
        health = service.health
        if health is None or checked.is_broken(service.name, "health"):
            continue
        path = ("services", service.name, "health")
        if health.kind is HealthKind.NONE:
            continue
        if health.boot.seconds < health.timeout.seconds:
            checked.add(
                "boot-too-short",
                f"`{service.name}` has {format_duration(health.boot.seconds)} to become "
                f"ready, less than one probe may take "
                f"({format_duration(health.timeout.seconds)})",
                path,
                "a longer `boot`, or a shorter `timeout`",
            )
        if health.kind in {HealthKind.HTTP, HealthKind.TCP}:
            _check_network_health(checked, service, health, path)


def _check_network_health(
    checked: Checked, service: Service, health: Health, path: tuple[str, ...]
) -> None:
    if checked.is_broken(service.name, "port", "publish"):
        return
    if health.port is None:
        checked.add(
            "no-port",
            f"nobody knows the port of `{service.name}` to ask on",
            path,
            "say which port it listens on:\nport: 8080",
        )
        return
    udp = {port.first_target for port in service.publish if port.protocol == "udp"}
    tcp = {port.first_target for port in service.publish if port.protocol != "udp"}
    if health.port in udp - tcp:
        checked.add(
            "udp-health",
            f"port {health.port} of `{service.name}` is a UDP port, which cannot be asked",
            path,
            "name a TCP port in `health`, or ask with {command: ..}",
        )
        return
    if not can_ask(health) and not checked.is_broken(
        service.name, "image", "build", "use"
    ):
        if health.tools:
            known = f"{', '.join(health.tools)} cannot do that"
        elif service.facts is not None:
            known = "there is nothing in its image that could"
        else:
            known = "nothing is known about its image"
        checked.add(
            "no-probe-tool",
            f"nobody can ask `{service.name}` whether it is ready: {known}",
            path,
            "name what is in the image:\nhealth: {.., tool: curl}     # or python3 "
            "python node wget bash php\nor a program of its own:\n"
            "health: {command: [..]}",
        )


# Ports, replicas, volumes


def check_ports(checked: Checked) -> None:
    """One port of the host belongs to one service."""
    seen: dict[tuple[str, int], list[tuple[Service, Port]]] = {}
    for service in checked.stack.services.values():
        path = ("services", service.name, "publish")
        for port in service.publish:
            if not port.is_loopback:
                checked.add(
                    "open-port",
                    f"`{service.name}` publishes {port.published} on {port.address}: "
                    "whoever reaches this machine reaches it, past its firewall",
                    path,
                    "leave the address out for 127.0.0.1",
                )
            for number in port.host_ports:
                others = seen.setdefault((port.protocol, number), [])
                clash = next(
                    (other for other, taken in others if _addresses_meet(taken, port)),
                    None,
                )
                if clash is not None:
                    first = checked.find("services", clash.name, "publish")
                    checked.add(
                        "port-twice",
                        f"port {number} of the host is taken twice: by `{clash.name}` "
                        f"(at {first}) and by `{service.name}`",
                        path,
                        f"another number for one of them:\npublish: "
                        f"{_suggest_port(number, port)}",
                    )
                    break
                others.append((service, port))


def _addresses_meet(first: Port, second: Port) -> bool:
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return (
        first.address == second.address
        or first.address in everywhere
        or second.address in everywhere
    )


def _suggest_port(number: int, port: Port) -> str:
    other = number + 1 if number < 65535 else number - 1  # noqa: PLR2004 - the last port
    return f"{other}:{port.target}"


def check_publish(checked: Checked) -> None:
    """``publish: true`` has a port to publish."""
    for service in checked.stack.services.values():
        wanted = ("services", service.name, "publish") in checked.stack.places.keys()
        if wanted and service.port is None and not checked.is_broken(
            service.name, "publish", "port"
        ):
            checked.add(
                "no-port",
                f"nobody knows the port that `{service.name}` should publish",
                ("services", service.name, "publish"),
                "say which port it listens on:\nport: 8080",
            )


def check_replicas(checked: Checked) -> None:
    """Several replicas share neither a port of the host nor a store's volume."""
    for service in checked.stack.services.values():
        if service.replicas <= 1:
            continue
        path = ("services", service.name, "replicas")
        if any(
            port.published and len(port.host_ports) < service.replicas
            for port in service.publish
        ):
            checked.add(
                "replicas-port",
                f"`{service.name}` has {service.replicas} replicas and one published port",
                path,
                "one replica, or no `publish` (and a proxy before them)",
            )
        if service.is_store and service.volumes:
            checked.add(
                "replicas-volume",
                f"{service.replicas} replicas of `{service.name}` would write one volume",
                path,
                "one replica: a data store is not multiplied by starting it twice",
            )


def check_volumes(checked: Checked) -> None:
    """Mounts can be written by who mounts them; what is declared is used."""
    used = set()
    for service in checked.stack.services.values():
        for mount in service.volumes:
            used.add(mount.volume_name)
            if mount.is_bind and _is_stuck_root(service) and mount.is_writable:
                if mount.source.endswith(".sock"):
                    continue
                checked.add(
                    "root-bind-mount",
                    f"`{service.name}` runs as root without capabilities: it can write "
                    f"`{shorten(mount.source)}` only where root owns it",
                    ("services", service.name, "volumes", mount.target),
                    "mount it read-only (:ro), run as the owner (user: ..), or "
                    "cap_add: [DAC_OVERRIDE]",
                )
    raw = str(checked.stack.compose) + "".join(
        str(service.compose) for service in checked.stack.services.values()
    )
    for name in checked.stack.volumes:
        if name not in used and name not in raw:
            checked.add(
                "unused-volume",
                f"no service mounts the volume `{name}`",
                ("volumes", name),
                "mount it, or remove it",
            )


def _is_stuck_root(service: Service) -> bool:
    """Whether it runs as root with no capability to write what root does not own."""
    user = service.user or (service.build.user if service.build else "")
    if not user and service.facts is not None:
        user = service.facts.user or service.facts.runs_as
    own = {*service.cap_add, *(service.facts.cap_add if service.facts else ())}
    return (
        user.partition(":")[0] in {"", "0", "root"}
        and "cap_drop" not in service.relax
        and own.isdisjoint(_WRITES_AS_ROOT)
    )


# Secrets


def check_secrets(checked: Checked) -> None:
    """Secrets are used, have a name of their own, and stay out of images."""
    used = {
        use.name for service in checked.stack.services.values() for use in service.secrets
    }
    for name in checked.given_secrets - used:
        checked.add(
            "unused-secret",
            f"no service uses the secret `{name}`",
            ("secrets", name),
            f"use it (secrets: [{name}]), or remove it",
        )
    for service, need, target in checked.needs():
        if any("{url_file}" in text for text in need.env.values()):
            name = name_url_secret(target.name)
            if name in checked.given_secrets or name in used:
                checked.add(
                    "secret-name-taken",
                    f"`{name}` is the secret that holds the URL of `{target.name}`",
                    ("services", service.name, "needs", target.name),
                    f"give the secret `{name}` another name",
                )
    _check_contexts(checked, used)


def _check_contexts(checked: Checked, used: set[str]) -> None:
    has_secrets = (checked.folder.path / ".secrets").is_dir() or any(
        checked.stack.secrets[name].kind is not SecretKind.FILE for name in used
    )
    for service in checked.stack.services.values():
        if service.build is None:
            continue
        sent = [
            name
            for name, is_there in (
                (".secrets", has_secrets),
                (".env", (checked.folder.path / ".env").is_file()),
            )
            if is_there and checked.folder.is_sent_to_build(name, service.build)
        ]
        if sent:
            checked.add(
                "secret-in-context",
                f"`{service.name}` is built from a folder that holds {' and '.join(sent)}: "
                "`COPY . .` would bake it into the image",
                ("services", service.name, "build"),
                f"add to its .dockerignore:\n{chr(10).join(sent)}",
            )


# Images and hardening


def check_images(checked: Checked) -> None:
    """An image is named, has a version, and is one that facts were made for."""
    for service in checked.stack.services.values():
        if service.name in checked.unreadable_recipes:
            continue
        if not service.image and service.build is None:
            if not checked.is_broken(service.name, "image", "build", "use"):
                checked.add(
                    "no-image",
                    f"`{service.name}` says neither `image` nor `build` nor `use`",
                    ("services", service.name),
                    "name what to run:\nimage: nginx:1.29-alpine     # or build: .",
                )
            continue
        if service.build is None:
            _check_tag(checked, service)
        _check_facts(checked, service)


def _check_tag(checked: Checked, service: Service) -> None:
    if parse_image(service.image).has_fixed_tag or "$" in service.image:
        return
    checked.add(
        "latest-image",
        f"`{service.image}` is another image tomorrow",
        ("services", service.name, "image"),
        "name a version, as in postgres:18-alpine",
    )


def _check_facts(checked: Checked, service: Service) -> None:
    recipe = checked.recipes.get(service.name)
    runs = service.build.base_image if service.build else service.image
    if recipe is not None and runs:
        path = parse_image(runs).path
        if path not in recipe.images and not any(
            made.endswith("/*") and path.startswith(made[:-1]) for made in recipe.images
        ):
            key = "build" if service.build else "image"
            checked.add(
                "foreign-image",
                f"the recipe `{recipe.name}` was made for {', '.join(recipe.images)}, "
                f"not for the image of `{service.name}`",
                ("services", service.name, key),
                "its user, folders and health check may not fit: try it, and `relax` "
                "what hinders it",
            )
    if service.facts is None and service.build is None:
        if set(service.relax) != set(RELAXABLE):
            checked.add(
                "unknown-image",
                f"nothing is known about `{shorten(service.image)}`: it starts with no "
                "capabilities and a read-only file system",
                ("services", service.name, "image"),
                "if it does not start, give it air first and tighten later:\n"
                "relax: trying it out",
            )
    elif service.facts is not None and service.facts.assumed_tag and not service.build:
        checked.add(
            "assumed-tag",
            f"the tag of `{service.name}` is a variable: facts are those of its default "
            "or the newest image",
            ("services", service.name, "image"),
        )


def check_reasons(checked: Checked) -> None:
    """Whoever weakens something says why."""
    places = checked.stack.places
    for service in checked.stack.services.values():
        path = ("services", service.name, "relax")
        if path in places.keys():
            for name, reason in service.relax.items():
                if not reason and places[*path, name] != places["relax",]:
                    _add_no_reason(checked, f"`relax: {name}`", (*path, name))
        if service.health is not None and service.health.kind is HealthKind.NONE:
            if not service.health.reason:
                _add_no_reason(
                    checked, "`health: none`", ("services", service.name, "health")
                )
    for name in RELAXABLE:
        relaxed = ("relax", name)
        if any(name in s.relax and not s.relax[name] for s in
               checked.stack.services.values()) and (
            relaxed in places.keys() or ("relax",) in places.keys()
        ):
            _add_no_reason(checked, "`relax`", relaxed)


def _add_no_reason(checked: Checked, what: str, path: tuple[str, ...]) -> None:
    checked.add(
        "no-reason",
        f"{what} says no reason",
        path,
        "who reads it in a year will ask: write why",
    )


# Networks


def check_networks(checked: Checked) -> None:
    """Raw networks do what their author thinks they do."""
    for service in checked.stack.services.values():
        raw = service.compose.get("networks")
        names = list(raw) if isinstance(raw, dict | list) else []
        path = ("services", service.name, "compose", "networks")
        if names and service.is_store:
            checked.add(
                "store-network",
                f"the data store `{service.name}` is reachable on {', '.join(map(str, names))}",
                path,
                "a data store has a network of its own with those that need it",
            )
        if service.uses_host_network:
            _check_host_network(checked, service)
        total = len({*list_networks(checked.stack, service), *map(str, names)})
        if (
            total > 1
            and service.labels.get("traefik.enable", "").lower() == "true"
            and "traefik.docker.network" not in service.labels
        ):
            checked.add(
                "traefik-network",
                f"`{service.name}` is on {total} networks: traefik may choose one that "
                "it cannot reach",
                ("services", service.name, "labels", "traefik.enable"),
                "name the network that both share:\n"
                "labels: {traefik.docker.network: ..}",
            )


def _check_host_network(checked: Checked, service: Service) -> None:
    wanted = any(target.name == service.name for _, _, target in checked.needs())
    if wanted or service.needs or service.publish:
        reason = (
            "another service needs it"
            if wanted
            else "it needs others"
            if service.needs
            else "it publishes a port"
        )
        checked.add(
            "network-mode",
            f"`{service.name}` cannot use the host's network: {reason}",
            ("services", service.name, "compose", "network_mode"),
            "only a service on its own, with nothing published, can",
        )


CHECKS: tuple[Callable[[Checked], None], ...] = (
    check_names,
    check_cycle,
    check_conditions,
    check_unasked,
    check_jobs,
    check_left_out,
    check_variables,
    check_env_files,
    check_placeholders,
    check_requirements,
    check_literals,
    check_health,
    check_ports,
    check_publish,
    check_replicas,
    check_volumes,
    check_secrets,
    check_images,
    check_reasons,
    check_networks,
)
