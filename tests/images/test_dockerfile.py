"""Of a Dockerfile only what matters is read, the way a builder reads it."""

from __future__ import annotations

import pytest

from composegen.images.dockerfile import (
    ImageSource,
    is_ignored,
    list_buildkit_needs,
    parse_dockerfile,
)
from tests.stacks import check, load_services, make_stack


def read(text: str, target: str = "", **arguments: str) -> ImageSource:
    image = parse_dockerfile(text, target=target, arguments=arguments)
    assert image is not None
    return image


# The base image


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("FROM a:1", "a:1"),
        ("from a:1", "a:1"),
        ("  FROM   a:1  ", "a:1"),
        ("# FROM b\nFROM a:1\n", "a:1"),
        ("# syntax=docker/dockerfile:1\n\nFROM a:1\n", "a:1"),
        ("FROM --platform=$BUILDPLATFORM a:1 AS build\n", "a:1"),
        ("FROM \\\n  a:1\n", "a:1"),
        ("FROM \\\n# a comment\n\n  a:1\n", "a:1"),
        ("FROM a:1\r\nUSER x\r\n", "a:1"),
        ("# a comment is not continued \\\nFROM a:1\n", "a:1"),
        ("FROM a@sha256:b", "a@sha256:b"),
        ("FROM scratch", "scratch"),
        ("FROM a:1 AS x\nFROM b:2\n", "b:2"),
        ("FROM a:1 AS x\nFROM x\n", "a:1"),
        ("FROM a:1 AS x\nFROM x AS y\nFROM y\n", "a:1"),
        ("FROM a:1 AS Base\nFROM base\n", "a:1"),
        ("FROM a:1\nFROM 0\n", "a:1"),
        ("FROM a:1\nFROM b:2\nFROM 0\n", "a:1"),
    ],
)
def test_the_base_is_what_the_last_stage_begins_with(text: str, base: str) -> None:
    assert read(text).base_image == base


def test_a_stage_is_no_image_of_its_own_name() -> None:
    assert read("FROM python AS python\nUSER 1\n").base_image == "python"


def test_the_targeted_stage_counts() -> None:
    text = "FROM a:1 AS dev\nUSER 1\nFROM b:2 AS prod\nUSER 2\n"

    assert (read(text, "dev").base_image, read(text, "dev").user) == ("a:1", "1")
    assert read(text, "PROD").user == "2"
    assert read(text, "0").user == "1"


def test_a_target_that_is_no_stage_says_nothing() -> None:
    assert parse_dockerfile("FROM a\n", target="gone") is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "RUN x\n", "FROM\n"])
def test_a_text_without_a_stage_says_nothing(text: str) -> None:
    assert parse_dockerfile(text) is None


# Arguments


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("ARG V=1\nFROM a:$V", "a:1"),
        ("ARG V=1\nFROM a:${V}-slim", "a:1-slim"),
        ('ARG V="1"\nFROM a:$V', "a:1"),
        ("ARG I=a V=1\nFROM $I:$V", "a:1"),
        ("FROM a:${V:-3}", "a:3"),
        ("ARG V\nFROM a:${V:-3}", "a:3"),
        ("ARG V\nFROM a:$V", ""),
        ("FROM ${IMAGE}", ""),
        ("FROM x AS y\nARG V=1\nFROM a:$V", ""),
    ],
)
def test_arguments_before_the_first_stage_are_filled_in(text: str, base: str) -> None:
    assert read(text).base_image == base


def test_arguments_of_the_build_come_before_defaults() -> None:
    assert read("ARG V=1\nFROM a:$V", V="2").base_image == "a:2"
    assert read("ARG V\nFROM a:$V", V="2").base_image == "a:2"


def test_arguments_that_the_dockerfile_does_not_name_are_passed_over() -> None:
    assert read("FROM a:$V", V="2").base_image == ""


# USER, HEALTHCHECK, EXPOSE


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("FROM a", ""),
        ("FROM a\nUSER 1000", "1000"),
        ("FROM a\nuser app:app", "app:app"),
        ("FROM a\nUSER root\nRUN x\nUSER app\n", "app"),
        ("FROM a AS b\nUSER 1\nFROM b\n", "1"),
        ("FROM a AS b\nUSER 1\nFROM b\nUSER 2\n", "2"),
        ("FROM a AS b\nUSER 1\nFROM c\n", ""),
        ("FROM a\nRUN echo USER x\n", ""),
    ],
)
def test_the_last_user_of_the_chain_counts(text: str, user: str) -> None:
    assert read(text).user == user


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("FROM a", False),
        ("FROM a\nHEALTHCHECK CMD x", True),
        ("FROM a\nHEALTHCHECK --interval=5s \\\n  CMD x", True),
        ("FROM a\nHEALTHCHECK NONE", False),
        ("FROM a\nhealthcheck none", False),
        ("FROM a\nHEALTHCHECK CMD x\nHEALTHCHECK NONE", False),
        ("FROM a AS b\nHEALTHCHECK CMD x\nFROM b", True),
        ("FROM a AS b\nHEALTHCHECK CMD x\nFROM b\nHEALTHCHECK NONE", False),
        ("FROM a AS b\nHEALTHCHECK CMD x\nFROM c", False),
    ],
)
def test_a_health_check_of_the_chain_is_seen(text: str, has: bool) -> None:
    assert read(text).has_healthcheck is has


@pytest.mark.parametrize(
    ("text", "exposed"),
    [
        ("FROM a", ()),
        ("FROM a\nCMD 80", ()),
        ("FROM a\nEXPOSE 80", ("80",)),
        ("FROM a\nEXPOSE 80 443/tcp\nEXPOSE 53/udp", ("80", "443/tcp", "53/udp")),
        ("FROM a AS b\nEXPOSE 80\nFROM b\nEXPOSE 90 80", ("80", "90")),
    ],
)
def test_exposed_ports_are_seen(text: str, exposed: tuple[str, ...]) -> None:
    assert read(text).exposed == exposed


# What is not an instruction


@pytest.mark.parametrize("mark", ["EOF", "'EOF'", '"EOF"'])
@pytest.mark.parametrize("word", ["RUN", "COPY"])
def test_what_stands_in_a_here_document_is_no_instruction(word: str, mark: str) -> None:
    text = f"FROM a:1\n{word} <<{mark} /x\nFROM b\nUSER evil\nEOF\nUSER app\n"

    image = read(text)

    assert (image.base_image, image.user) == ("a:1", "app")


def test_a_here_document_may_be_indented() -> None:
    assert read("FROM a\nRUN <<-EOF\n\tUSER x\n\tEOF\nUSER y\n").user == "y"


def test_a_comparison_in_a_shell_is_no_here_document() -> None:
    assert read("FROM a\nRUN [ 1 -lt 2 ] && cat < file\nUSER y\n").user == "y"


def test_a_continued_line_is_one_instruction() -> None:
    text = "FROM a\nRUN one \\\n  USER two \\\n  && three\nUSER app\n"

    assert read(text).user == "app"


def test_a_long_chain_of_stages_has_an_end() -> None:
    stages = "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(500))

    assert parse_dockerfile(f"FROM a AS s0\n{stages}") is not None


# .dockerignore


@pytest.mark.parametrize(
    ("patterns", "ignored"),
    [
        ("", False),
        (".secrets", True),
        (".secrets/", True),
        ("/.secrets", True),
        ("./.secrets", True),
        (".secrets/**", True),
        ("**/.secrets", True),
        (".*", True),
        ("*", True),
        ("**", True),
        (".secret?", True),
        ("secrets", False),
        ("# .secrets", False),
        ("*\n!.secrets", False),
        ("!.secrets\n*", True),
        (".secrets\n!.secrets\n.sec*", True),
        ("  .secrets  ", True),
        ("\n\n.secrets\n", True),
        ("deploy/.secrets", False),
    ],
)
def test_the_last_line_that_matches_decides(patterns: str, ignored: bool) -> None:
    assert is_ignored(".secrets", patterns) is ignored


@pytest.mark.parametrize(
    ("patterns", "ignored"),
    [
        ("deploy", True),
        ("deploy/.secrets", True),
        ("**/.secrets", True),
        (".secrets", False),
        ("*/.secrets", True),
        ("other", False),
    ],
)
def test_a_folder_takes_what_is_below_it(patterns: str, ignored: bool) -> None:
    assert is_ignored("deploy/.secrets", patterns) is ignored


# In a stack


def test_the_facts_of_the_last_stage_choose_the_tool() -> None:
    stack = make_stack(app="build: .\nport: 80\nhealth: /\n")
    text = "FROM node:22 AS web\nFROM python:3.13-slim\n"

    app = load_services(stack, {"Dockerfile": text})["app"]

    assert app.health is not None
    assert app.health.tools == ("python",)


def test_the_facts_of_the_target_choose_the_tool() -> None:
    stack = make_stack(app="build: {context: ., target: web}\nport: 80\nhealth: /\n")
    text = "FROM node:22 AS web\nFROM python:3.13-slim\n"

    app = load_services(stack, {"Dockerfile": text})["app"]

    assert app.health is not None
    assert app.health.tools == ("node",)


def test_another_dockerfile_and_another_folder_are_found() -> None:
    stack = make_stack(
        app="build: {context: ./app, dockerfile: docker/prod}\nport: 80\nhealth: /\n"
    )

    app = load_services(stack, {"app/docker/prod": "FROM node:22\n"})["app"]

    assert app.build is not None
    assert app.build.base_image == "node:22"


def test_a_dockerfile_in_the_stack_is_read() -> None:
    stack = make_stack(
        app='build: {dockerfile_inline: "FROM node:22"}\nport: 80\nhealth: /\n'
    )

    app = load_services(stack)["app"]

    assert app.build is not None
    assert app.build.base_image == "node:22"


def test_arguments_of_the_stack_are_filled_in() -> None:
    stack = make_stack(
        app="build: {context: ., args: {V: '22'}}\nport: 80\nhealth: /\n"
    )

    app = load_services(stack, {"Dockerfile": "ARG V=20\nFROM node:$V\n"})["app"]

    assert app.build is not None
    assert app.build.base_image == "node:22"


@pytest.mark.parametrize(
    "files", [{"Dockerfile": "FROM scratch\n"}, {"Dockerfile": "FROM ${X}\n"}]
)
def test_a_tool_is_never_guessed(files: dict[str, str]) -> None:
    problems = check(make_stack(app="build: .\nport: 80\nhealth: /\n"), files)

    assert "no-probe-tool" in [problem.name for problem in problems]


def test_what_a_dockerfile_says_is_offered_where_a_check_is_missing() -> None:
    stack = make_stack(app="build: .\n")
    text = "FROM python:3.13\nEXPOSE 8000\nHEALTHCHECK CMD x\n"

    (problem,) = check(stack, {"Dockerfile": text})

    assert problem.name == "unasked"
    assert "image" in problem.help


def test_a_port_that_a_dockerfile_exposes_is_no_certain_one() -> None:
    (problem,) = check(
        make_stack(app="build: .\n"), {"Dockerfile": "FROM a\nEXPOSE 8000\n"}
    )

    assert "port: 8000     # if it listens there: its Dockerfile" in problem.help
    assert problem.help.endswith("\nhealth: {none: it listens on nothing}")


# What only BuildKit can build


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("FROM a\nRUN x --mount=1\nCOPY --from=0 --chown=1 a b\n", ()),
        ("FROM a\nRUN --mount=type=cache,target=/c x\n", ("RUN --mount",)),
        ("FROM a\nRUN --network=none --mount=x y\n", ("RUN --network", "RUN --mount")),
        ("FROM a\nCOPY --chown=1 --chmod=755 a b\n", ("COPY --chmod",)),
        ("FROM a\nADD --checksum=x http://y /z\n", ("ADD --checksum",)),
        ("FROM a\nCOPY --link \\\n --chmod=1 a b\n", ("COPY --link", "COPY --chmod")),
        ("FROM a\nCOPY <<EOF /a\nx\nEOF\n", ("a here-document",)),
        ("FROM a\nRUN <<-'END'\nRUN --mount=x\nEND\n", ("a here-document",)),
        ("FROM a\nRUN echo $((1<<2))\nRUN --mount=x y\n", ("RUN --mount",)),
        ("FROM a AS dev\nRUN --mount=x y\nFROM b\n", ("RUN --mount",)),
    ],
)
def test_what_only_buildkit_can_build_is_listed(
    text: str, needs: tuple[str, ...]
) -> None:
    assert list_buildkit_needs(text) == needs
