"""The audit never takes silence for a clean bill of health."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FINE = {"name": "a", "version": "1", "vulns": []}
SILENT = {"name": "b", "skip_reason": "Dependency not found and could not be audited"}
OWN = {"name": "c", "skip_reason": "distribution marked as editable"}
FOUND = {
    "name": "d",
    "version": "2",
    "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}],
}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = Path(__file__).parents[1] / "scripts" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "is_well", "words"),
    [
        ([FINE, OWN], True, "1 packages looked up"),
        ([FINE, SILENT, OWN], False, "1 of 2 packages could not be looked up"),
        ([OWN], False, "0 packages looked up"),
        ([], False, "0 packages looked up"),
        ([FINE, FOUND], False, "d 2: CVE-1 (fixed in 3)"),
    ],
)
def test_all_is_well_only_when_every_package_was_answered_for(
    audit: ModuleType, packages: list[dict[str, Any]], is_well: bool, words: str
) -> None:
    lines, judged = audit.judge(packages)
    assert judged is is_well
    assert words in "\n".join(lines)
