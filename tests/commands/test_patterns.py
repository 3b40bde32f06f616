"""PyYAML is imported quickly by the command line, and is the same PyYAML."""

import re
import subprocess
import sys

from composegen.commands.patterns import import_quickly

SCRIPT = """
import re, sys
compile_now = re.compile
from composegen.commands.patterns import import_quickly
import_quickly("yaml")
import yaml
assert re.compile is compile_now
assert type(yaml.reader.Reader.NON_PRINTABLE).__name__ == "_Later"
text = "{a: 1, b: 2001-12-14, c: yes, d: 1.5, e: 0x1F, f: '<<', g: null, h: \\u00e9}"
print(yaml.load(text, Loader=yaml.SafeLoader))
try:
    yaml.load("a: \\x07", Loader=yaml.SafeLoader)
except yaml.reader.ReaderError as error:
    print(error.reason)
print(yaml.safe_dump({"a": "1", "b": "yes", "c": "2001-12-14"}))
"""
PLAIN = SCRIPT.replace('import_quickly("yaml")\n', "").replace(
    'assert type(yaml.reader.Reader.NON_PRINTABLE).__name__ == "_Later"\n', ""
)


def run(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout


def test_what_is_read_and_written_is_the_same() -> None:
    assert run(SCRIPT) == run(PLAIN) != ""


def test_one_that_is_imported_already_stays_as_it_is() -> None:
    import yaml

    import_quickly("yaml")

    assert isinstance(yaml.reader.Reader.NON_PRINTABLE, re.Pattern)


def test_a_program_that_imports_composegen_has_its_own() -> None:
    script = (
        "import composegen; composegen.own_dependencies; "
        "import composegen.stackfile.load, yaml; "
        "print(type(yaml.reader.Reader.NON_PRINTABLE).__name__)"
    )
    assert run(script) == "Pattern\n"


TEMPLATE = """
from composegen.commands.patterns import import_quickly
import_quickly("jinja2")
import jinja2
template = jinja2.Environment(autoescape=True).from_string(
    "{% for x in xs if x > 1 %}{{ x|string|title }} {{ '<a>'|striptags }} {{ 1.5e3 }}"
    "{{ 'see http://a.b'|urlize }}{# no #}{% endfor %}"
)
print(template.render(xs=[1, 2, 3]))
"""


def test_templates_are_compiled_as_before() -> None:
    plain = TEMPLATE.replace('import_quickly("jinja2")\n', "")
    assert run(TEMPLATE) == run(plain) != ""
