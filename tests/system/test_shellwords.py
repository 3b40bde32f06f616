"""A text that is put into a shell command is one word there, wherever it stands."""

import subprocess

import pytest

from composegen.system.shellwords import find_open_quote, quote_inside

PATHS = ["/data", "/my shop", "/it's", '/a "b" $HOME `id` \\ c', "/a;b|c&d"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("printf %s ", ""),
        ("printf %s --x=", "/y"),
        ('printf %s "', '/y"'),
        ("printf %s '", "/y'"),
        ("printf %s a\\'", ""),
        ("printf %s 'a\\'", ""),
        ('printf %s "a\\"b', '"'),
    ],
)
def test_it_is_one_word(path, before, after):
    def say(text):
        command = f"{before}{text}{after}"
        return subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, check=True
        ).stdout

    assert say(quote_inside(before, path)) == say("X").replace("X", path)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("", ""),
        ("a 'b", "'"),
        ("a 'b'", ""),
        ('a "b', '"'),
        ("a \"b'", '"'),
        ("'a\"", "'"),
        ("\\'", ""),
        ("'\\'", ""),
        ("\\", ""),
    ],
)
def test_the_quote_that_is_open_is_found(text, quote):
    assert find_open_quote(text) == quote
