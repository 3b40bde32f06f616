"""What `why` says and advises, read from the sources of the causes.

Every cause is written once, as ``Cause(CauseName.X, text, help)`` or as a row of a
table. This reads those texts with `ast`; what a text fills in becomes a word such as
``PORT``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from composegen.records import record
from scripts.cause_words import CALLS, FILLED, WORDS

PLACES = ("engine", "processes", "cluster")
SOURCES = Path(__file__).parents[1] / "composegen" / "places"
_SUBJECTS = frozenset({"notes", "noted", "unit", "noted.name", "unit.name"})
_COMMAND = re.compile(
    r"\b(?:composegen (?:up|run|doctor|logs|start|secrets|push|restart)"
    r"|docker (?:login|network|system|builder|inspect)|kubectl|rmdir|chmod|chown|cd)"
    r"(?: (?:[^;,:#`]|,(?=\S))*[^;,:#`\s])?"
    r"|(?<![\w-])--[a-z][\w-]*"
    r"|\b(?:relax|build): \{[^}]*\}|\bprobe_image: \S+|\bbuild: DIR"
)
UNKNOWN = ".."
"""What stands for an expression that has no word."""
_LINE = re.compile(r"[\w.{-]+: ?\S")


@record(kw_only=False)
class Row:
    """A cause in a place: what is said of it, and what to do."""

    place: str
    name: str
    text: str
    help: str


def read_rows() -> list[Row]:
    """Every cause, in the order of the sources."""
    found: dict[tuple[str, str], Row] = {}
    for place in PLACES:
        for path in sorted((SOURCES / place).glob("*.py")):
            for row in read_source(path.read_text(encoding="utf-8"), place):
                found.setdefault((place, row.name), row)
    return list(found.values())


def read_source(source: str, place: str) -> Iterator[Row]:
    """The causes of one file."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for owner in (tree, *functions):
        for node in _walk_own(owner):
            name, words = _find_words(node)
            if name:
                scope = _Scope(owner, tree, before=node.lineno)
                texts = [*map(scope.write, words), "", ""]
                if isinstance(node, ast.Tuple):
                    texts = [_fill(each, name) for each in texts]
                yield Row(place, name, _clean(texts[0]), _clean(texts[1]))


def _walk_own(owner: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, or of a file, that are in no function inside it."""
    for child in ast.iter_child_nodes(owner):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _walk_own(child)


def _spread(parts: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """Expressions, with those of ``*pair`` one by one."""
    for part in parts:
        if isinstance(part, ast.Starred):
            for number in range(2):
                yield ast.Subscript(part.value, ast.Constant(number), ast.Load())
        else:
            yield part


def _find_words(node: ast.AST) -> tuple[str, Sequence[ast.expr]]:
    """The name of a cause with its text and its help, where a node is one."""
    parts: Sequence[ast.expr] = ()
    match node:
        case ast.Call(func=ast.Name(id="Cause"), args=args):
            parts = tuple(_spread(args))
        case ast.Call(func=ast.Name(id="Failure"), keywords=keywords):
            given = {each.arg: each.value for each in keywords}
            if "cause_name" in given:
                parts = [given[key] for key in ("cause_name", "cause", "help")]
        case ast.Tuple(elts=[ast.Attribute() as first, _, text, help]):
            parts = [first, text, help]  # what is searched for is not shown
        case _:
            return "", ()
    for each in ast.walk(parts[0]) if parts else ():
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "CauseName":
            return each.attr, parts[1:]
    return "", ()


class _Scope:
    """Writes the expressions of a function as a page shows them.

    A name is what it was last set to before a line; where that has no words, or the
    name is handed in, it is what the table of words says.
    """

    def __init__(self, owner: ast.AST, module: ast.Module, *, before: int) -> None:
        self._own = _read_assigned(_walk_own(owner), before)
        self._shared = _read_assigned(module.body, before)
        self._owner = owner.name if isinstance(owner, ast.FunctionDef) else ""

    def write(self, node: ast.expr) -> str:
        """The words of an expression."""
        whole = "" if isinstance(node, ast.Name) else ast.unparse(node)
        return WORDS[whole] if whole in WORDS else self._write_parts(node)

    def _write_parts(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(map(self.write, parts))
            case ast.FormattedValue(value=value) | ast.Starred(value=value):
                return self.write(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.write(left) + self.write(right)
            case ast.IfExp(body=body, orelse=other):
                return self._write_first([body, other])
            case ast.BoolOp(values=values):
                return self._write_first(values)
            case ast.Name(id=name):
                return self._write_name(name)
            case ast.Call():
                return self._write_call(node)
            case ast.Attribute(attr=attr):
                return attr.upper().replace("_", "-")
        return UNKNOWN

    def _write_first(self, nodes: Iterable[ast.expr]) -> str:
        written = [words for node in nodes if (words := self.write(node))]
        known = [words for words in written if UNKNOWN not in words]
        return next(iter([*known, *written]), "")

    def _write_name(self, name: str) -> str:
        if f"{self._owner}.{name}" in WORDS:
            return WORDS[f"{self._owner}.{name}"]
        for assigned in (self._own, self._shared):
            if name in assigned:
                written = self.write(assigned[name])
                if written != UNKNOWN:
                    return written
        return WORDS.get(name) or name.upper().replace("_", "-")

    def _write_call(self, node: ast.Call) -> str:
        function = ast.unparse(node.func).rpartition(".")[2]
        if function in CALLS:
            return CALLS[function]
        match function:
            case "write_health" | "describe_health":
                return f"health: {{.., {self.write(node.args[-1])}}}"
            case "_write_kubectl":
                return " ".join(["kubectl", *map(self.write, _drop_subject(node))])
            case "quote_path":
                return self.write(node.args[0])
            case "advise" | "advise_for":
                given = map(self.write, _drop_subject(node))
                return _join(filter(None, given))
        return _find_word(ast.unparse(node))


def _drop_subject(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call, without the service that it is about."""
    return [arg for arg in call.args if ast.unparse(arg) not in _SUBJECTS]


def _find_word(expression: str) -> str:
    """What stands for an expression: its word, or dots where it has none."""
    return WORDS.get(expression, UNKNOWN)


def _read_assigned(nodes: Iterable[ast.AST], before: int) -> dict[str, ast.expr]:
    """What each name was last set to before a line."""
    found: dict[str, ast.expr] = {}
    for node in nodes:
        if getattr(node, "lineno", before) >= before:
            continue
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                found |= dict(_pair(names, value))
            case ast.AugAssign(target=ast.Name(id=name), value=value) if name in found:
                found[name] = ast.BinOp(found[name], ast.Add(), value)
    return found


def _pair(names: Sequence[ast.expr], value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Each name of ``a, b = value`` with its part of the value."""
    for number, name in enumerate(map(ast.unparse, names)):
        if isinstance(value, ast.Tuple):
            yield name, value.elts[number]
        else:
            yield name, ast.Subscript(value, ast.Constant(number), ast.Load())


def _fill(text: str, name: str) -> str:
    """A text of a table with words for what is filled in."""
    words = {"image": "IMAGE", "_1": "NAME", "found": "NAME", **FILLED.get(name, {})}
    filled = text.format_map(defaultdict(str, words))
    return filled.rstrip(": ")


def _join(lines: Iterable[str]) -> str:
    """Lines of advice as one; what is a line of a file is set as code."""
    quoted = [f"`{line}`" if _LINE.match(line) else line for line in lines]
    return "in the stack file: " + "; ".join(quoted).replace(":; ", ": ")


def _clean(text: str) -> str:
    """A text in one line, with the commands in it set as code."""
    line = " ".join(re.sub(r"(?<!:)\n", "; ", text).split())
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        part if part.startswith("`") else _COMMAND.sub(r"`\g<0>`", part)
        for part in parts
    )
