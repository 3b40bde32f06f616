"""Environment variables: one origin each, every placeholder known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.model import (
    Service,
)
from composegen.planning.addressing import (
    ContainerAddressing,
    choose_addressing,
    find_published,
)
from composegen.planning.credentials import name_password
from composegen.planning.placeholders import (
    PLACEHOLDER,
    Templates,
    UnknownPlaceholder,
)
from composegen.stackfile.checks.checked import Checked
from composegen.values import parse_variables

_ADDRESSES = frozenset({"url", "host", "port"})


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
        mounted = ContainerAddressing().find_secret(use.name)
        for variable in use.variables:
            if service.environment.get(variable) != mounted:
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
                    f"two services are excluded (first at "
                    f"{checked.find(*values[variable][1])})",
                    path,
                    "give both the same value, or one variable each",
                )
            values.setdefault(variable, (text, path))


def check_env_files(checked: Checked) -> None:
    """An env file does not bring back what an excluded need would have wired."""
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
    """Every placeholder has a value for the service that it refers to."""
    templates = Templates(checked.stack)
    for service, need, target in checked.needs():
        if checked.is_broken(target.name, "environment", "secrets", "port", "publish"):
            continue
        for variable, template in need.env.items():
            path = ("services", service.name, "needs", target.name, "env", variable)
            if service.uses_host_network:
                reason = _find_no_way(template, target)
                if reason:
                    message = f"`{service.name}` is on the host's network: {reason[0]}"
                    checked.add("not-reachable-from-host", message, path, reason[1])
                    continue
            try:
                filled = templates.fill(template, target, choose_addressing(service))
            except UnknownPlaceholder as unknown:
                checked.add(
                    unknown.problem,
                    f"`{{{unknown.word}}}`: {unknown.reason}",
                    path,
                    unknown.help,
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


def _find_no_way(template: str, target: Service) -> tuple[str, str] | None:
    """Why a template's address is none on the host, and what to do; or None."""
    words = set(PLACEHOLDER.findall(template))
    if target.uses_host_network:
        return None
    if "url_file" in words:
        reason = f"the file holds the address of `{target.name}` inside the stack"
        return reason, 'wire "{host}:{port}", and "{password_file}" where it has one'
    published = find_published(target)
    is_known = published is not None and not published.is_random
    if not is_known and not words.isdisjoint(_ADDRESSES):
        reason = f"it cannot reach `{target.name}`, which publishes no "
        reason += "port" if published is None else "port that is known"
        help = f"let `{target.name}` publish its port, on 127.0.0.1:\npublish: true"
        return reason, help
    return None


def check_early_variables(checked: Checked) -> None:
    """A command does not let Compose fill in what only the container knows."""
    for service in checked.stack.services.values():
        own = {
            *service.environment,
            *(variable for use in service.secrets for variable in use.variables),
            *(variable for need in service.needs for variable in need.env),
        }
        for key, words in _iterate_commands(service):
            for text in words:
                for variable in parse_variables(text):
                    name = variable.name
                    is_own = name in own or (key == "local" and name == "PORT")
                    if is_own and not variable.operator:
                        where = "the host" if key != "local" else "the outside"
                        shell = "in the container" if key != "local" else "that runs it"
                        checked.add(
                            "early-variable",
                            f"`${name}` is filled in on {where}, not in "
                            f"`{service.name}`",
                            ("services", service.name, key),
                            f"for the shell {shell}: $${name}",
                        )


def _iterate_commands(service: Service) -> Iterator[tuple[str, tuple[str, ...]]]:
    commands: list[tuple[str, object]] = [
        (key, service.passed.get(key)) for key in ("command", "entrypoint")
    ]
    if service.health is not None:
        commands.append(("health", service.health.command))
    if service.local is not None:
        commands.append(("local", service.local.command))
    for key, command in commands:
        if isinstance(command, str):
            yield key, (command,)
        elif isinstance(command, list | tuple):
            yield key, tuple(map(str, command))


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
        is_open = bool(service.env_file) or "environment" in service.compose
        if (
            names.isdisjoint(recipe.requires)
            and not is_open
            and not checked.is_broken(service.name, "environment", "secrets")
        ):
            variable = next(n for n in recipe.requires if n.endswith("_FILE"))
            secret = name_password(service.name)
            checked.add(
                "missing-setting",
                f"`{service.name}` does not start without {recipe.requires[0]}",
                ("services", service.name, "use"),
                f"give it a secret:\nsecrets: {{{secret}: {variable}}}\n"
                "and at the top level, to have it made:\n"
                f"secrets: {{{secret}: {{generate: true}}}}",
            )
