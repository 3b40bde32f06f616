"""Imports between packages point one way, as MAY_IMPORT says; none has a cycle."""

import ast
import graphlib
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "composegen"

# Every package may import the ground floor.
GROUND = (
    *("errors", "oserrors", "paths", "patterns", "records", "text", "graph"),
    *("digest", "resources"),
    *("values", "ports", "health", "needs", "model", "ask"),
)
ANY = None
MAY_IMPORT = {
    "system": (),
    "images": ("system",),
    "planning": (),
    "workspace": ("system", "planning"),
    "targets": ("system", "planning"),
    "stackfile": ("system", "images", "planning"),
    "places": (),
    "places.bringing": ("workspace", "places"),
    "places.processes": ("system", "planning", "workspace", "places"),
    "places.engine": (
        *("system", "planning", "workspace", "targets", "places", "places.bringing"),
    ),
    "places.cluster": (
        *("system", "planning", "workspace", "targets", "places", "places.bringing"),
    ),
    "places.distrust": (
        *("workspace", "places.processes", "places.engine", "places.cluster"),
    ),
    "places.find": (
        *("planning", "workspace", "places", "places.processes", "places.engine"),
        "places.cluster",
    ),
    "places.doctor": (
        *("system", "planning", "workspace", "targets", "places"),
        *("places.processes", "places.engine"),
    ),
    "adopt": ("system", "images", "planning", "workspace", "targets", "stackfile"),
    "drill": (
        *("system", "planning", "workspace", "targets", "places"),
        *("places.processes", "places.engine", "places.cluster"),
    ),
    "board": ("planning", "workspace", "places"),
    "terminal": ("places",),
    "library": ANY,
    "commands": ANY,
    "__main__": ANY,
    "__init__": ANY,
}

# What other packages may import of a package. One without a line here is a face as a
# whole: nearly all of its files hold values and functions for the packages above.
FACES = {
    "adopt": ("adopting", "printing", "project", "report"),
    "board": (
        *("acts", "serve", "watch"),  # for the command
        *("html", "recorder", "scene", "svg"),
    ),
    "commands": ("__init__",),
    "drill": (
        *("conduct", "leftover", "picture", "report", "rows", "session"),
        *("steps", "trials"),
    ),
    "places.cluster": (
        *("place", "up", "finding", "manifests", "notes"),  # for commands and `find`
        *("contexts", "doctor", "policies"),  # for `doctor`
        *("faults", "kubectl", "objects", "tunnel"),  # for a drill
        "options",  # for `render`
    ),
    "places.engine": (
        *(
            "place",
            "up",
            "finding",
            "harden",
            "notes",
            "push",
        ),  # for commands and `find`
        *(
            "endpoint",
            "client",
            "containers",
            "compose",
            "compose_lines",
            "registry",
            "volumes",
        ),
        *("images", "examine", "fit", "ownership", "tools"),  # for `doctor`
        *("faults", "links", "sharing"),  # for a drill
    ),
    "places.processes": (
        *("place", "plan", "run", "records", "volumes"),
        *("environment", "exclusions", "session"),  # for `library`
        *("supervisor", "units"),
        "asking",  # for a drill
    ),
    "stackfile": (
        *("load", "catalogue", "guide", "relaxing", "schema"),
        *("folder", "checks.implied", "hints.healthcheck"),  # for `adopt`
        *("nodes", "problems"),  # for `adopt`
        *("keys.compose", "keys.service"),
    ),
    "targets": (
        *("compose.render", "files", "header", "mermaid", "output", "quoting", "table"),
        "compose.gates",  # for what `adopt` compares
        "compose.newer",  # for what an old Compose refuses
        *("kubernetes.hostpaths", "kubernetes.names"),
    ),
    "terminal": ("console", "live", "relay", "stream", "version"),
}

# What is written to elsewhere than in `terminal`, and is no stream of ours.
WRITES = {
    ("drill.guard", "os.write"): "the pipe to the guardian",
    ("places.engine.compose", "file.write"): "standard input of Compose",
    ("places.processes.control", "writer.write"): "the socket of a run",
    ("system.files", "file.write"): "a file",
    ("system.guard", "os.write"): "the pipe to the guardian",
    ("system.trimming", "os.write"): "the older log",
    ("workspace.secrets", "file.write"): "a .gitignore",
}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def parse(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def walk(module):
    """Every node of a module, walked once for all tests."""
    return tuple(ast.walk(parse(module)))


def find_package(module):
    """The package that a module belongs to: a line of MAY_IMPORT, or the ground."""
    name = module
    while name not in MAY_IMPORT and "." in name:
        name = name.rpartition(".")[0]
    return name


@cache
def list_imports(module):
    """Every composegen module that a module imports, within functions too."""
    found = set()
    for node in walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {name for name in named if name.partition(".")[2] in MODULES}
            found |= inner | ({node.module} if named - inner else set())
    names = {each.removeprefix("composegen.") for each in found if "." in each}
    return frozenset(names & MODULES.keys())


def may_import(package, other):
    allowed = () if package in GROUND else MAY_IMPORT[package]
    return allowed is ANY or package == other or other in {*allowed, *GROUND}


def test_every_module_belongs_to_a_package():
    known = {*GROUND, *MAY_IMPORT}
    assert [each for each in MODULES if find_package(each) not in known] == []


def test_imports_between_packages_point_one_way():
    wrong = {
        (module, imported)
        for module in MODULES
        for imported in list_imports(module)
        if not may_import(find_package(module), find_package(imported))
    }

    assert wrong == set()


def test_other_packages_import_only_the_face_of_a_package():
    imported_from_outside = {
        imported
        for module in MODULES
        for imported in list_imports(module)
        if find_package(module) != find_package(imported)
    }
    inner = {each for each in imported_from_outside if find_package(each) in FACES}
    faces = {
        package if name == "__init__" else f"{package}.{name}"
        for package, names in FACES.items()
        for name in names
    }

    assert inner - faces == set(), "not a face of its package"
    assert faces - inner == set(), "no other package imports it: take it out of FACES"


@pytest.mark.parametrize("package", [*MAY_IMPORT, "the ground floor"])
def test_a_package_has_no_cycle(package):
    modules = {
        module
        for module in MODULES
        if find_package(module) == package
        or (package == "the ground floor" and module in GROUND)
    }
    imports = {module: list_imports(module) & modules for module in modules}

    graphlib.TopologicalSorter(imports).prepare()


def list_importers(package):
    """The modules that import a package of others."""
    found = set()
    for module in MODULES:
        for node in walk(module):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            if any(name.partition(".")[0] == package for name in names):
                found.add(module)
    return found


def list_callers(name):
    return {module for module in MODULES if name in list_calls(module)}


@cache
def list_calls(module):
    """What a module calls, as its source names it."""
    calls = (node for node in walk(module) if isinstance(node, ast.Call))
    return frozenset(ast.unparse(node.func) for node in calls)


def test_only_the_commands_and_the_console_know_click():
    packages = {find_package(module) for module in list_importers("click")}
    assert packages <= {"commands", "terminal"}


def test_only_the_commands_exit():
    callers = list_callers("sys.exit") | list_callers("SystemExit")
    assert {find_package(module) for module in callers} <= {"commands"}


def test_there_is_one_way_to_say_record():
    assert list_importers("dataclasses") == set()


def test_one_module_knows_the_docker_sdk():
    assert list_importers("docker") == {"places.engine.sdk"}


# Only `terminal` writes to a stream


def list_writes(module):
    """The calls in a module that write to something, by their names."""
    return {
        ast.unparse(node.func)
        for node in walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"write", "writelines", "writev", "pwrite"}
    }


def names_stream(node):
    """Whether it is one of Python's own streams, by whichever name."""
    if isinstance(node, ast.Attribute):
        return node.attr in {"stdout", "stderr", "__stdout__", "__stderr__"} and (
            ast.unparse(node.value) == "sys"
        )
    return isinstance(node, ast.ImportFrom) and node.module == "sys"


def test_nothing_prints_by_itself():
    calls = ("print", "click.echo", "click.secho", "click.echo_via_pager")
    assert [each for each in calls if list_callers(each)] == []


def test_only_the_terminal_writes_to_a_stream():
    written = {
        (module, call)
        for module in MODULES
        if find_package(module) != "terminal"
        for call in list_writes(module)
    }

    assert written == WRITES.keys()


def test_only_the_terminal_and_the_commands_know_the_streams():
    """The commands' glue lets a stream go that is closed; it writes to none."""
    knowing = {
        find_package(module)
        for module in MODULES
        if any(names_stream(node) for node in walk(module))
    }

    assert knowing == {"terminal", "commands"}


def test_no_place_knows_the_terminal():
    places = {each for each in MAY_IMPORT if each.partition(".")[0] == "places"}
    knowing = {
        module
        for module in MODULES
        if find_package(module) in places
        for imported in list_imports(module)
        if find_package(imported) == "terminal"
    }

    assert knowing == set()
