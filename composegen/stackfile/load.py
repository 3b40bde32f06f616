"""A stack file becomes a Stack, in named phases: read, parse, look, build, check.

All problems of the file come together: a phase notes what is wrong and goes on with
what can be read; only what was itself unreadable is skipped by later checks. Each
phase is a function that gets what the earlier ones made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composegen.errors import FileRefused, Problem, ProblemsFound
from composegen.model import DEFAULT_OUTPUT, Stack
from composegen.paths import is_file, is_folder, leads_inside, list_matching
from composegen.planning.selection import Selection
from composegen.records import record
from composegen.stackfile.build import Built, build_stack
from composegen.stackfile.checks import check_stack
from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.choices import join_problems, list_variants
from composegen.stackfile.file import File, make_file, read_file
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.keys.top import TOP_KEYS
from composegen.stackfile.nodes import MappingNode, read_bytes
from composegen.stackfile.problems import Problems
from composegen.stackfile.recipes import RecipeBook
from composegen.stackfile.toplevel import Parts, parse_parts
from composegen.system.files import check_readable
from composegen.text import shorten

_NO_FLAGS = Selection()


@record(kw_only=False)
class Loaded:
    """A stack without errors, and what else was noted about it."""

    stack: Stack
    problems: tuple[Problem, ...]


def load_stack(
    path: Path,
    shown: str = "",
    *,
    selection: Selection | None = _NO_FLAGS,
    with_files: bool = False,
    target: str = "compose",
) -> Loaded:
    """Read a stack file and what it names.

    ``selection`` is judged too: what it excludes must not be required; None judges
    none. ``with_files`` looks for every file that must be there at the start, and
    ``target`` adds the checks of what the stack is rendered for.
    Raises ProblemsFound with every problem when one of them is an error, FileRefused
    where there is no file to read.
    """
    file = read_file(path, shown or str(path))
    return _load(file, selection, with_files=with_files, target=target)


def load_text(
    text: str, path: Path, *, selection: Selection | None = _NO_FLAGS
) -> Loaded:
    """A stack from a text that could stand at a path; nothing is read there.

    Raises ProblemsFound as ``load_stack`` does.
    """
    return _load(make_file(path, str(path), text.encode()), selection)


def _load(
    file: File,
    selection: Selection | None,
    *,
    with_files: bool = False,
    target: str = "compose",
) -> Loaded:
    parts = parse_parts(file)
    book = open_book(file, parts.top.get("recipes", ""))
    built = build_stack(file, parts, book)
    check_built(
        file, parts, book, built, selection, with_files=with_files, target=target
    )
    return Loaded(built.stack, file.problems.found)


def open_book(file: File, named: str) -> RecipeBook:
    """The recipes that the stack may use: the shipped ones, and those of its folder."""
    found = _list_recipes(file.folder.path, named) if named else {}
    if found is None:
        file.problems.add(
            "missing-file",
            f"`{shorten(named)}` is not a folder",
            file.places["recipes", named],
            "create it, with one YAML file per recipe",
        )
    return RecipeBook(
        file.problems,
        found or {},
        is_quoted=file.folder.find_inside(named) is not None,
        lacks_folder=found is None,
    )


def check_built(
    file: File,
    parts: Parts,
    book: RecipeBook,
    built: Built,
    selection: Selection | None,
    *,
    with_files: bool = False,
    target: str = "compose",
) -> None:
    """Check what the services say together; raises ProblemsFound on any error."""
    common: dict[str, Any] = {
        "broken": built.broken,
        "folder": file.folder,
        "recipes": built.recipes,
        "unreadable_recipes": built.unreadable,
        "given_secrets": frozenset(parts.top.get("secrets", {})),
        "known_recipes": book.names,
        "with_files": with_files,
        "target": target,
    }
    if not built.stack.choices:
        stack, problems = built.stack, file.problems
        check_stack(
            Checked(stack=stack, problems=problems, selection=selection, **common)
        )
    else:
        found = []
        for settled, is_selected in list_variants(built.stack, selection):
            problems = Problems()
            judged = settled.selection if is_selected and selection else None
            check_stack(
                Checked(
                    stack=settled.stack, problems=problems, selection=judged, **common
                )
            )
            found.append(problems.found)
        join_problems(file.problems, found)
    if file.problems.has_errors:
        raise ProblemsFound(file.problems.found)


def find_own_recipes(path: Path) -> dict[str, Path]:
    """The files of a stack's own recipes by name; other problems do not matter."""
    file = read_file(path, str(path))
    parts = parse_parts(file)
    named = parts.top.get("recipes", "")
    found = _list_recipes(file.folder.path, named) if named else None
    return {name: each for name, (each, _) in (found or {}).items()}


def find_output(path: Path) -> str:
    """The file that a stack is rendered to, the usual one where it names none.

    Cheap, since commands need it before they know with which selection to load the
    stack, which says what is wrong with it.
    """
    try:
        if b"output" not in read_bytes(path, path.name):
            return DEFAULT_OUTPUT
        file = read_file(path, path.name)
    except (FileRefused, ProblemsFound):
        return DEFAULT_OUTPUT
    root = file.source.root
    pairs = file.source.pairs(root) if isinstance(root, MappingNode) else ()
    for key, _, node in pairs:
        if key == "output":
            return TOP_KEYS[key].read(file.reader, node, (key,)) or DEFAULT_OUTPUT
    return DEFAULT_OUTPUT


def find_group_names(path: Path) -> tuple[str, ...]:
    """The groups of a stack file as far as it can be read, whatever is wrong."""
    drafts = _read_drafts(path).values()
    groups = (draft.get("group") for draft in drafts)
    names = (n for each in groups if isinstance(each, list) for n in each)
    return tuple(dict.fromkeys(names))


def find_service_names(path: Path) -> tuple[str, ...]:
    """The services of a stack file as far as it can be read, whatever is wrong."""
    return tuple(_read_drafts(path))


def _read_drafts(path: Path) -> Mapping[str, Draft]:
    try:
        return parse_parts(read_file(path, str(path))).drafts
    except (FileRefused, ProblemsFound):
        return {}


def _list_recipes(folder: Path, named: str) -> dict[str, tuple[Path, str]] | None:
    """Recipe name -> file and how it is shown; None where there is no such folder."""
    place = folder / named
    check_readable(place, named)
    if not is_folder(place):
        return None
    # A link that leads out of the folder is no recipe: it would be read and shown.
    return {
        path.stem: (path, f"{named.rstrip('/')}/{path.name}")
        for path in list_matching(place, "*.yaml")
        if is_file(path) and leads_inside(path, place)
    }
