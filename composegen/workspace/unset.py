"""The variables of a rendered stack that are not set, and which services use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.patterns import make_pattern
from composegen.records import record
from composegen.values import parse_variables

_TOP = make_pattern(r"(\w[\w-]*):")
_SERVICE = make_pattern(r'  "?([\w.-]+)"?:\s*$')


@record
class Unset:
    """A variable that is not set, the services that use it, and whether it must be."""

    name: str
    services: tuple[str, ...]
    is_required: bool

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""
        users = ", ".join(f"`{each}`" for each in self.services)
        if self.is_required:
            return f"{self.name} is not set" + (
                f": {users} must have it" if users else ""
            )
        return f"{self.name} is not set: it will be empty" + (
            f" in {users}" if users else ""
        )

    @property
    def help(self) -> str:
        """Where to set it."""
        return f"set {self.name} in .env or in the environment"


def describe_unset(found: Iterable[Unset]) -> str:
    """All of them in one line; empty where there is none."""
    listed = list(found)
    empty = [each.name for each in listed if not each.is_required]
    required = [each.name for each in listed if each.is_required]
    if not listed:
        return ""
    parts = (
        f"not set, and so empty: {', '.join(empty)}" if empty else "",
        f"not set, and required: {', '.join(required)}" if required else "",
        f"set {'it' if len(listed) == 1 else 'them'} in .env or in the environment",
    )
    return "; ".join(filter(None, parts))


def find_unset(text: str, values: Mapping[str, str]) -> list[Unset]:
    """The variables of a rendered Compose file that ``values`` do not set.

    One with a default is not among them; one that must not be empty is, if it is.
    """
    if not _has_dollar(text):
        return []
    users: dict[str, dict[str, None]] = {}
    required: dict[str, bool] = {}
    is_service, service = False, ""
    for line in text.splitlines():
        if not line.startswith("   "):  # no key of a service, nor what is below one
            if top := _TOP.match(line):
                is_service, service = top[1] == "services", ""
            elif is_service and (found := _SERVICE.match(line)):
                service = found[1]
        if "$" not in line or line.lstrip().startswith("#"):
            continue
        for variable in parse_variables(line):
            name, must = variable.name, variable.operator.endswith("?")
            lacks = not values.get(name) if must else name not in values
            if not lacks or (variable.operator and not must):
                continue
            users.setdefault(name, {})
            required[name] = required.get(name, False) or must
            if service:
                users[name][service] = None
    return [
        Unset(name=name, services=tuple(users[name]), is_required=required[name])
        for name in users
    ]


def _has_dollar(text: str) -> bool:
    """Whether a line that is no comment holds a dollar; the others are not split."""
    dollar = text.find("$")
    while dollar >= 0:
        begin = text.rfind("\n", 0, dollar) + 1
        if not text[begin:dollar].lstrip().startswith("#"):
            return True
        end = text.find("\n", dollar)
        dollar = text.find("$", end) if end >= 0 else -1
    return False
