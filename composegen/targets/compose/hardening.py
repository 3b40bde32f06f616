"""What was decided about hardening and limits, in Compose's keys.

Every deviation from the defaults comes with the comment that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.model import Raw, Resources
from composegen.planning.hardening import Hardening, Reason, Scratch
from composegen.records import field, record

_SWITCHES: tuple[tuple[str, str, Raw, Raw], ...] = (
    ("init", "init", True, False),
    ("read_only", "read_only", True, False),
    ("cap_drop", "cap_drop", ["ALL"], []),
    ("no_new_privileges", "security_opt", ["no-new-privileges:true"], []),
)
_OWNED = ("uid=", "gid=")
_OPEN = "mode=1777"
_KEYS = {name: key for name, key, _, _ in _SWITCHES}


@record
class Worded:
    """Compose's keys with their values, and the comments of some of them."""

    keys: Mapping[str, Raw]
    comments: Mapping[str, str] = field(default_factory=dict)


def word_defaults(hardening: Hardening) -> Worded:
    """The keys that all services share."""
    keys = _switch(hardening)
    if hardening.scratch:
        keys["tmpfs"] = [_word_scratch(each) for each in hardening.scratch]
    return Worded(keys=keys, comments=_comment(hardening))


def word_service(hardening: Hardening, tmpfs: tuple[str, ...]) -> Worded:
    """The keys of one service, without its volumes; ``tmpfs`` are its own."""
    keys, comments = _switch(hardening), _comment(hardening)
    keys["tmpfs"] = [*map(_word_scratch, hardening.scratch), *tmpfs]
    if not keys["tmpfs"] and not hardening.is_read_only:
        comments["tmpfs"] = "nothing is read-only, so nothing needs one"
    if hardening.user:
        keys["user"] = hardening.user
    if hardening.cap_add:
        keys["cap_add"] = [*hardening.cap_add]
    return Worded(keys=keys, comments=comments)


def word_limits(resources: Resources) -> dict[str, Raw]:
    """The keys of the limits that there are."""
    keys: dict[str, Raw] = {}
    if resources.cpus:
        cpus = resources.cpus
        is_text = "$" in cpus
        keys["cpus"] = cpus if is_text else int(cpus) if cpus.isdigit() else float(cpus)
    if resources.memory:
        keys["mem_limit"] = resources.memory
    if resources.pids:
        keys["pids_limit"] = resources.pids
    return keys


def open_scratch(mounts: Iterable[Raw]) -> list[Raw]:
    """Folders in memory that all may write, in place of those with an owner.

    Podman refuses an owner and gives such a folder to root.
    """
    return [_open_mount(str(mount)) for mount in mounts]


def _open_mount(mount: str) -> str:
    path, _, text = mount.partition(":")
    options = text.split(",")
    kept = [each for each in options if not each.startswith(_OWNED)]
    if len(kept) == len(options):
        return mount
    kept = [each for each in kept if not each.startswith("mode=")]
    return f"{path}:{','.join([*kept, _OPEN])}"


def _switch(hardening: Hardening) -> dict[str, Raw]:
    return {
        key: hard if name in hardening.protections else soft
        for name, key, hard, soft in _SWITCHES
    }


def _comment(hardening: Hardening) -> dict[str, str]:
    return {
        _KEYS.get(name, name): _word_reason(reason)
        for name, reason in hardening.reasons.items()
    }


def _word_reason(reason: Reason) -> str:
    return f"{reason.source}: {reason.text}" if reason.text else reason.source


def _word_scratch(scratch: Scratch) -> str:
    if scratch.may_execute:
        return f"{scratch.path}:exec"
    if scratch.user:
        return f"{scratch.path}:uid={scratch.user},gid={scratch.group}"
    return scratch.path
