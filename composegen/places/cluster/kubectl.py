"""kubectl, through which everything on a cluster is asked and done.

What it reads is its own: the kubeconfig, credentials and their plugins.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from composegen.errors import (
    ClusterRefused,
    ClusterUnreachable,
    ComposegenError,
    KubectlMissing,
)
from composegen.patterns import make_pattern
from composegen.records import field, record

_ANSWER = 60.0
_REQUEST = "--request-timeout=20s"
_LOG = make_pattern(r"^[EWI]\d{4} ")
_UNREACHABLE = make_pattern(
    r"Unable to connect to the server|connection to the server .* was refused"
    r"|TLS handshake timeout|deadline exceeded|i/o timeout|no such host"
    r"|connection refused|\(ServiceUnavailable\)|\(Timeout\)|timed out waiting for"
)
_LOCKED_OUT = make_pattern(
    r"must be logged in|\(Unauthorized\)|getting credentials|provide credentials"
)
_FORBIDDEN = make_pattern(
    r'cannot (\w+) resource "([\w./]+)".*?(?:in the namespace|at)'
)


@record
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the API server, as they are without their head."""
        head = "Warning: "
        lines = self.err.splitlines()
        return tuple(x.removeprefix(head) for x in lines if x.startswith(head))


@record
class Kubectl:
    """kubectl for one context and one namespace; the empty ones are kubectl's own.

    With ``is_apart`` Ctrl-C in this terminal does not reach it: what it does is done
    to its end.
    """

    context: str = ""
    namespace: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_apart: bool = False

    def make_command(self, *words: str) -> list[str]:
        """The command line. Raises KubectlMissing."""
        context = ["--context", self.context] if self.context else []
        namespace = ["--namespace", self.namespace] if self.namespace else []
        return [find_kubectl(self.environment), *context, *namespace, *words]

    def ask(
        self, *words: str, text: str | None = None, timeout: float = _ANSWER
    ) -> Said:
        """Run it to its end; ``text`` goes to its standard input.

        Raises KubectlMissing, and ClusterUnreachable where it does not end in time.
        """
        command = self.make_command(*words)
        try:
            done = subprocess.run(
                command,
                input=None if text is None else text.encode(),
                stdin=subprocess.DEVNULL if text is None else None,
                capture_output=True,
                env=dict(self.environment),
                timeout=timeout,
                check=False,
                start_new_session=self.is_apart,
            )
        except subprocess.TimeoutExpired:
            raise ClusterUnreachable(
                f"`kubectl {words[0]}` did not answer within {timeout:g} s",
                help=_suggest_check(self.context),
            ) from None
        return Said(
            code=done.returncode,
            out=done.stdout.decode(errors="replace"),
            err=done.stderr.decode(errors="replace"),
        )

    def call(
        self, *words: str, text: str | None = None, timeout: float = _ANSWER
    ) -> Said:
        """The same; raises ClusterUnreachable and ClusterRefused where it fails."""
        said = self.ask(*words, text=text, timeout=timeout)
        if said.code:
            raise self.explain(said)
        return said

    def read(self, *words: str, text: str | None = None) -> dict[str, Any]:
        """What `kubectl get` answers as JSON; without anything an empty list.

        Raises ClusterUnreachable and ClusterRefused.
        """
        flags = ("--output=json", "--ignore-not-found", _REQUEST)
        said = self.call("get", *words, *flags, text=text)
        if not said.out.strip():
            return {"items": []}
        try:
            found = json.loads(said.out)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ClusterRefused("`kubectl get` did not answer with JSON")
        return found if "items" in found else {"items": [found]}

    def iterate(
        self,
        *words: str,
        hold: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
    ) -> Iterator[str]:
        """The lines that a command prints, as they come; it ends with the reader.

        ``hold`` gets its process, to end it from elsewhere.
        """
        with subprocess.Popen(
            self.make_command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(self.environment),
        ) as process:
            assert process.stdout is not None
            hold(process)
            try:
                for line in process.stdout:
                    yield line.decode(errors="replace").rstrip("\r\n")
            finally:
                process.kill()

    def explain(self, said: Said) -> ComposegenError:
        """The error behind a command that failed."""
        return explain_refusal(said.err, self.context)


def find_kubectl(environment: Mapping[str, str]) -> str:
    """The kubectl command. Raises KubectlMissing."""
    import shutil

    found = shutil.which("kubectl", path=environment.get("PATH"))
    if found is None:
        raise KubectlMissing(
            "there is no `kubectl` command here",
            help="install kubectl: everything on a cluster goes through it",
        )
    return str(Path(found).absolute())


def list_complaints(text: str) -> list[str]:
    """The lines that say what is wrong: no warnings, nothing of a client's own log."""
    lines = (each.strip() for each in text.splitlines())
    return [
        each
        for each in lines
        if each and not _LOG.match(each) and not each.startswith("Warning: ")
    ]


def explain_refusal(text: str, context: str) -> ComposegenError:
    """What kubectl complains of, in one line with its help."""
    lines = list_complaints(text)
    said = re.sub(r"^(?:error|Error from server \(\w+\)): ", "", (lines or [""])[-1])
    where = f"the cluster of the context `{context}`" if context else "the cluster"
    if _LOCKED_OUT.search(text):
        return ClusterUnreachable(
            f"{where} does not let this user in: {said}",
            help="log in again as the cluster's documentation says; this must work: "
            + _write_check(context),
        )
    if "(Forbidden)" in text or "is forbidden: User" in text:
        return _explain_forbidden(where, said, context)
    if _UNREACHABLE.search(text) or "x509:" in text:
        shown = said.removeprefix("Unable to connect to the server: ")
        return ClusterUnreachable(
            f"{where} does not answer: {shown}", help=_suggest_check(context)
        )
    return ClusterRefused(f"kubectl: {said or 'it failed without a word'}")


def _explain_forbidden(where: str, said: str, context: str) -> ComposegenError:
    found = _FORBIDDEN.search(said)
    flag = f" --context {context}" if context else ""
    verb, resource = (found[1], found[2]) if found is not None else ("get", "pods")
    return ClusterRefused(
        f"{where} forbids it: {said}",
        help=f"ask its owner for a role with `{verb}` on `{resource}`; this shows "
        f"whether you have it: kubectl{flag} auth can-i {verb} {resource}",
    )


def _write_check(context: str) -> str:
    flag = f" --context {context}" if context else ""
    return f"kubectl{flag} get namespaces"


def _suggest_check(context: str) -> str:
    return f"look whether it runs and can be reached: {_write_check(context)}"
