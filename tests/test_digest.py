"""A digest is the same one that hashlib makes."""

import hashlib
import sys

import pytest

from composegen import digest
from composegen.digest import hash_text

TEXTS = ("", "name: web\n", "\u00e4\U0001f600" * 1000)


@pytest.mark.parametrize("text", TEXTS)
def test_a_digest_is_the_sha256_of_the_text(text: str) -> None:
    assert hash_text(text) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("text", TEXTS)
def test_a_python_without_its_own_makes_it_with_hashlib(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "_MODULE", "no_such_module")

    assert hash_text(text) == hashlib.sha256(text.encode()).hexdigest()


def test_this_python_has_its_own() -> None:
    hash_text("")

    assert digest._MODULE in sys.modules
