"""Imports point one way: a module imports only ranks below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "composegen"

RANKS = {
    "errors": 1,
    "oserrors": 0,
    "records": 0,
    "paths": 1,
    "resources": 2,
    "catalogue": 2,
    "graph": 1,
    "values": 2,
    "dockerfile": 3,
    "dotenv": 5,
    "model": 3,
    "problems": 3,
    "source": 5,
    "syntax": 4,
    "status": 3,
    "timeline": 3,
    "facts": 4,
    "files": 4,
    "probes": 4,
    "quoting": 4,
    "header": 4,
    "reading": 6,
    "inline": 4,
    "projects": 3,
    "shellwords": 0,
    "healthcheck": 5,
    "translate": 6,
    "composekeys": 7,
    "selection": 7,
    "healthkeys": 8,
    "merging": 8,
    "moving": 7,
    "needkeys": 9,
    "hardening": 8,
    "ownkeys": 10,
    "wiring": 10,
    "shape": 11,
    "recipes": 12,
    "secretfiles": 12,
    "checks.checked": 13,
    "checks.*": 14,
    "checks": 15,
    "assembly": 13,
    "toplevel": 14,
    "loader": 20,
    "plan": 20,
    "templatecache": 20,
    "children": 20,
    "events": 20,
    "guardian": 20,
    "launch": 20,
    "logs": 20,
    "listeners": 21,
    "processes": 21,
    "health": 22,
    "localenv": 23,
    "localstores": 24,
    "runfiles": 24,
    "localplan": 25,
    "localunits": 26,
    "causes": 27,
    "claims": 28,
    "runtimes": 29,
    "runtimes.process": 30,
    "control": 30,
    "foreground": 31,
    "tended": 31,
    "voice": 32,
    "tending": 33,
    "supervisor": 34,
    "runconsole": 33,
    "session": 35,
    "running": 36,
    "place": 36,
    "library": 37,
    "reasons": 21,
    "containers": 20,
    "endpoint": 20,
    "runtimes.engine": 30,
    "compose": 30,
    "statefolder": 20,
    "platforms": 20,
    "upnotes": 22,
    "noting": 23,
    "finding": 36,
    "doctor": 36,
    "judging": 25,
    "enginestatus": 25,
    "evidence": 24,
    "complaints": 25,
    "logcauses": 25,
    "enginecauses": 26,
    "gathering": 30,
    "enginewhy": 31,
    "upconsole": 34,
    "booting": 35,
    "upping": 36,
    "engineplace": 36,
    "mermaid": 30,
    "render": 30,
    "guide": 31,
    "output": 31,
    "schema": 31,
    "scaffold": 31,
    "console": 32,
    "cli.group": 37,
    "cli.options": 38,
    "cli.*": 39,
    "cli": 40,
    "__main__": 41,
    "__init__": 41,
}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def find_rank(module: str) -> int:
    name = module.removesuffix(".__init__") if module != "__init__" else module
    if name in RANKS:
        return RANKS[name]
    folder = f"{name.rpartition('.')[0]}.*"
    assert folder in RANKS, f"{name} has no rank"
    return RANKS[folder]


def list_imports(path: Path) -> set[str]:
    """Every composegen module that a file imports, within functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: a relative import"
            module = node.module or ""
            named = {f"{module}.{alias.name}" for alias in node.names}
            inner = {name for name in named if name.partition(".")[2] in MODULES}
            found |= inner
            if named - inner:
                found.add(module)
    names = {
        name.removeprefix("composegen.") for name in found if "composegen." in name
    }
    return {name for name in names if name in MODULES or f"{name}.__init__" in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_lower_ranks(module: str) -> None:
    rank = find_rank(module)
    higher = {name for name in list_imports(MODULES[module]) if find_rank(name) >= rank}
    assert not higher, f"{module} (rank {rank}) imports {sorted(higher)}"


def test_every_rank_belongs_to_a_module() -> None:
    known = {name.removesuffix(".__init__") for name in MODULES}
    folders = {f"{name.rpartition('.')[0]}.*" for name in known if "." in name}
    assert set(RANKS) <= known | folders


def _get_packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def _imports(package: str) -> set[str]:
    found = set()
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            if any(name.partition(".")[0] == package for name in names):
                found.add(module)
    return found


def test_only_cli_and_console_know_click() -> None:
    assert _get_packages(_imports("click")) <= {"cli", "console"}


def test_there_is_one_way_to_say_record() -> None:
    assert _imports("dataclasses") == set()


def test_only_the_engine_knows_the_docker_sdk() -> None:
    assert _imports("docker") <= {"runtimes.engine"}


def _calls(name: str) -> set[str]:
    return {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    }


def test_only_cli_exits() -> None:
    assert _get_packages(_calls("sys.exit") | _calls("SystemExit")) <= {"cli"}


def test_nothing_prints_by_itself() -> None:
    assert _calls("print") == set()
