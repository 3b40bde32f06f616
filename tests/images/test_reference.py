"""An image's name is taken apart, whatever registry and variables it has."""

from __future__ import annotations

import pytest

from composegen.images.reference import parse_image


@pytest.mark.parametrize(
    ("image", "path", "tag", "digest"),
    [
        ("redis", "redis", "", ""),
        ("redis:8", "redis", "8", ""),
        ("library/redis:8", "redis", "8", ""),
        ("docker.io/library/redis:8", "redis", "8", ""),
        ("docker.io/redis", "redis", "", ""),
        ("grafana/grafana:12", "grafana/grafana", "12", ""),
        ("ghcr.io/a/b/c:1", "a/b/c", "1", ""),
        ("localhost/redis:8", "redis", "8", ""),
        ("localhost:5000/redis:8", "redis", "8", ""),
        ("registry:5000/team/redis", "team/redis", "", ""),
        ("redis@sha256:abc", "redis", "", "sha256:abc"),
        ("redis:8@sha256:abc", "redis", "8", "sha256:abc"),
        ("redis:${TAG:-8-alpine}", "redis", "8-alpine", ""),
        ("redis:${TAG}", "redis", "", ""),
        ("redis:8${SUFFIX:--alpine}", "redis", "8-alpine", ""),
        ("${REGISTRY}/redis:8", "redis", "8", ""),
        ("${REGISTRY:-docker.io/library}/redis:8", "redis", "8", ""),
        ("mcr.microsoft.com/dotnet/aspnet:9.0", "dotnet/aspnet", "9.0", ""),
    ],
)
def test_an_image_s_name_is_taken_apart(
    image: str, path: str, tag: str, digest: str
) -> None:
    reference = parse_image(image)

    assert (reference.path, reference.tag, reference.digest) == (path, tag, digest)


@pytest.mark.parametrize(
    ("image", "fixed"),
    [
        ("a", False),
        ("a:latest", False),
        ("a:1", True),
        ("a@sha256:b", True),
        ("a:latest@sha256:b", True),
        ("a:${T:-1}", True),
        ("a:${T}", False),
        ("host:5000/a", False),
    ],
)
def test_a_tag_is_fixed_when_it_names_a_version(image: str, fixed: bool) -> None:
    assert parse_image(image).has_fixed_tag is fixed


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("mirror.example/docker/library/python:3", "python"),
        ("public.ecr.aws/docker/library/redis:8", "redis"),
        ("mirror.example/proxy/docker.io/library/node:22", "node"),
        ("mirror.example/hub/docker.io/grafana/grafana:11", "grafana/grafana"),
        ("mirror.example/ghcr.io/astral-sh/uv:0.8", "astral-sh/uv"),
        ("library/python:3", "python"),
        ("mirror.example/team/library-tools/python:3", "team/library-tools/python"),
    ],
)
def test_the_path_of_a_mirror_is_no_part_of_the_name(image: str, path: str) -> None:
    assert parse_image(image).path == path
