"""What README and docs show is what the commands print; their links lead somewhere.

``GOLDEN=1 pytest tests/test_docs.py`` writes the output of ``console`` blocks again
where it differs. Blocks with a line that ends in ``..`` are a person's to write. How
blocks are run stands in `tests.pages`.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema

from composegen.commands.group import COMMANDS
from composegen.errors import Level, ProblemsFound
from composegen.images.facts import list_recipe_files
from composegen.model import RELAXABLE
from composegen.planning.placeholders import PLACEHOLDERS
from composegen.stackfile.catalogue import PAGES as PROBLEMS
from composegen.stackfile.hints.keys import KNOWN_TO_COMPOSE, TOP_LEVEL, translate_key
from composegen.stackfile.keys.health import HEALTH_KEYS, TOOLS
from composegen.stackfile.keys.needs import NEED_KEYS
from composegen.stackfile.keys.own import REFUSED_RAW
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.top import TOP_KEYS
from composegen.stackfile.load import load_stack
from composegen.stackfile.recipes import list_brought_keys
from composegen.stackfile.schema import make_schema
from tests.pages import (
    PAGES,
    ROOT,
    Shell,
    are_equal,
    list_ports,
    read_blocks,
    read_stacks,
    run_page,
)
from tests.parts import require_compose, require_part

DOCS = ROOT / "docs"
REWRITE = bool(os.environ.get("GOLDEN"))
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.*?)\s*$", re.MULTILINE)

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)


# Commands


@each_page
def test_commands_print_what_a_page_shows(page: Path) -> None:
    blocks = [b for b in read_blocks(page) if b.notes.get("needs") != "engine"]
    if not any(block.kind == "console" for block in blocks):
        return
    if any(block.notes.get("needs") == "compose" for block in blocks):
        require_compose()
    text = page.read_text()
    with Shell() as shell:
        if (
            any("stays" in block.notes for block in blocks)
            and not shell.has_own_network
        ):
            for port in list_ports(read_stacks(page)):
                require_part(is_free(port), f"port {port}, which something else has,")
        for outcome in run_page(blocks, shell):
            shown = outcome.block.text
            if are_equal(shown, outcome.text):
                continue
            is_whole = not re.search(r"\.\.$", shown, re.MULTILINE)
            if not (REWRITE and is_whole):
                pytest.fail(
                    f"{outcome.block} shows\n{shown}\n"
                    f"and this is printed:\n{outcome.text}"
                )
            text = text.replace(
                f"```console\n{shown}```", f"```console\n{outcome.text}```", 1
            )
    if REWRITE:
        page.write_text(text)


def is_free(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) != 0


PROXIES = {"nginx", "haproxy", "caddy"}
KINDS = {"console", "sh", "yaml", "python", "text", "mermaid", *PROXIES}


@each_page
def test_every_block_is_of_a_kind_that_is_looked_at(page: Path) -> None:
    for block in read_blocks(page):
        assert block.kind in KINDS, f"{block}: `{block.kind}`"
        if block.kind == "console":
            assert block.commands, f"{block}: no command"
        if block.kind == "sh":
            # These set a machine up: nothing but a bare one can tell.
            assert "fresh machine" in block.notes, f"{block}: nothing runs this"


def test_a_proxy_is_shown_with_the_settings_that_are_tested() -> None:
    tested = ROOT / "examples" / "chat" / "e2e" / "test_chat_proxies.py"
    lines = {
        line.strip().replace("{{", "{").replace("}}", "}")
        for line in tested.read_text().splitlines()
    }
    shown = [
        line.strip()
        for block in read_blocks(ROOT / "docs" / "production.md")
        if block.kind in PROXIES
        for line in block.text.splitlines()
        if not re.search(r":?80\b|:3000|http://chat", line)  # other addresses
    ]
    assert len(shown) > 10
    assert set(shown) <= lines


def test_output_may_differ_only_where_it_must() -> None:
    assert are_equal("a\n..\nz  1.5 s\n", "a\nb\nc\nz  0.25 s\n")
    assert are_equal("a ready..\n", "a ready at last\n")
    assert are_equal("started, pid 12\n", "started, pid 4711\n")
    assert are_equal("ended\n", "the run of pid 7 waits until a (pid 8) end\nended\n")
    assert not are_equal("a\nz\n", "a\nb\nz\n")
    assert not are_equal("waits 60s at worst\n", "waits 30s at worst\n")
    assert not are_equal("router\n", "backend\n")
    assert not are_equal("  a\n", "a\n")


# Links


def make_anchor(heading: str) -> str:
    """The anchor that GitHub and the site give a heading."""
    plain = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@cache
def list_anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = {make_anchor(match[2]) for match in _HEADING.finditer(text)}
    if page == DOCS / "problems.md":
        found |= {*PROBLEMS}
    return found


def list_pages_with_links() -> list[Path]:
    return [*PAGES, *sorted((ROOT / "examples").rglob("README.md"))]


@pytest.mark.parametrize(
    "page", list_pages_with_links(), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_links_lead_to_something(page: Path) -> None:
    if ".venv" in page.parts:
        pytest.skip("needs a user's environment")
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in (a or b for a, b in _LINK.findall(text)):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{page.name}: {link}"
        assert place.is_relative_to(ROOT), f"{page.name}: {link}"
        if anchor:
            assert anchor in list_anchors(place), f"{page.name}: {link}"


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    options = ["-q", "-W", "--keep-going", "-d", str(tmp_path / "made")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(tmp_path / "site")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    made = (tmp_path / "site" / "problems.html").read_text()
    for name in PROBLEMS:
        assert f'id="{name}"' in made


# The stack file


BASE = {
    "build": ".",
    "port": "8080",
    "health": "/health",
}
"""The service that keys shown alone belong to, as the page says."""


def read_sections(page: Path) -> dict[str, str]:
    """The text below each third-level heading that is a key, by that key."""
    parts = re.split(r"^###? (.*)$", page.read_text(), flags=re.MULTILINE)
    return {
        heading.strip("`"): text
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
        if heading.startswith("`")
    }


def list_examples(text: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def complete(example: str) -> str:
    """A whole stack file: one that is shown, or one around the keys of a service."""
    keys = re.findall(r"^([\w-]+):", example, re.MULTILINE)
    if "services" in keys:
        return example
    rest = {key: value for key, value in BASE.items() if key not in keys}
    if {"image", "use"} & set(keys):
        rest.pop("build", None)
    if "use" in keys or "job" in keys:
        rest.clear()
    own = textwrap.indent(example, "    ")
    needed = [
        name for name in ("db", "redis", "migrate") if re.search(rf"\b{name}\b", own)
    ]
    return f"services:\n  app:\n{indent(rest)}{own}{list_beside(needed)}"


def indent(keys: Mapping[str, str]) -> str:
    return "".join(f"    {key}: {value}\n" for key, value in keys.items())


def list_beside(names: list[str]) -> str:
    made = ""
    if "redis" in names:
        made += "  redis: {use: redis}\n"
    if "migrate" in names:
        made += "  migrate: {build: ., job: true}\n"
    if "db" in names:
        made += (
            "  db:\n    use: postgres\n"
            "    secrets: {db-password: POSTGRES_PASSWORD_FILE}\n"
            "secrets: {db-password: {generate: true}}\n"
        )
    return made


FILES = {
    "Dockerfile": "FROM python:3.12-slim\nUSER 1000:1000\n",
    ".dockerignore": ".secrets\n",
    "app.env": "COLOUR=blue\n",
    "token.txt": "t",
    "site.conf": "",
    "router/Dockerfile": "FROM python:3.12-slim\nUSER 1000:1000\n",
}


def write_files(folder: Path) -> None:
    shown = {
        block.notes["file"]: block.text
        for block in read_blocks(DOCS / "recipes.md")
        if block.notes.get("file", "").startswith("recipes/")
    }
    assert shown
    for name, text in {**FILES, **shown}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def find_problems(text: str, folder: Path) -> list[str]:
    (folder / "stack.yaml").write_text(text)
    try:
        problems = load_stack(folder / "stack.yaml", "stack.yaml").problems
    except ProblemsFound as found:
        problems = found.problems
    return [
        f"{problem.name}: {problem.location} {problem.message}"
        for problem in problems
        if problem.level is not Level.NOTE
    ]


STACK_FILE = DOCS / "stack-file.md"
SECTIONS = read_sections(STACK_FILE)


def test_every_key_has_a_section() -> None:
    schema = make_schema()
    service = next(iter(schema["properties"]["services"]["patternProperties"].values()))
    assert set(schema["properties"]) == set(TOP_KEYS)
    assert set(service["properties"]) == set(KEYS)

    both = [key for key in TOP_KEYS if key in KEYS]
    headings = re.findall(r"^### `(.*)`$", STACK_FILE.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted([*KEYS, *TOP_KEYS, "x-*"])
    assert len(headings) == len(set(headings)) + len(both)


@pytest.mark.parametrize("key", SECTIONS)
def test_the_examples_of_a_key_are_right(key: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    texts = [
        text
        for heading, text in list_headed(STACK_FILE)
        if heading == key and list_examples(text)
    ]
    assert texts, f"`{key}` has no example"
    for text in texts:
        for example in list_examples(text):
            wanted = key.replace("x-*", "x-")
            assert re.search(rf"\b{re.escape(wanted)}", example), f"{key}:\n{example}"
            whole = complete(example)
            assert find_problems(whole, tmp_path) == [], whole


def list_headed(page: Path) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^###? (.*)$", page.read_text(), flags=re.MULTILINE)
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        yield heading.strip("`"), text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("health", [*HEALTH_KEYS, *TOOLS]),
        ("needs", [*NEED_KEYS, *PLACEHOLDERS, "healthy", "started", "finished"]),
        ("needs", ["env", "replicas", "note"]),
        ("resources", ["cpus", "memory", "pids"]),
        ("local", ["command", "dir", "port", "env"]),
        ("drill", ["ask", "http", "method", "headers", "json", "body", "command"]),
        ("drill", ["expect", "status", "contains", "within", "skip"]),
        ("relax", [*RELAXABLE]),
        ("secrets", ["env", "file", "generate"]),
        ("compose", [*REFUSED_RAW]),
    ],
)
def test_every_word_below_a_key_is_documented(key: str, words: list[str]) -> None:
    text = "".join(text for heading, text in list_headed(STACK_FILE) if heading == key)
    for word in words:
        assert re.search(rf"[`{{ ]{word}\b", text), f"`{key}` does not tell `{word}`"


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "index.md"], ids=str)
def test_the_first_stack_file_that_is_shown_is_right(
    page: Path, tmp_path: Path
) -> None:
    write_files(tmp_path)
    shown = next(block for block in read_blocks(page) if block.kind == "yaml")

    assert find_problems(shown.text, tmp_path) == []


def test_a_wrong_example_would_be_found(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert find_problems(complete("publish: 80800\n"), tmp_path)
    assert find_problems(complete("needs: [nobody]\n"), tmp_path)


# The other pages


def test_the_rendered_file_is_documented_from_its_first_line_to_its_last() -> None:
    page = DOCS / "rendered-file.md"
    shown = [block.text for block in read_blocks(page) if block.kind == "yaml"]
    golden = ROOT / "examples" / "chat" / "expected" / "compose.yaml"

    lines = [line for text in shown for line in text.splitlines() if line.strip()]
    assert lines == [line for line in golden.read_text().splitlines() if line.strip()]


def read_table(page: Path, heading: str) -> dict[str, str]:
    """The second column of the tables below a heading by the words of the first."""
    text = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows: dict[str, str] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            for word in re.findall(r"`([^`]+)`", cells[0]):
                assert word not in rows, word
                rows[word] = cells[1]
    return rows


def read_compose_schema() -> Any:
    return get_builtin_schema("vendor.compose-spec")


COMING = DOCS / "from-compose.md"


def test_every_key_of_a_compose_service_has_a_word() -> None:
    schema = read_compose_schema()
    parts = ("service", "container_spec", "workload_spec")
    known = {key for part in parts for key in schema["$defs"][part]["properties"]}

    assert len(known) > 80
    assert set(read_table(COMING, "Keys of a service")) == known


def test_the_words_for_compose_keys_are_the_ones_that_check_shows() -> None:
    for key, word in read_table(COMING, "Keys of a service").items():
        if word == "as it is":
            assert key in KEYS, key
        elif word == "in `compose`":
            assert key in KNOWN_TO_COMPOSE, key
        else:
            assert word, key
            translated = translate_key(key, None)
            if key in KEYS:
                continue
            assert translated is not None, key
            own = re.findall(r"`(\w+)[`:]", word)
            said = " ".join(translated)
            assert not own or any(name in said for name in own), f"{key}: {said}"


def test_every_top_level_key_of_compose_has_a_word() -> None:
    schema = read_compose_schema()
    rows = read_table(COMING, "Keys of the top level")

    assert set(rows) == {*schema["properties"], *TOP_LEVEL}
    for key, word in rows.items():
        if word != "as it is":
            assert key in TOP_LEVEL or key == "secrets", key
        else:
            assert key in TOP_KEYS, key


def test_every_command_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    for name in COMMANDS:
        assert re.search(rf"`composegen {name}\b|`{name}`", text), name


def test_every_recipe_and_every_key_of_one_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text()
    for name in list_recipe_files():
        assert f"`{name}`" in text
    for key in list_brought_keys():
        assert f"`{key}`" in text, key


def test_every_page_is_in_the_contents() -> None:
    contents = (DOCS / "index.md").read_text()
    for page in DOCS.glob("*.md"):
        if page.stem != "index":
            assert re.search(rf"^(\w.* <)?{page.stem}>?$", contents, re.MULTILINE), page
