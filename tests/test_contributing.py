"""CONTRIBUTING.md agrees with the Makefile and the packages."""

import re
from pathlib import Path

import pytest

from tests.test_walls import GROUND

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*##", MAKEFILE, re.MULTILINE))


def test_every_target_that_is_named_exists() -> None:
    told = {
        target
        for words in re.findall(r"make ((?:[a-z0-9-]+ ?)+)", TEXT)
        for target in words.split()
        if "`make " + words.strip() in TEXT or f"\nmake {words.strip()} " in TEXT
    }
    assert {"setup", "check", "test", "fuzz", "audit", "reference"} <= told
    assert told <= TARGETS


def test_every_target_that_stands_in_the_list_is_phony() -> None:
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].replace("\\\n", " ").split()) >= TARGETS


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`([\w./-]+/[\w.-]*\w)`", TEXT)))
)
def test_every_path_that_is_named_exists(path: str) -> None:
    if not path.startswith("dist") and "PACKAGE" not in path:
        assert (ROOT / path).exists()


def list_packages() -> set[str]:
    """Every folder of composegen that holds modules, dotted, as the page names it."""
    root = ROOT / "composegen"
    return {
        ".".join(file.parent.relative_to(root).parts)
        for file in root.glob("*/**/*.py")
        if file.name != "__init__.py"
    }


def test_the_page_names_the_packages_that_exist() -> None:
    layout = TEXT.partition("\n## How the code is laid out\n")[2].partition("\n## ")[0]
    packages, _, ground = layout.partition("\n| ground floor |")
    named = re.findall(r"^\| `([\w.]+)` \|", packages, re.MULTILINE)
    modules = re.findall(r"`(\w+)`", ground.partition("\n\n")[0])

    assert len(set(named)) == len(named)
    assert set(named) == list_packages()
    assert sorted(modules) == sorted(GROUND)


def test_the_time_of_fuzzing_is_the_makefile_s() -> None:
    [seconds] = re.findall(r"^FUZZ_SECONDS := (\d+)$", MAKEFILE, re.MULTILINE)
    assert f"`FUZZ_SECONDS` ({seconds})" in TEXT


def test_what_runs_outside_the_gate_has_a_target_and_a_dated_result() -> None:
    text = (ROOT / "benchmarks" / "LONG.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `make ([\w-]+)` \| (.+) \| (.*) \| (.*) \|$", re.MULTILINE)
    rows = row.findall(text)

    assert {name for name, *_ in rows} <= TARGETS
    assert {"chaos", "fuzz", "mutants", "runtimes"} <= {name for name, *_ in rows}
    for name, shows, day, result in rows:
        assert shows, name
        assert result, name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d|never", day), name
