"""Mounts in the form that Compose 2 and Compose 5 take for the same.

Each of them makes a digest of a service to see whether its containers are still what
the file says. Of a folder of the host in the short form they make different ones, so
that each would replace the containers of the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from composegen.model import Mount, Raw, split_mount

_SELINUX = frozenset({"z", "Z"})
_PROPAGATIONS = frozenset("private rprivate shared rshared slave rslave".split())
_SAID = frozenset({"ro", "rw"}) | _SELINUX | _PROPAGATIONS


def write_mounts(mounts: Iterable[Raw]) -> list[Raw]:
    """Mounts, each folder of the host in the long form; the others as they are."""
    return [_write_mount(mount) for mount in mounts]


def _write_mount(written: Raw) -> Raw:
    mount = split_mount(written) if isinstance(written, str) else None
    # A variable may hold the name of a volume, which the long form would not allow.
    if mount is None or not mount.source.startswith((".", "/", "~")):
        return written
    options = [option for option in mount.options.split(",") if option]
    if not _SAID.issuperset(options):
        return written
    return _write_long(mount, options)


def _write_long(mount: Mount, options: list[str]) -> Raw:
    long: dict[str, Raw] = {
        "type": "bind",
        "source": mount.source,
        "target": mount.target,
    }
    if "ro" in options:
        long["read_only"] = True
    bind: dict[str, Raw] = {}
    for option in options:
        if option in _SELINUX:
            bind["selinux"] = option
        elif option in _PROPAGATIONS:
            bind["propagation"] = option
    if bind:
        long["bind"] = bind
    return long
