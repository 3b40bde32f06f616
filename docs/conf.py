"""How the site is built: Markdown pages, and the problems from their one source."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "composegen"
author = "the composegen maintainers"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "composegen"
html_static_path = ["pictures"]
exclude_patterns = ["pictures"]
# Links to headings, checked like the others.
myst_heading_anchors = 3
nitpicky = True
# Examples of broken YAML cannot be coloured, and show what is broken.
suppress_warnings = ["misc.highlighting_failure"]
# The same pages in every build.
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_last_updated_fmt = None


def write_problems(_: Sphinx, name: str, source: list[str]) -> None:
    """Add what ``composegen explain`` says of each problem to the page of them."""
    if name != "problems":
        return
    from composegen.stackfile.guide import list_problems, read_problem_page

    for level, problem, title in list_problems():
        _, _, text = read_problem_page(problem).partition("\n")
        # Anchors of their own for eighty examples would fill the contents.
        text = re.sub(r"^## (.*)$", r"**\1**", text, flags=re.MULTILINE)
        # What follows the language is the name of the file that is shown.
        text = re.sub(r"^```(\w+) (\S+)$", r"`\2`:\n\n```\1", text, flags=re.MULTILINE)
        source[0] += f"\n## {problem}\n\n*{level}*: **{title}**\n{text}"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", write_problems)
