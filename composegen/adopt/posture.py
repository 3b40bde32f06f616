"""What the first try gets: hardened where that was proven, relaxed where it was not."""

from __future__ import annotations

from composegen.adopt.knowledge import (
    Recipe,
    find_recipe,
    has_bind_mount,
    holds_data_in_volume,
)
from composegen.adopt.seen import Seen
from composegen.adopt.texts import write_text
from composegen.images.facts import knows_data, read_recipe
from composegen.model import NOT_TRIED

_OPENING = frozenset(
    "privileged cap_add devices pid ipc userns_mode uts cgroup_parent security_opt "
    "runtime gpus network_mode use_api_socket cap_drop read_only init".split()
)
_ROOT = frozenset({"", "0", "root"})


def settle_posture(seen: Seen) -> bool:
    """Write `relax` unless the service can be hardened; returns whether it is."""
    is_hardened = _is_proven_image(seen) or _is_own_build(seen)
    facts = seen.facts
    if is_hardened:
        _tell_facts(seen)
        return True
    seen.set("relax", NOT_TRIED)
    if facts is not None and facts.user and "user" not in seen.text:
        is_own = seen.build is not None and bool(seen.build.user)
        if not is_own:
            # The image starts as root and steps down by itself, as it did before.
            seen.sketch.raw["user"] = None
    if facts is not None and facts.hostname and "hostname" not in seen.text:
        seen.change("hostname", f"{seen.name}: its data belongs to its hostname")
    return False


def _is_opened(seen: Seen) -> bool:
    """Whether the file asks for rights, or restricts it in ways of its own."""
    return any(seen.text.get(key) not in (None, [], {}) for key in _OPENING)


def _is_proven_image(seen: Seen) -> bool:
    """A known application's image, used as its facts know it."""
    facts = seen.facts
    if seen.build is not None or facts is None or _is_opened(seen):
        return False
    if not facts.is_tested:
        return False
    if not (facts.user or facts.runs_as or facts.volumes):
        return False
    is_own = seen.text.get("user") or seen.text.get("entrypoint") is not None
    moves = has_bind_mount(seen, writable=not facts.user)
    return not is_own and not moves


def _is_own_build(seen: Seen) -> bool:
    """An own image with a user, and no folder of the host that it writes."""
    build = seen.build
    if build is None or _is_opened(seen) or seen.text.get("user"):
        return False
    user = build.user.partition(":")[0]
    return (
        user not in _ROOT
        and "$" not in user
        and not has_bind_mount(seen, writable=True)
    )


def _tell_facts(seen: Seen) -> None:
    """List what the facts about an image change."""
    facts = seen.facts
    if facts is None:
        return
    is_own = seen.build is not None and bool(seen.build.user)
    if facts.user and not is_own:
        seen.change("user", f"runs as {facts.user}: {facts.why or 'known image'}")
    if facts.hostname and "hostname" not in seen.text:
        seen.change("hostname", f"{seen.name}: its data belongs to its hostname")
    if facts.cap_add and not is_own:
        seen.change("cap_add", f"{', '.join(facts.cap_add)}: {facts.why}")
    mounted = {write_text(m.get("target")) for m in seen.model.get("volumes") or []}
    if set(facts.volumes) - mounted:
        seen.change("volumes", "an anonymous volume where the image writes")
    if seen.text.get("tmpfs"):
        seen.change("tmpfs", "/tmp is in memory")


def find_use(seen: Seen) -> Recipe | None:
    """The recipe that a store can use: its data in a named volume, nothing moved."""
    recipe = find_recipe(seen)
    if recipe is None or not recipe.is_store or not _is_proven_image(seen):
        return None
    entry = read_recipe(recipe.name)
    if not holds_data_in_volume(seen, recipe) or not knows_data(entry, seen.image):
        return None
    variable = str(entry.get("data_variable", ""))
    environment = seen.model.get("environment") or {}
    if variable and variable in environment:
        return None
    required = recipe.entry.get("requires") or ()
    if required and not any(name in environment for name in required):
        return None
    is_missing = any(m.path for m in seen.read.missing if seen.name in m.services)
    if seen.model.get("deploy", {}).get("replicas", 1) not in {1, "1"} or is_missing:
        return None
    return recipe


def adopt_store(seen: Seen, recipe: Recipe) -> None:
    """Write `use`, and list the volumes that come with it."""
    keys = {"use": recipe.name, **seen.sketch.keys}
    seen.sketch.keys.clear()
    seen.sketch.keys.update(keys)
    mounted = {
        write_text(m.get("target")).rstrip("/") for m in seen.model.get("volumes") or []
    }
    added = [folder for folder in recipe.folders if folder not in mounted]
    if added:
        seen.change("volumes", f"a named volume at {', '.join(added)}")
