"""Stacks of processes that fail, are helped as was told, and answer then."""

from __future__ import annotations

import http.client
import json
import re
from contextlib import suppress
from typing import Any

import yaml

from tests.leaks import wait_for
from tests.pasting import merge, read_mend, read_page
from tests.runs import end, run_cli, start_cli


class LocalStack:
    """A stack file in a folder of its own, and `composegen run` there."""

    def __init__(self, folder, *, name="") -> None:
        self.folder = folder
        self.name = name
        self.services: dict[str, Any] = {}
        self.causes: set[str] = set()
        self.images: list[str] = []

    def write(self, **services: Any) -> None:
        """Write the stack file."""
        self.services = services
        named = {"name": self.name} if self.name else {}
        text = yaml.safe_dump({**named, "services": services}, sort_keys=False)
        (self.folder / "stack.yaml").write_text(text)

    def write_file(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the folder."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)

    def fail(self, *words: str) -> str:
        """What a run says that cannot come up; all of the words are among it."""
        code, out, err = run_cli(self.folder, "run")
        assert code == 1, out + err
        for word in words:
            assert word in err, f"`{word}` is not said:\n{err}"
        last = self.folder / ".composegen" / "run" / "last.json"
        failures = json.loads(last.read_text())["failures"].values()
        self.causes |= {each["cause_name"] for each in failures if each}
        return err

    def paste(self, said: str) -> None:
        """Add the lines that were printed to the stack file."""
        name, *lines = read_mend(said)
        for line in lines:
            merge(self.services[name], yaml.safe_load(line))
        self.write(**self.services)

    def read_command(self, said: str) -> str:
        """The command line that a help ends with."""
        found: list[str] = re.findall(r"^ {8}(\S.*)$", said, re.MULTILINE)
        return found[0]

    def assert_answers(self) -> None:
        """That a run comes up, and that each service answers on its address."""
        talk = self.folder / "talk"
        with talk.open("w") as file:
            process = start_cli(self.folder, "run", stderr=file)

        def is_up() -> bool:
            assert process.poll() is None, talk.read_text()
            return "Ctrl-C ends it" in talk.read_text()

        try:
            wait_for(is_up)
            addresses = re.findall(r"127\.0\.0\.1:(\d+)(?![\d/])", talk.read_text())
            assert addresses, talk.read_text()
            for port in {int(each) for each in addresses}:
                with suppress(http.client.RemoteDisconnected):  # it speaks otherwise
                    read_page(port)
        finally:
            end(process)
