"""What the command line imports quickly or later is the same library."""

import gc
import re
import subprocess
import sys

from composegen.system.imports import import_later, import_quickly, keep_imported

SCRIPT = """
import re, sys
compile_now = re.compile
from composegen.system.imports import import_quickly
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
from composegen.system.imports import import_quickly
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


LATER = """
import sys
from composegen.system.imports import import_later
import_later("colorsys")
import_later("colorsys")
first = sys.modules["colorsys"]
assert "hls_to_rgb" not in vars(first)
import colorsys
import colorsys as again
assert "hls_to_rgb" not in vars(first) and again is colorsys is first
from colorsys import hls_to_rgb
assert type(first) is type(sys) and hls_to_rgb is first.hls_to_rgb
print(first.__name__, first.rgb_to_hsv(1, 0, 0))
try:
    first.nothing
except AttributeError as error:
    print(error)
"""


def test_a_module_is_filled_when_something_of_it_is_used() -> None:
    assert run(LATER) == (
        "colorsys (0.0, 1.0, 1)\nmodule 'colorsys' has no attribute 'nothing'\n"
    )


def test_two_threads_may_be_the_first_to_use_a_module() -> None:
    script = """
import threading
from composegen.system.imports import import_later
import_later("inspect")
import inspect
start, found = threading.Barrier(8), []
def use():
    start.wait()
    found.append(inspect.cleandoc(" a"))
threads = [threading.Thread(target=use) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print(found)
"""
    assert run(script) == f"{['a'] * 8}\n"


def test_a_module_that_is_imported_already_stays_as_it_is() -> None:
    import inspect

    import_later("inspect")

    assert sys.modules["inspect"] is inspect
    assert inspect.cleandoc(" a") == "a"


def run_command(shown: str, *words: str) -> str:
    """What an expression is at the end of a command."""
    script = (
        "import gc, sys\n"
        "from composegen.__main__ import main\n"
        "try: main()\n"
        f"finally: print({shown}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[-1]


def test_only_help_needs_inspect() -> None:
    shown = "'cleandoc' in vars(sys.modules['inspect'])"

    assert run_command(shown, "check", "-f", "nowhere") == "False"
    assert run_command(shown, "check", "--help") == "True"


def test_only_a_brief_command_never_looks_for_garbage() -> None:
    assert run_command("gc.isenabled()", "check", "-f", "nowhere") == "False"
    assert run_command("gc.isenabled()", "explain", "no-port") == "True"


def test_what_was_imported_is_not_searched_for_garbage() -> None:
    shown = "gc.get_freeze_count() > len(gc.get_objects())"

    assert run_command(shown, "explain", "no-port") == "True"


def test_a_program_with_its_own_modules_keeps_them_searched() -> None:
    gc.enable()
    frozen = gc.get_freeze_count()

    keep_imported()

    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
