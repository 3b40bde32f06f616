"""All checks together: nothing too much, sorted, whatever the order of services."""

from __future__ import annotations

import pytest

from tests.stackfile.checks.checking import JOB, list_all
from tests.stacks import list_names, list_places, make_stack


def test_a_stack_with_nothing_wrong_has_no_problems() -> None:
    text = """\
        name: chat
        services:
          frontend:
            image: python:3.13-slim
            publish: ${FRONTEND_PORT:-3000}
            health: /health
            needs:
              backend: BACKEND_URL
          backend:
            image: node:22-slim
            publish: 3002
            health: {http: /health, boot: 30s}
            needs:
              cache:
                env: {REDIS_URL: "{url}"}
                otherwise:
                  env: {STORE: memory}
                  replicas: 1
                  note: sessions live in memory
              db: DATABASE_URL_FILE
              migrate:
          migrate:
            image: node:22-slim
            job: true
            needs: [db]
          db: {use: postgres, secrets: {db-password: POSTGRES_PASSWORD_FILE}}
          cache: {use: redis}
        secrets:
          db-password: {generate: true}
    """

    assert list_all(text) == []


def test_checks_of_all_kinds_come_together_sorted_by_place() -> None:
    text = """\
        services:
          app:
            image: python
            publish: ["0.0.0.0:80:8000"]
            health: {http: /, boot: 1s}
            environment: {DB_PASSWORD: hunter2}
            needs: [nobody]
          web:
            use: nginx
            publish: 80
          job:
            image: python:3.13-slim
            job: true
        secrets: {left: }
    """

    assert list_places(text) == [
        ("latest-image", 3, 5),
        ("open-port", 4, 5),
        ("boot-too-short", 5, 5),
        ("secret-literal", 6, 19),
        ("unknown-service", 7, 13),
        ("port-twice", 10, 5),
        ("job-unwaited", 13, 5),
        ("unused-secret", 14, 11),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_problems_do_not_depend_on_the_order_of_services(order: int) -> None:
    services = {
        "one": "use: nginx\npublish: 8080",
        "two": "use: nginx\npublish: 8081\nneeds: [nobody]",
        "three": JOB,
    }
    ordered = dict(list(services.items())[::order])

    assert sorted(list_names(make_stack(**ordered))) == [
        "job-unwaited",
        "unknown-service",
    ]
