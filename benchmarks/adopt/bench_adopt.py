"""`composegen adopt` beside one `docker compose config` of the same Compose file.

Both are whole processes, run in turn. composegen is installed from a wheel into an
environment of its own, as its users have it. With the proof `adopt` renders the stack
that it wrote and asks Compose for both models.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import Series, install, measure  # noqa: E402
from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    report,
)

SIZES = {20: 15, 200: 10}
QUICK = {20: 2}
WAYS = {
    "with the proof": ((), Limit(value=5)),
    "without": (("--no-proof",), Limit(value=3)),
}
PEER = "docker compose config -q"
STORES = """\
services:
  db:
    image: postgres:17-alpine
    environment:
      POSTGRES_PASSWORD: ${DB_PASSWORD:-secret}
    volumes: [db:/var/lib/postgresql/data]
    healthcheck: {test: [CMD-SHELL, pg_isready -U postgres], interval: 5s}
  cache:
    image: redis:8-alpine
"""
SERVICE = """\
  service-{number}:
    build: ./app
    environment:
      MODE: ${{MODE:-production}}
      DATABASE_URL: postgres://postgres:${{DB_PASSWORD:-secret}}@db:5432/postgres
      UPSTREAM: http://{needed}
    ports: ["{published}:8000"]
    labels: {{team: web}}
    depends_on: [db, cache]
"""
DOCKERFILE = """\
FROM python:3.12-slim
COPY app.py /app.py
EXPOSE 8000
USER 1000
CMD ["python", "/app.py"]
"""


def write_project(folder: Path, count: int) -> None:
    """A project of so many services: two stores, and builds that need both."""
    parts = [STORES]
    for number in range(1, count - 1):
        needed = f"service-{number - 1}:8000" if number > 1 else "db:5432"
        parts.append(
            SERVICE.format(number=number, needed=needed, published=10_000 + number)
        )
    parts.append("volumes: {db: }\n")
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    (folder / "app" / "app.py").write_text("", encoding="utf-8")
    (folder / "compose.yaml").write_text("".join(parts), encoding="utf-8")


def make_row(title: str, ours: Series, theirs: Series, limit: Limit) -> Row:
    """The wall times of one way to call `adopt`."""
    own, other = ours.list_values("wall"), theirs.list_values("wall")
    ratios = divide(own, other)
    return Row(
        figure=title,
        ours=describe(own, " s", 3),
        beside=name_peer(PEER, other, " s", 3),
        ratio=describe(ratios),
        times=f"{len(own)} pairs",
        **limit.judge(ratios),
    )


def bench_size(command: Path, folder: Path, size: int, count: int) -> list[Row]:
    """Both ways for one size; every run writes a new stack file."""
    write_project(folder, size)
    fresh = 'rm -f stack.yaml && exec "$0" adopt "$@"'
    commands = {
        way: ["sh", "-c", fresh, str(command), *options]
        for way, (options, _) in WAYS.items()
    }
    theirs = "config"
    series = measure(
        {**commands, theirs: ["docker", "compose", "config", "-q"]}, folder, count=count
    )
    return [
        make_row(f"{size} services, {way}: time", series[way], series[theirs], limit)
        for way, (_, limit) in WAYS.items()
    ]


def main() -> None:
    sizes = QUICK if "--quick" in sys.argv else SIZES
    with tempfile.TemporaryDirectory(prefix="bench-adopt-") as name:
        folder = Path(name)
        command = install(folder)
        rows = [
            row
            for size, count in sizes.items()
            for row in bench_size(command, folder / str(size), size, count)
        ]
    report("Adopting a Compose file", rows)


if __name__ == "__main__":
    main()
