"""Writes ``composegen/targets/compose/filled.py``: the Compose template as a function.

The template stays the source. As Python it needs no Jinja at run time, whose import
took 116 of the 496 million instructions of ``composegen render``. Jinja's own parser
reads it; what a template may use is what is translated here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "templates" / "compose" / "compose.yaml.j2"
MODULE = ROOT / "composegen" / "targets" / "compose" / "filled.py"
HEAD = '''\
"""Made by `make templates` from templates/compose/compose.yaml.j2: change that."""

from collections.abc import Mapping
from typing import Any

from composegen.targets.quoting import (
    begin_key,
    is_nested,
    quote_scalar,
    write_block,
    write_comment,
    write_flow,
)


def fill(context: Mapping[str, Any]) -> str:
    """The text of compose.yaml.j2 for a context."""
'''
FILTERS = {
    "block": "write_block({})",
    "comment": "write_comment({})",
    "flow": "write_flow({})",
    "key": "begin_key({})",
    "string": "str({})",
}
TESTS = {
    "mapping": "isinstance({}, Mapping)",
    "nested": "is_nested({})",
}
COMPARED = {"eq": "==", "ne": "!=", "in": "in", "notin": "not in"}
INDENT = "    "


class NotTranslated(Exception):
    """The template uses something that has no translation yet."""

    def __init__(self, node: nodes.Node) -> None:
        name = type(node).__name__
        super().__init__(f"{TEMPLATE.name}:{node.lineno}: {name} is not translated")


class Translator:
    """Statements and expressions of a template as Python."""

    def __init__(self) -> None:
        self.loops: list[str] = []

    def translate(self, template: nodes.Template) -> Iterator[str]:
        """The body of the function."""
        stored = {name.name for name in template.find_all(nodes.Name) if is_set(name)}
        read = dict.fromkeys(name.name for name in template.find_all(nodes.Name))
        for name in read:
            if name not in stored | {"loop"}:
                yield f"{INDENT}{name} = context[{name!r}]"
        yield f"{INDENT}parts: list[str] = []"
        yield f"{INDENT}add = parts.append"
        yield from self._write_all(template.body, INDENT)
        yield f'{INDENT}return "".join(parts)'

    def _write_all(self, body: list[nodes.Node], space: str) -> Iterator[str]:
        for node in body:
            yield from self._write(node, space)

    def _write(self, node: nodes.Node, space: str) -> Iterator[str]:
        match node:
            case nodes.Output():
                yield from (f"{space}add({self._print(n)})" for n in node.nodes)
            case nodes.Assign(target=nodes.Name(name=name)):
                yield f"{space}{name} = {self._say(node.node)}"
            case nodes.If():
                yield from self._write_if(node, space)
            case nodes.For(else_=[], test=None, recursive=False):
                yield from self._write_for(node, space)
            case _:
                raise NotTranslated(node)

    def _write_if(self, node: nodes.If, space: str) -> Iterator[str]:
        yield f"{space}if {self._say(node.test)}:"
        yield from self._write_all(node.body, space + INDENT)
        for other in node.elif_:
            yield f"{space}elif {self._say(other.test)}:"
            yield from self._write_all(other.body, space + INDENT)
        if node.else_:
            yield f"{space}else:"
            yield from self._write_all(node.else_, space + INDENT)

    def _write_for(self, node: nodes.For, space: str) -> Iterator[str]:
        target, items = self._say(node.target), self._say(node.iter)
        counter = f"count_{len(self.loops)}"
        if any(name.name == "loop" for name in node.find_all(nodes.Name)):
            target, items = f"{counter}, {target}", f"enumerate({items})"
        self.loops.append(counter)
        yield f"{space}for {target} in {items}:"
        yield from self._write_all(node.body, space + INDENT)
        self.loops.pop()

    def _print(self, node: nodes.Node) -> str:
        """What is printed: a text of the template, or a value, quoted."""
        match node:
            case nodes.TemplateData():
                return repr(node.data)
            case nodes.Filter() | nodes.Call():
                return self._say(node)
        return f"quote_scalar({self._say(node)})"

    def _say(self, node: nodes.Node | None) -> str:
        match node:
            case nodes.Name():
                return node.name
            case nodes.Const():
                return repr(node.value)
            case nodes.Tuple() | nodes.List():
                return f"({', '.join(map(self._say, node.items))},)"
            case nodes.Getattr(node=nodes.Name(name="loop"), attr="first"):
                return f"{self.loops[-1]} == 0"
            case nodes.Getattr():
                return f"{self._say(node.node)}.{node.attr}"
            case nodes.Concat():
                values = (f"{{{self._say(each)}}}" for each in node.nodes)
                return "".join(('f"', *values, '"'))
            case nodes.Filter(kwargs=[], name=name) if name in FILTERS:
                values = ", ".join(map(self._say, (node.node, *node.args)))
                return FILTERS[name].format(values)
            case nodes.Call(kwargs=[]):
                values = ", ".join(map(self._say, node.args))
                return f"{self._say(node.node)}({values})"
        return self._say_condition(node)

    def _say_condition(self, node: nodes.Node | None) -> str:
        match node:
            case nodes.Test(args=[], kwargs=[], name=name) if name in TESTS:
                return TESTS[name].format(self._say(node.node))
            case nodes.Compare(ops=[op]):
                sign = COMPARED[op.op]
                return f"({self._say(node.expr)} {sign} {self._say(op.expr)})"
            case nodes.Not():
                return f"(not {self._say(node.node)})"
            case nodes.And() | nodes.Or():
                word = type(node).__name__.lower()
                return f"({self._say(node.left)} {word} {self._say(node.right)})"
            case nodes.CondExpr():
                first, other = self._say(node.expr1), self._say(node.expr2)
                return f"({first} if {self._say(node.test)} else {other})"
        assert node is not None
        raise NotTranslated(node)


def is_set(name: nodes.Name) -> bool:
    """Whether a name is given a value there."""
    return name.ctx in {"store", "param"}


def write_module() -> str:
    """The whole module."""
    environment = Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    template = environment.parse(TEMPLATE.read_text(encoding="utf-8"))
    return HEAD + "\n".join(Translator().translate(template)) + "\n"


def main() -> None:
    """Write the module; with ``--check`` only say whether it is as it should be."""
    text = write_module()
    if "--check" in sys.argv[1:]:
        is_same = MODULE.is_file() and MODULE.read_text(encoding="utf-8") == text
        sys.exit(0 if is_same else f"{MODULE.name} is stale: make templates")
    MODULE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
