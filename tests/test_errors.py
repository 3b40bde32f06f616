"""Every deliberate error is in one file, drawn as it is."""

import re

import composegen.errors
from composegen.errors import ComposegenError, ExitCode
from tests.test_walls import MODULES


def list_errors(error=ComposegenError):
    return [
        error,
        *(each for below in error.__subclasses__() for each in list_errors(below)),
    ]


def import_all():
    """An error that is defined elsewhere is found only when its module is loaded."""
    for module in MODULES:
        if module != "__main__":
            __import__(f"composegen.{module}".removesuffix(".__init__"))


def test_the_drawn_tree_is_the_real_one():
    import_all()
    drawn = re.findall(
        r"[├└]── (\w+) .*?(?:exit (\d)|129, 130|126 or 127)", composegen.errors.__doc__
    )
    real = {each.__name__: each for each in list_errors()[1:]}

    assert {name for name, _ in drawn} == real.keys()
    for name, code in drawn:
        if code:
            assert real[name].exit_code == ExitCode(int(code)), name


def test_every_deliberate_error_is_defined_in_errors():
    import_all()
    assert {each.__module__ for each in list_errors()} == {"composegen.errors"}


def test_every_error_has_a_name_of_its_own():
    names = [each.name for each in list_errors()]
    assert len(names) == len(set(names))
