"""Which Compose and which engine a rendered file needs, by the keys that it uses.

A release is the first one whose schema takes the key, by the compose-go version that
its ``go.mod`` names (Compose 2.20.0 to 5.6.0). It is the one that Compose's
documentation names where that is later, or where the release before could not be had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from composegen.model import Raw
from composegen.records import record

Version = tuple[int, ...]

OLDEST_COMPOSE: Version = (2, 20)
"""What any rendered file needs: 2.20.3 is the oldest release that was tried."""

_ANY = "*"


@record(kw_only=False)
class EngineNeed:
    """The engine that Compose asks for: its release, and the API that it goes by."""

    version: Version
    api: Version


_ENGINE_25 = EngineNeed((25,), (1, 44))
_ENGINE_26 = EngineNeed((26,), (1, 45))
_ENGINE_28 = EngineNeed((28,), (1, 48))
_ENGINE_28_1 = EngineNeed((28, 1), (1, 49))


@record(kw_only=False)
class NewerKey:
    """A key that came with a release of Compose, perhaps with one of the engine.

    ``path`` is where it stands, ``*`` any name or item; ``value`` what it says there,
    empty where every value counts. ``is_form`` says that an older Compose takes a text
    in place of the mapping that holds it.
    """

    path: str
    compose: Version
    what: str
    value: str = ""
    is_form: bool = False
    engine: EngineNeed | None = None


@record
class UsedKey:
    """A newer key that a file uses, with the services that use it."""

    key: NewerKey
    services: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.services)
        return f"{self.key.what} of {names}" if names else self.key.what


_S = "services.*."
START_INTERVAL = NewerKey(
    # The schema of 2.20.3 takes it; that release then drops it in silence.
    f"{_S}healthcheck.start_interval",
    (2, 21),
    "`start_interval` in the health check",
    engine=_ENGINE_25,
)
NEWER_KEYS: tuple[NewerKey, ...] = (
    NewerKey(f"{_S}depends_on.*.required", (2, 20), "an optional dependency"),
    START_INTERVAL,
    NewerKey(f"{_S}develop", (2, 22), "`develop`"),
    NewerKey("configs.*.content", (2, 23, 1), "`content` of a config"),
    NewerKey("configs.*.environment", (2, 23, 1), "`environment` of a config"),
    NewerKey(f"{_S}build.ulimits", (2, 23, 1), "`ulimits` of the build"),
    NewerKey(f"{_S}networks.*.mac_address", (2, 23, 2), "`mac_address` on a network"),
    NewerKey(f"{_S}env_file.*.path", (2, 24), "an env file as a map", is_form=True),
    NewerKey(
        f"{_S}volumes.*.volume.subpath",
        (2, 25),
        "`subpath` of a volume",
        engine=_ENGINE_26,
    ),
    NewerKey(f"{_S}build.entitlements", (2, 27, 1), "`entitlements` of the build"),
    NewerKey(f"{_S}networks.*.driver_opts", (2, 27, 1), "`driver_opts` on a network"),
    NewerKey(f"{_S}devices.*.source", (2, 29, 7), "a device as a map", is_form=True),
    NewerKey(f"{_S}env_file.*.format", (2, 30), "`format` of an env file"),
    NewerKey(f"{_S}gpus", (2, 30), "`gpus`"),
    NewerKey(f"{_S}post_start", (2, 30), "`post_start`"),
    NewerKey(f"{_S}pre_stop", (2, 30), "`pre_stop`"),
    NewerKey(f"{_S}volumes.*.bind.recursive", (2, 30), "`recursive` of a bind mount"),
    NewerKey(f"{_S}label_file", (2, 32, 2), "`label_file`"),
    NewerKey(f"{_S}develop.watch.*.exec", (2, 32, 2), "`exec` of a watch"),
    NewerKey("networks.*.enable_ipv4", (2, 33), "`enable_ipv4` of a network"),
    NewerKey(
        f"{_S}networks.*.gw_priority",
        (2, 33),
        "`gw_priority` on a network",
        engine=_ENGINE_28,
    ),
    NewerKey(f"{_S}develop.watch.*.include", (2, 34), "`include` of a watch"),
    NewerKey(f"{_S}pull_refresh_after", (2, 34), "`pull_refresh_after`"),
    NewerKey(f"{_S}provider", (2, 35), "`provider`"),
    NewerKey(
        f"{_S}volumes.*.type",
        (2, 35),
        "an image as a volume",
        value="image",
        engine=_ENGINE_28,
    ),
    NewerKey(
        f"{_S}networks.*.interface_name",
        (2, 36),
        "`interface_name` on a network",
        engine=_ENGINE_28_1,
    ),
    NewerKey(f"{_S}use_api_socket", (2, 37, 3), "`use_api_socket`"),
    NewerKey("models", (2, 38), "`models` at the top level"),
    NewerKey(f"{_S}models", (2, 38), "`models`"),
    NewerKey(f"{_S}build.provenance", (2, 39), "`provenance` of the build"),
    NewerKey(f"{_S}build.sbom", (2, 39), "`sbom` of the build"),
    NewerKey(f"{_S}develop.watch.*.initial_sync", (2, 39, 4), "`initial_sync`"),
    NewerKey(f"{_S}build.no_cache_filter", (5, 0), "`no_cache_filter` of the build"),
    NewerKey(f"{_S}pre_start", (5, 3), "`pre_start`"),
    NewerKey("jobs", (5, 6), "`jobs` at the top level"),
)


def list_used_keys(document: Mapping[str, Raw]) -> tuple[UsedKey, ...]:
    """The newer keys that a Compose file uses, the newest last."""
    used = []
    for key in sorted(NEWER_KEYS, key=lambda each: each.compose):
        found = [*_find(document, tuple(key.path.split(".")), key.value)]
        if found:
            names = (path[1] for path in found if path[0] == "services")
            used.append(UsedKey(key=key, services=tuple(dict.fromkeys(names))))
    return tuple(used)


def find_refused_key(path: str, name: str) -> NewerKey | None:
    """The newer key at a path that a Compose refuses.

    ``name`` is the key that it does not know; empty where it wants a text there.
    """
    wanted = f"{path}.{name}" if path and name else path or name
    for key in NEWER_KEYS:
        own = key.path if name else key.path.rpartition(".")[0]
        pattern = re.escape(own).replace(re.escape(_ANY), ".+")
        if (name or key.is_form) and re.fullmatch(pattern, wanted):
            return key
    return None


def format_version(version: Version) -> str:
    """A version as it is written."""
    return ".".join(map(str, version))


def _find(
    value: Raw | Mapping[str, Raw], parts: tuple[str, ...], said: str
) -> Iterator[tuple[str, ...]]:
    """The paths at which a key stands."""
    if not parts:
        if not said or value == said:
            yield ()
        return
    if isinstance(value, Mapping):
        inner = [*value.items()]
    elif isinstance(value, list) and parts[0] == _ANY:
        inner = [(str(number), item) for number, item in enumerate(value)]
    else:
        return
    for name, item in inner:
        if parts[0] in {_ANY, name}:
            for rest in _find(item, parts[1:], said):
                yield (name, *rest)
