"""Recipes: the shipped ones and those of a stack's own folder, read for one image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.errors import FileRefused, Location, Problem
from composegen.images.facts import (
    FACT_KEYS,
    RECIPE_KEYS,
    SELECTORS,
    VERSION_RANGE,
    Plain,
    find_version,
    fits_variant,
    knows_data,
    list_recipe_files,
    list_targets,
    make_facts,
)
from composegen.model import Access, Facts, Login
from composegen.records import field, record, replace
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.nodes import (
    MappingNode,
    Node,
    SequenceNode,
    Source,
    is_null,
    read_bytes,
)
from composegen.stackfile.problems import Problems
from composegen.stackfile.reader import REMOVED, Reader
from composegen.stackfile.tree import to_plain

_LISTS = frozenset(
    "images volumes writable cap_add tools database requires newest "
    "version_first".split()
)
_FLAGS = frozenset(
    "store exec_tmp hostname init read_only no_new_privileges tested".split()
)
_LOGIN_KEYS = ("when", "user", "user_default", "password", "password_default")


def list_brought_keys() -> set[str]:
    """The keys of a service that a recipe may bring."""
    return {key.name for key in KEYS.values() if key.is_brought}


@record
class Recipe:
    """A recipe as it is for one image.

    ``draft`` holds the service keys it brings, ``volumes`` its data folders by the
    end of the volume's name, ``requires`` variables of which one must be set. Where it
    is not known where this image keeps its data, ``knows_data`` is false. ``folders``
    are all that images of this kind use; ``data_variable`` names another one.
    """

    name: str
    about: str
    is_store: bool
    draft: Mapping[str, Any]
    volumes: Mapping[str, str] = field(default_factory=dict)
    access: Access
    requires: tuple[str, ...] = ()
    facts: Facts
    images: tuple[str, ...] = ()
    start_interval: str = ""
    knows_data: bool = True
    folders: tuple[str, ...] = ()
    data_variable: str = ""


class RecipeFile:
    """One recipe's file, parsed once and chosen from for each image."""

    def __init__(self, name: str, source: Source, *, is_shipped: bool = False) -> None:
        self.name = name
        self._reader = Reader(source)
        self._chosen: dict[str, Recipe] = {}
        self._root = source.root if isinstance(source.root, MappingNode) else None
        if source.root is not None and self._root is None:
            self._reader.add_type(source.root, "a mapping of a recipe's keys")
        self._plain: Plain = {}
        if self._root is not None:
            plain = to_plain(self._root)
            self._plain = plain if isinstance(plain, dict) else {}
        # The shipped ones are checked by their tests.
        self.is_readable = self._root is not None and (is_shipped or self._check())

    @property
    def default_image(self) -> str:
        """The image of a service that names none and builds none."""
        return str(self._plain.get("image", ""))

    def choose(self, image: str) -> Recipe:
        """The recipe for an image: its variants laid over it."""
        if image not in self._chosen:
            self._chosen[image] = self._choose(image)
        return self._chosen[image]

    def _choose(self, image: str) -> Recipe:
        nodes = self._lay_variants(image)
        draft: Draft = {}
        for key in list_brought_keys() & nodes.keys():
            read = KEYS[key].read(self._reader, nodes[key], ("recipe", key))
            if read is not None and read is not REMOVED:
                draft[key] = read
        plain = {key: to_plain(node) for key, node in nodes.items()}
        entry: dict[str, Any] = {key: value for key, value in plain.items() if value}
        return Recipe(
            name=self.name,
            about=str(entry.get("about", "")),
            is_store=entry.get("store") == "true",
            draft=draft,
            volumes=dict(
                _split_volume(text) for text in entry.get("volumes", ()) if ":" in text
            ),
            access=_make_access(entry),
            requires=tuple(entry.get("requires", ())),
            facts=make_facts(self.name, entry, image=image),
            images=tuple(entry.get("images", ())),
            start_interval=str(entry.get("start_interval", "")),
            knows_data=knows_data(self._plain, image),
            folders=self._list_folders(),
            data_variable=str(entry.get("data_variable", "")),
        )

    def _list_folders(self) -> tuple[str, ...]:
        """The folders that any of its images keeps data in."""
        layers = [self._plain, *self._plain.get("variants", ())]
        found = (folder for layer in layers for folder in list_targets(layer))
        return tuple(dict.fromkeys(found))

    def _lay_variants(self, image: str) -> dict[str, Node]:
        assert self._root is not None
        pairs = self._reader.source.pairs(self._root)
        nodes = {key: value for key, _, value in pairs if key != "variants"}
        version = find_version(self._plain, image)
        variants = next((value for key, _, value in pairs if key == "variants"), None)
        for variant in variants.value if isinstance(variants, SequenceNode) else ():
            own = {key: value for key, _, value in self._reader.source.pairs(variant)}
            if fits_variant(_read_plain(own), image, version):
                nodes |= {k: value for k, value in own.items() if k not in SELECTORS}
        return nodes

    # Checking, for recipes of one's own

    def _check(self) -> bool:
        assert self._root is not None
        before = self._reader.source.problems.count
        self._check_keys(self._root, frozenset({"variants"}))
        for key, _, value in self._reader.source.pairs(self._root):
            if key == "variants":
                self._check_variants(value)
            elif key == "logins":
                self._check_logins(value)
        return self._reader.source.problems.count == before

    def _check_keys(self, node: MappingNode, extra: frozenset[str]) -> None:
        brought = list_brought_keys()
        known = brought | FACT_KEYS | RECIPE_KEYS | extra
        for key, key_node, value in self._reader.source.pairs(node):
            if key not in known:
                self._reader.add_unknown_key(key, key_node, "a recipe", known)
            elif is_null(value) or key in {"variants", "logins", "tag"}:
                continue
            elif key in _LISTS:
                texts = self._reader.read_texts(value)
                if key == "volumes" and texts is not None:
                    self._check_volumes(value, texts)
            elif key in _FLAGS:
                self._reader.read_bool(value)
            elif key == "start_interval":
                self._reader.read_duration(value)
            elif key in brought:
                KEYS[key].read(self._reader, value, ("recipe", key))
            elif key == "why":
                self._reader.read_line(value, "the reason")
            else:
                self._reader.read_text(value)

    def _check_volumes(self, node: Node, texts: list[str]) -> None:
        for text in texts:
            name, colon, target = text.partition(":")
            if text.startswith("/") and not colon:
                continue
            if not name.replace("-", "").isalnum() or not target.startswith("/"):
                self._reader.add(
                    "bad-volume",
                    f"`{text}` is not a volume of a recipe",
                    node,
                    "NAME:/path; the volume is called after the service and NAME\n"
                    "/path is a volume without a name, for what need not last",
                )

    def _check_variants(self, node: Node) -> None:
        for variant in self._reader.read_items(node, "a list of variants") or ():
            pairs = self._reader.read_pairs(variant, "a mapping with a `tag`")
            if pairs is None or not isinstance(variant, MappingNode):
                continue
            self._check_keys(variant, frozenset(SELECTORS))
            found = {key: value for key, _, value in pairs}
            if not found.keys() & set(SELECTORS):
                self._reader.add_type(
                    variant, "a variant with a `tag`, `images` or `version`"
                )
            if "tag" in found:
                self._reader.read_text_or_texts(found["tag"])
            if "version" in found:
                self._check_range(found["version"])

    def _check_range(self, node: Node) -> None:
        text = self._reader.read_text(node)
        if text is not None and not VERSION_RANGE.fullmatch(text):
            self._reader.add_type(node, 'versions, as in "<18" or ">=18"')

    def _check_logins(self, node: Node) -> None:
        for login in self._reader.read_items(node, "a list of logins") or ():
            found = self._reader.read_known(login, "a mapping", "a login", _LOGIN_KEYS)
            for key, (_, value) in (found or {}).items():
                if key in {"when", "user", "password"}:
                    self._reader.read_texts(value)
                else:
                    self._reader.read_text(value)


def _read_plain(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """What a variant says of the images that it is for."""
    return {key: to_plain(nodes[key]) for key in SELECTORS if key in nodes}


def _split_volume(text: str) -> tuple[str, str]:
    name, _, target = text.partition(":")
    return name, target


def _make_access(entry: Mapping[str, Any]) -> Access:
    return Access(
        url=str(entry.get("url", "")),
        bare_url=str(entry.get("bare_url", "")),
        logins=tuple(
            Login(
                when=tuple(login.get("when", ())),
                user=tuple(login.get("user", ())),
                user_default=str(login.get("user_default", "")),
                password=tuple(login.get("password", ())),
                password_default=login.get("password_default"),
            )
            for login in entry.get("logins", ())
        ),
        database=tuple(entry.get("database", ())),
        database_default=str(entry.get("database_default", "")),
    )


class RecipeBook:
    """All recipes that a stack may name; its own folder comes before the shipped.

    Where the stack ``lacks_folder``, its recipes are not known. Nothing
    of a recipe is shown unless it ``is_quoted``.
    """

    def __init__(
        self,
        problems: Problems,
        own: Mapping[str, tuple[Path, str]],
        *,
        is_quoted: bool = True,
        lacks_folder: bool = False,
    ) -> None:
        self.lacks_folder = lacks_folder
        self._problems = problems
        self._own = own
        self._is_quoted = is_quoted
        self._read: dict[str, RecipeFile | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every recipe's name, sorted."""
        return tuple(sorted({*self._own, *list_recipe_files()}))

    def find(self, name: str) -> RecipeFile | None:
        """The recipe of that name; None where there is none or it has problems."""
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def _load(self, name: str) -> RecipeFile | None:
        if name in self._own:
            path, shown = self._own[name]
        elif name in list_recipe_files():
            path = list_recipe_files()[name]
            shown = f"recipes/{path.name}"
        else:
            return None
        problems = Problems()
        try:
            source = Source(shown, read_bytes(path, shown), problems)
        except FileRefused as refused:
            location = Location(file=shown)
            help = refused.help or "let it be a file that you may read"
            self._problems.add("unknown-recipe", refused.message, location, help)
            return None
        recipe = RecipeFile(name, source, is_shipped=name not in self._own)
        for problem in problems.found:
            self._add(problem)
        return recipe if recipe.is_readable else None

    def _add(self, problem: Problem) -> None:
        """Pass a problem on; of a folder beyond the stack's, nothing is quoted."""
        message, location, help = problem.message, problem.location, problem.help
        if not self._is_quoted:
            message = "this recipe cannot be read"
            help = "to see why, copy it below the folder of the stack file"
            location = replace(location, text="")
        self._problems.add(problem.name, message, location, help)
