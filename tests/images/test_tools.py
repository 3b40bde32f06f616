"""Which programs that can run a probe an image must have."""

from __future__ import annotations

import pytest

from composegen.images.dockerfile import parse_dockerfile
from composegen.images.tools import list_programs


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["python", "-m", "app"], ["python"]),
        (["/usr/local/bin/node", "server.js"], ["node"]),
        (["/bin/sh", "-c", "exec python3 app.py"], ["python3"]),
        (["bash", "-c", "node ."], ["bash", "node"]),
        (["/sbin/tini", "-g", "--", "php", "x"], ["php"]),
        (["env", "A=b", "node", "x"], ["node"]),
        ("cd /app && PORT=80 node x", ["node"]),
        ("npm start", ["node"]),
        ("pip install x; sleep 1", ["python3"]),
        (["/venv/bin/python", "x"], []),
        (["gunicorn", "python"], []),
        (["./python"], []),
        ("python3.12 x", []),
        ([], []),
        ("", []),
        (None, []),
    ],
)
def test_a_command_proves_the_program_that_it_starts(
    command: object, names: list[str]
) -> None:
    assert list_programs(command) == names


def tools_of(*lines: str) -> list[str]:
    source = parse_dockerfile("\n".join(["FROM base:1", *lines]))
    assert source is not None
    return list(source.tools)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('CMD ["python", "app.py"]', ["python"]),
        ("CMD python app.py", ["python"]),
        ('CMD ["python"', []),
        ('ENTRYPOINT ["node"]', ["node"]),
        ('SHELL ["/bin/bash", "-c"]', ["bash"]),
        ("HEALTHCHECK --interval=5s CMD curl -f http://localhost/", ["curl"]),
        ("HEALTHCHECK NONE", []),
        ("RUN pip install -r requirements.txt", ["python3"]),
        ("RUN --mount=type=cache,target=/x --network=none npm ci", ["node"]),
        ('RUN ["php", "-v"]', ["php"]),
        ("RUN apt-get update && apt-get install -y curl=8.* git", ["curl"]),
        ("RUN apk add --no-cache nodejs npm", ["node"]),
        ("RUN set -eux; \\\n    apk add bash", ["bash"]),
        ("RUN apk add --virtual .deps curl && apk del .deps", []),
        ("RUN apt-get install curl; curl x; apt-get purge -y curl", []),
        ("RUN curl x && apt-get purge -y --auto-remove $deps", []),
        ("RUN echo python node", []),
    ],
)
def test_an_instruction_proves_what_it_calls_and_installs(
    line: str, names: list[str]
) -> None:
    assert tools_of(line) == names


def test_what_a_later_line_removes_is_no_longer_there() -> None:
    assert tools_of("RUN apk add curl wget", "RUN apk del curl") == ["wget"]


def test_only_the_stages_of_the_image_count() -> None:
    text = (
        "FROM a:1 AS base\nRUN pip install x\nFROM b:1 AS other\nRUN npm ci\n"
        "FROM base\nCOPY --from=other /x /x\n"
    )
    source = parse_dockerfile(text)

    assert source is not None
    assert source.tools == ("python3",)
