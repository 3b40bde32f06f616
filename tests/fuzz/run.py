"""Fuzzes one target for a while: ``python tests/fuzz/run.py TARGET ENGINE SECONDS``.

TARGET is loader, templates, sessions or projects. With ``hypothesis`` values are made
from a grammar, with ``atheris`` they grow by what they reach in the code. Ends with 0
when nothing was found; else what was found is printed, and kept in ``build/fuzz``.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
from hypothesis.database import DirectoryBasedExampleDatabase

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "fuzz"
TARGETS = {
    "loader": ("files", "check_loading"),
    "templates": ("cases", "check_rendering"),
    "sessions": ("schedules", "check_schedule"),
    "projects": ("projects", "check_adopting"),
}
EXAMPLES = {"projects": 25}
"""How many make a round, which is finished once it is begun; 500 of the others."""
SLOWEST = 20
"""Seconds of a processor that one input may take; a slower one is a hang."""
WAITED = 20 * SLOWEST
"""Seconds that one input may take in all, on a machine that does other things too."""


def find_tests() -> None:
    """Let ``tests`` be this project's: the chat stack's services have one each."""
    package = ModuleType("tests")
    package.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = package


def make_test(target: str) -> Callable[[], Any]:
    """The target as a hypothesis test, which either engine can drive."""
    module = import_module(f"tests.fuzz.{target}")
    strategy, check = (getattr(module, name) for name in TARGETS[target])
    settings = hypothesis.settings(
        max_examples=EXAMPLES.get(target, 500),
        deadline=WAITED * 1000,
        database=DirectoryBasedExampleDatabase(FOUND / "hypothesis"),
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )
    test: Callable[[], Any] = settings(hypothesis.given(strategy)(limit(check)))
    return test


def limit(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """A check that fails as well where it keeps a processor busy for too long."""

    def run(value: Any) -> None:
        before = sum(os.times()[:4])
        check(value)
        used = sum(os.times()[:4]) - before
        assert used < SLOWEST, f"it took {used:.0f} s of a processor"

    return run


def run_hypothesis(target: str, seconds: int) -> None:
    """Rounds of examples, each with a seed of its own, until the time is over."""
    test = make_test(target)
    end = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        test()
        rounds += 1
    each = EXAMPLES.get(target, 500)
    print(f"{target}: hypothesis found nothing in {rounds} rounds of {each}")


def run_atheris(target: str, seconds: int) -> None:
    """Inputs that reach new code are kept and changed further; never returns."""
    import atheris

    with atheris.instrument_imports(include=["composegen", "router"]):
        module = import_module(f"tests.fuzz.{target}")
    if target == "loader":
        run_one = module.check_loading
    else:
        run_one = make_test(target).hypothesis.fuzz_one_input  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory(prefix="composegen-corpus-") as name:
        corpus = Path(name, "corpus")
        corpus.mkdir()
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={WAITED}",
            f"-artifact_prefix={FOUND}/{target}-",
            "-max_len=4096",
            "-len_control=0",
            "-print_final_stats=1",
        ]
        if target == "loader":
            for number, seed in enumerate(module.list_seeds()):
                (corpus / str(number)).write_bytes(seed)
            words = Path(name, "words")
            words.write_text(write_words(module.WORDS))
            options.append(f"-dict={words}")
        atheris.Setup([sys.argv[0], *options, str(corpus)], run_one)
        atheris.Fuzz()


def write_words(words: list[str]) -> str:
    """Words as a dictionary that the fuzzer takes."""
    quoted = (re.sub(r'(["\\])', r"\\\1", word) for word in words)
    return "".join(f'"{word}"\n' for word in quoted)


def main() -> None:
    """Fuzz what the command line names."""
    target, engine, seconds = sys.argv[1:]
    FOUND.mkdir(parents=True, exist_ok=True)
    find_tests()
    run = {"hypothesis": run_hypothesis, "atheris": run_atheris}[engine]
    run(target, int(seconds))


if __name__ == "__main__":
    main()
