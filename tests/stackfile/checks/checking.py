"""Parts of stacks for the tests of checks."""

from __future__ import annotations

from tests.stacks import Files, check

CACHE = "use: redis"
DB = "use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}"
JOB = "image: python:3.13-slim\njob: true"
SLIM: Files = {"Dockerfile": "FROM python:3.13-slim\n"}


def list_all(text: str, files: Files | None = None) -> list[str]:
    """The names of all problems, notes included."""
    return [problem.name for problem in check(text, files)]


def make_optional(*env: str) -> str:
    """The text of `needs` with one optional need for each environment."""
    return "needs:\n" + "".join(
        f"  {name}:\n"
        f"    env: {{{name.upper()}: '{{url}}'}}\n"
        f"    otherwise: {{env: {text}}}\n"
        for name, text in zip(("cache", "other"), env, strict=False)
    )
