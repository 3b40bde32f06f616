"""What holds for the loader whatever bytes it is given."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import yaml
from hypothesis import strategies as st

from composegen.errors import Problem, ProblemsFound, SelectionError
from composegen.model import Stack
from composegen.planning.asking import find_helper
from composegen.planning.plan import make_plan
from composegen.planning.printing import format_plan
from composegen.stackfile.catalogue import LEVELS
from composegen.stackfile.load import load_stack
from composegen.targets.compose.render import render_plan
from composegen.targets.mermaid import draw_plan
from tests.hostile_values import VALUES

ROOT = Path(__file__).parents[2]
_LINE_ENDS = frozenset("\n\r\x85\u2028\u2029")


@cache
def find_folder() -> Path:
    """A folder for stack files, kept as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="composegen-fuzz-"))
    (folder / "Dockerfile").write_text("FROM python:3.13-slim\nUSER 1000\n")
    (folder / ".env").write_text("A=1\n")
    return folder


def list_seeds() -> list[bytes]:
    """Stack files to begin with: every lesson and every page of a problem."""
    examples = sorted(ROOT.glob("examples/*/stack.yaml"))
    seeds = [path.read_bytes() for path in examples]
    for page in sorted(ROOT.glob("templates/problems/*.md")):
        blocks = page.read_text(encoding="utf-8").split("```")[1::2]
        seeds += [
            block.removeprefix("yaml").lstrip("\n").encode()
            for block in blocks
            if block.startswith("yaml")
        ]
    return seeds


def check_problem(problem: Problem, lines: int) -> None:
    """A problem is a listed one, in one printable line, at a place of the file."""
    assert problem.name in LEVELS
    assert problem.message
    assert problem.message.isprintable()
    assert all(line.isprintable() for line in problem.help.split("\n"))
    where = problem.location
    assert 0 <= where.line <= lines
    assert not where.line or 1 <= where.column <= len(where.text) + 1
    assert not _LINE_ENDS & set(where.text)


def check_loading(data: bytes) -> None:
    """Any bytes become a stack or a list of problems: nothing else, and the same twice.

    What becomes a stack can be planned, drawn and rendered, and PyYAML reads it.
    """
    path = find_folder() / "stack.yaml"
    path.write_bytes(data)
    try:
        loaded = load_stack(path, "stack.yaml")
    except ProblemsFound as found:
        problems, stack = found.problems, None
        assert any(LEVELS[problem.name] == "error" for problem in problems)
    else:
        problems, stack = loaded.problems, loaded.stack
    text = data.decode("utf-8", errors="replace")
    lines = 1 + sum(text.count(end) for end in _LINE_ENDS)
    for problem in problems:
        check_problem(problem, lines)
    assert list(problems) == sorted(problems, key=lambda problem: problem.order)
    is_empty = any(problem.name == "all-excluded" for problem in problems)
    if stack is not None and not is_empty:
        check_carrying_out(stack)


def check_carrying_out(stack: Stack) -> None:
    """A stack without errors can be planned, drawn and rendered."""
    try:
        plan = make_plan(stack)
    except SelectionError as error:
        raise AssertionError("the loader let through what cannot start") from error
    assert format_plan(plan)
    assert draw_plan(plan)
    [file] = render_plan(plan)
    written = yaml.safe_load(file.text)
    started = {step.service.name for step in plan.steps}
    helpers = {find_helper(step.service) for step in plan.steps} - {""}
    assert [name for name in written["services"] if name not in helpers] == [
        name for name in stack.services if name in started
    ]
    assert set(written["services"]) == started | helpers
    [again] = render_plan(plan)
    assert again.text == file.text


WORDS = """name services volumes secrets recipes relax compose x-a image build use port
publish health needs otherwise env replicas note job enabled resources local command
dir environment env_file volumes tmpfs cap_add user hostname labels ulimits sysctls
until healthy finished started true false null http tcp none boot interval timeout
retries host tool redis postgres mariadb nginx app db : - , [ ] { } & * ! | > ' " % @ `
# << *a &a ${A} ${A:-b}
$$ 1 0 -1 1e3 0x1F 012 30s 8080 8080:80 /path ./a ../a /etc/passwd
""".split()
_pieces = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(VALUES),
    st.sampled_from(["\n", "\n  ", "\n    ", "\n      ", ": ", "- ", " ", "\t", ","]),
    st.text(max_size=5),
)
_scribbles = st.lists(_pieces, max_size=60).map("".join)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    """A real stack file with pieces taken out, doubled and put in."""
    text = draw(st.sampled_from(list_seeds())).decode()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 40))
        cut = text[start : start + length]
        put = draw(st.one_of(_pieces, st.just(""), st.just(cut * 2)))
        text = text[:start] + put + text[start + length :]
    return text


files = st.one_of(
    _mutated().map(lambda text: text.encode("utf-8", "surrogatepass")),
    _scribbles.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=80),
)
