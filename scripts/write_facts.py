"""Writes ``composegen/images/shipped.py``: the tables of images as Python literals.

Python keeps a module compiled, so that no command has to parse nineteen files of YAML
to know one image.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
MODULE = ROOT / "composegen" / "images" / "shipped.py"
HEAD = '''\
"""Made by `make facts` from templates/images.yaml and templates/recipes: change those.

Every scalar is a text.
"""

from typing import Any
'''


def read_texts(path: Path) -> dict[str, Any]:
    """A data file, every scalar a text."""
    plain: dict[str, Any] = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
    return plain


def write_module() -> str:
    """The whole module."""
    images = read_texts(TEMPLATES / "images.yaml")
    recipes = {
        path.stem: read_texts(path)
        for path in sorted((TEMPLATES / "recipes").glob("*.yaml"))
    }
    parts = [HEAD, *_write_table("IMAGES", images), *_write_table("RECIPES", recipes)]
    return "\n".join(parts)


def _write_table(name: str, entries: dict[str, Any]) -> Iterator[str]:
    yield f"{name}: dict[str, dict[str, Any]] = {{"
    for key, entry in entries.items():
        lines = pformat(entry, width=84, sort_dicts=False).replace("\n", "\n    ")
        yield f"    {key!r}: {lines},"
    yield "}\n"


def main() -> None:
    """Write the module; with ``--check`` only say whether it is as it should be."""
    text = write_module()
    if "--check" in sys.argv[1:]:
        is_same = MODULE.is_file() and MODULE.read_text(encoding="utf-8") == text
        sys.exit(0 if is_same else f"{MODULE.name} is stale: make facts")
    MODULE.write_text(text, encoding="utf-8")
    print(f"wrote {MODULE.name}")


if __name__ == "__main__":
    main()
