"""Drafts become the model: recipe and own keys merged, a service made of each."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.images.facts import find_facts, fits_image
from composegen.model import (
    DEFAULT_OUTPUT,
    PROBE_IMAGE,
    Build,
    Choice,
    Facts,
    Mount,
    Service,
    Stack,
)
from composegen.needs import Condition, Need
from composegen.records import record, replace
from composegen.stackfile.choices import join_choices, make_choices, place_needs
from composegen.stackfile.data import Doubt, choose_volumes
from composegen.stackfile.file import File
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.top import make_secret
from composegen.stackfile.merge import check_removals, merge_drafts
from composegen.stackfile.reader import REMOVED
from composegen.stackfile.recipes import Recipe, RecipeBook
from composegen.stackfile.services import make_resources, make_service, settle_ports
from composegen.stackfile.toplevel import Parts
from composegen.text import shorten, suggest


@record
class Built:
    """A stack as far as it could be built.

    ``broken`` holds (service, key) of what could not be read; ``recipes`` the recipe
    of each service that has one, ``unreadable`` the services whose recipe has problems.
    """

    stack: Stack
    recipes: Mapping[str, Recipe]
    unreadable: frozenset[str]
    broken: frozenset[tuple[str, str]]


def build_stack(file: File, parts: Parts, book: RecipeBook) -> Built:
    """The stack of what the file says; what is missing is noted."""
    builder = _Builder(file, parts, book)
    choices = make_choices(file, parts.drafts)
    services = {
        name: builder.build_service(name, draft)
        for name, draft in parts.drafts.items()
        if name not in choices
    }
    services = join_choices(services, choices, parts.drafts)
    secrets = dict(parts.top.get("secrets", {}))
    for service in services.values():
        for use in service.secrets:
            secrets.setdefault(use.name, make_secret(use.name))
    stack = Stack(
        file=file.name,
        name=parts.top.get("name", ""),
        services=_settle_needs(services, parts, choices),
        volumes=parts.top.get("volumes", {}),
        networks=parts.top.get("networks", {}),
        secrets=secrets,
        compose=parts.top.get("compose", {}),
        resources=make_resources(parts.top.get("resources", {})),
        probe_image=parts.top.get("probe_image", PROBE_IMAGE),
        output=parts.top.get("output", DEFAULT_OUTPUT),
        extensions=parts.extensions,
        choices={name: each for name, each in choices.items() if each.members},
        places=file.places,
    )
    place_needs(file, stack)
    return Built(
        stack=stack,
        recipes=builder.recipes,
        unreadable=frozenset(builder.unreadable),
        broken=frozenset(builder.broken),
    )


class _Builder:
    """Builds one service after the other, and remembers what it met on the way."""

    def __init__(self, file: File, parts: Parts, book: RecipeBook) -> None:
        self.file = file
        self.parts = parts
        self.book = book
        self.recipes: dict[str, Recipe] = {}
        self.unreadable: set[str] = set()
        self.broken = set(parts.broken)

    def build_service(self, name: str, draft: Draft) -> Service:
        """A service: its recipe chosen, the drafts merged, what is missing noted."""
        build = self._look_at_build(draft)
        recipe = self._choose_recipe(name, draft, build)
        brought = self._list_brought(name, recipe, draft, build)
        if recipe is not None and recipe.facts.user and draft.get("user") is REMOVED:
            draft = {key: value for key, value in draft.items() if key != "user"}
            recipe = replace(recipe, facts=replace(recipe.facts, user=""))
        merged = self._merge(name, brought, draft)
        facts = _find_facts(recipe, str(merged.get("image", "")), build)
        self._check_target(name, build)
        self._check_complete(name, merged)
        self._check_port(name, merged, recipe)
        names = self.file.folder.read_env_names(merged.get("env_file", ()))
        return make_service(
            name,
            {**merged, **self._add_defaults(merged)},
            recipe=recipe,
            build=build,
            facts=facts,
            env_file_names=names,
        )

    def _add_defaults(self, merged: Draft) -> Draft:
        """What the top level says for every service, below what a service says."""
        top = self.parts.top
        return {
            key: {**top.get(key, {}), **merged.get(key, {})}
            for key in ("relax", "resources")
        }

    def _look_at_build(self, draft: Draft) -> Build | None:
        options = draft.get("build")
        if not isinstance(options, dict):
            return None
        return self.file.folder.look_at_build(options)

    def _choose_recipe(
        self, name: str, draft: Draft, build: Build | None
    ) -> Recipe | None:
        """The recipe for the image that will run: its own, its base, or the default."""
        use = draft.get("use")
        if not isinstance(use, str):
            return None
        found = self.book.find(use)
        if found is None:
            self.unreadable.add(name)
            self._add_unknown_recipe(name, use)
            return None
        image = draft.get("image")
        if build is not None:
            runs = build.base_image
        else:
            runs = image if isinstance(image, str) else found.default_image
        self.recipes[name] = found.choose(runs)
        return self.recipes[name]

    def _list_brought(
        self, name: str, recipe: Recipe | None, draft: Draft, build: Build | None
    ) -> Draft:
        """What the recipe brings to a service: its keys, and its volumes by names."""
        if recipe is None:
            return {}
        brought: Draft = dict(recipe.draft)
        if draft.get("build") not in (None, REMOVED) and "image" not in draft:
            brought.pop("image", None)
        # What a Dockerfile says is not shown: it may be a link to a file elsewhere.
        image = str(draft.get("image") or brought.get("image") or "")
        shown = (
            shorten(image) if build is None else build.shown_base or "its base image"
        )
        data = choose_volumes(name, recipe, shown, draft)
        if data.doubt is not None and draft.get("volumes") is not REMOVED:
            self._add_doubt(name, data.doubt)
        if recipe.volumes:
            brought["volumes"] = [
                Mount(source=f"{name}-{end}", target=target)
                for end, target in data.volumes.items()
            ]
        _make_room(brought, draft)
        return brought

    def _add_doubt(self, name: str, doubt: Doubt) -> None:
        path: tuple[str, ...] = ("services", name)
        if doubt.target:
            path = (*path, "volumes", doubt.target)
        elif (*path, "image") in self.file.places:
            path = (*path, "image")
        self.file.problems.add(
            doubt.name, doubt.message, self.file.places[path], doubt.help
        )

    def _add_unknown_recipe(self, name: str, use: str) -> None:
        if use in self.book.names or self.book.lacks_folder:
            return
        self.file.problems.add(
            "unknown-recipe",
            f"there is no recipe `{shorten(use)}`",
            self.file.places["services", name, "use", use],
            suggest(use, self.book.names, f"there are {', '.join(self.book.names)}"),
        )

    def _merge(self, name: str, brought: Draft, own: Draft) -> Draft:
        check_removals(self.file.reader, name, brought, own)
        self.broken.update(
            (name, key)
            for key, value in own.items()
            if value is REMOVED and key not in brought
        )
        return merge_drafts(brought, own)

    def _check_target(self, name: str, build: Build | None) -> None:
        """The stage that is built is one of the Dockerfile's."""
        if build is None or not build.lacks_target:
            return
        target = str(build.options["target"])
        self.file.problems.add(
            "unknown-target",
            f"the Dockerfile of `{name}` has no stage `{shorten(target)}`",
            self.file.places["services", name, "build", "target", target],
            "correct `target`, or remove it to build the last stage",
        )
        self.broken.add((name, "build"))

    def _check_complete(self, name: str, merged: Draft) -> None:
        """A health check has a kind, a way to run locally has a command."""
        health = merged.get("health")
        is_readable = (name, "health") not in self.broken
        if health is not None and "kind" not in health and is_readable:
            self.file.problems.add(
                "no-health",
                f"`health` of `{name}` has no kind of check",
                self.file.places["services", name, "health"],
                "use http, tcp, command, image or none: health: {http: /health, ..}",
            )
            self.broken.add((name, "health"))
        local = merged.get("local")
        is_readable = (name, "local") not in self.broken
        if local is not None and "command" not in local and is_readable:
            self.file.problems.add(
                "local-command",
                f"`local` of `{name}` has no `command`",
                self.file.places["services", name, "local"],
                "local: {command: [python, -m, app], dir: .}",
            )

    def _check_port(self, name: str, merged: Draft, recipe: Recipe | None) -> None:
        """What needs a port has one: ``publish: true``, a recipe's probe."""
        _, port = settle_ports(merged)
        is_broken = self.broken & {(name, "port"), (name, "publish")}
        if port is not None or is_broken or name in self.unreadable:
            return
        asked = recipe.draft.get("health", {}) if recipe else {}
        uses_port = merged.get("health", {}).get("command") == asked.get("command", "")
        publish = merged.get("publish")
        is_aimless = publish is True or any(
            each.is_random and not each.target for each in publish or ()
        )
        if is_aimless or (uses_port and "{port}" in str(asked)):
            key = "publish" if is_aimless else "port"
            self.file.problems.add(
                "no-port",
                f"the port of `{name}` is not known",
                self.file.places["services", name, key],
                "name the port it listens on:\nport: 8080",
            )


def _make_room(brought: Draft, own: Draft) -> None:
    """A tmpfs of one's own takes the place of a recipe's volume at its path."""
    tmpfs = own.get("tmpfs")
    if not isinstance(tmpfs, list) or "volumes" not in brought:
        return
    paths = {text.partition(":")[0].rstrip("/") for text in tmpfs}
    brought["volumes"] = [m for m in brought["volumes"] if m.target not in paths]


def _find_facts(recipe: Recipe | None, image: str, build: Build | None) -> Facts | None:
    """The recipe's facts, with the tools of the image that really runs."""
    runs = build.base_image if build is not None else image
    if recipe is None:
        return find_facts(runs) if runs else None
    if not runs or fits_image(recipe.images, runs):
        return recipe.facts
    own = find_facts(runs)
    return recipe.facts if own is None else replace(recipe.facts, tools=own.tools)


def _settle_needs(
    services: Mapping[str, Service], parts: Parts, choices: Mapping[str, Choice]
) -> dict[str, Service]:
    """Let needs of a job that name no condition wait until it has finished.

    A service that shares the network of another one needs that one.
    """
    jobs = {name for name, service in services.items() if service.job}
    for name, choice in choices.items():
        if choice.members and jobs.issuperset(choice.members):
            jobs.add(name)
    sharing: dict[str, list[str]] = {}
    for name, service in services.items():
        sharing.setdefault(service.network_owner, []).append(name)
    settled = {}
    for name, service in services.items():
        drafts = parts.drafts[name].get("needs", {})
        needs = tuple(
            replace(need, until=Condition.FINISHED)
            if "until" not in drafts[need.service] and need.service in jobs
            else need
            for need in service.needs
        )
        owner = services.get(service.network_owner)
        if owner is not None and owner.name not in {name, *(n.service for n in needs)}:
            needs = (_need_owner(owner), *needs)
        shared = () if service.network_mode else tuple(sharing.get(name, ()))
        is_same = needs == service.needs and not shared
        settled[name] = (
            service if is_same else replace(service, needs=needs, sharing=shared)
        )
    return settled


def _need_owner(owner: Service) -> Need:
    """The need of a service on the one whose network it shares."""
    is_asked = owner.health is not None and owner.health.can_be_asked
    until = Condition.HEALTHY if is_asked and not owner.job else Condition.STARTED
    return Need(service=owner.name, until=until)
