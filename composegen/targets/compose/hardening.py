"""What a service may do in its container: hardened, less what facts and people know.

Every deviation from the defaults comes with the comment that says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.model import Facts, Raw, Service
from composegen.records import field, record

_SWITCHES: tuple[tuple[str, str, Raw, Raw], ...] = (
    ("init", "init", True, False),
    ("read_only", "read_only", True, False),
    ("cap_drop", "cap_drop", ["ALL"], []),
    ("no_new_privileges", "security_opt", ["no-new-privileges:true"], []),
)


@record
class Hardening:
    """Compose's keys with their values, and the comments of some of them.

    ``volumes`` are folders that get an anonymous volume beside the service's own.
    """

    keys: Mapping[str, Raw]
    comments: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()


def harden_nothing(relax: Mapping[str, str]) -> Hardening:
    """What every service has by default, less what all of them relax."""
    keys, comments = _switch(relax, None)
    if keys["read_only"]:
        keys["tmpfs"] = ["/tmp"]
    return Hardening(keys=keys, comments=comments)


def harden_service(service: Service) -> Hardening:
    """What one service has, computed from its keys and the facts about its image."""
    facts = service.facts
    keys, comments = _switch(service.relax, facts)
    taken = {mount.target.rstrip("/") for mount in service.volumes}
    taken |= {text.partition(":")[0].rstrip("/") for text in service.tmpfs}
    own_tmpfs = list(_list_tmpfs(service, taken)) if keys["read_only"] else []
    keys["tmpfs"] = [*own_tmpfs, *service.tmpfs]
    if not keys["tmpfs"] and not keys["read_only"]:
        comments["tmpfs"] = "nothing is read-only, so nothing needs one"
    user, why = _choose_user(service)
    if user:
        keys["user"] = user
    if why:
        comments["user"] = why
    added = _list_capabilities(service)
    capabilities: list[Raw] = [*service.cap_add]
    if added:
        capabilities = [*sorted({*added, *service.cap_add})]
    if capabilities:
        keys["cap_add"] = capabilities
    if added and facts is not None:
        comments["cap_add"] = _say(facts)
    volumes: tuple[str, ...] = ()
    if facts is not None and "read_only" not in service.relax:
        volumes = tuple(folder for folder in facts.volumes if folder not in taken)
        if volumes:
            comments["volumes"] = _say(facts)
    return Hardening(keys=keys, comments=comments, volumes=volumes)


def _switch(
    relax: Mapping[str, str], facts: Facts | None
) -> tuple[dict[str, Raw], dict[str, str]]:
    keys: dict[str, Raw] = {}
    comments: dict[str, str] = {}
    for name, key, hard, soft in _SWITCHES:
        keys[key] = hard
        if name in relax:
            keys[key] = soft
            comments[key] = f"relax: {relax[name]}" if relax[name] else "relax"
        elif facts is not None and not getattr(facts, name, True):
            keys[key] = soft
            comments[key] = _say(facts)
    return keys, comments


def _say(facts: Facts) -> str:
    return f"{facts.name}: {facts.why}" if facts.why else facts.name


def _list_capabilities(service: Service) -> list[str]:
    """The capabilities that facts add to the service's own."""
    facts = service.facts
    if facts is None or "cap_drop" in service.relax or not _has_fact_user(service):
        return []
    return [name for name in facts.cap_add if name not in service.cap_add]


def _find_own_user(service: Service) -> str:
    """The user that the stack or the Dockerfile names, or empty."""
    return service.user or (service.build.user if service.build is not None else "")


def _has_fact_user(service: Service) -> bool:
    """Whether the process is the one that the facts speak of."""
    facts = service.facts
    own = _find_own_user(service).partition(":")[0]
    if facts is None or not own:
        return True
    return ("0" if own == "root" else own) == (facts.ids[0] or "0")


def _choose_user(service: Service) -> tuple[str, str]:
    """The ``user`` to write, and the comment that says which fact it is."""
    facts = service.facts
    if service.user or facts is None or not facts.user or _find_own_user(service):
        return service.user, ""
    return facts.user, _say(facts)


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
    if "/tmp" not in taken:
        yield "/tmp:exec" if facts is not None and facts.exec_tmp else "/tmp"
    ids = _find_ids(service)
    if facts is None or ids is None:
        return
    for folder in facts.writable:
        if folder not in taken:
            yield f"{folder}:uid={ids[0]},gid={ids[1]}" if ids[0] else folder
