"""`composegen render` beside `docker compose config -q` on the file that it renders.

Both are whole processes, run in turn. composegen is installed from a wheel into an
environment of its own, as its users have it.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import install, measure, run_once  # noqa: E402
from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    report,
)

SIZES = {10: 15, 100: 10, 1000: 10, 2000: 5}
QUICK = {10: 2, 1000: 1}
WANTED = {10: Limit(value=1.25), 1000: Limit(value=0.35)}
START = Limit(value=60, unit=" ms")
CLUSTER_SIZE = 100
CLUSTER = Limit(value=1.6)
PEER = "docker compose config -q"
SERVICE = """\
  service-{number}:
    image: example/app:1.{number}
    port: 8000
    publish: {published}
    health: {{http: /health, boot: 30s, tool: python}}
    environment:
      MODE: production
      WORKERS: 4
      GREETING: "hello, number {number}"
    labels: {{team: web}}
    volumes: [data-{number}:/data]
    secrets: [api-key]
"""
NEED = """\
    needs:
      service-{needed}: UPSTREAM_URL
      cache:
        env: {{REDIS_URL: "{{url}}"}}
        otherwise: {{env: {{CACHE: memory}}}}
"""


def make_stack(count: int) -> str:
    """A stack of so many services: a store, and applications in chains of ten."""
    parts = ["name: many\n\nservices:\n  cache:\n    use: redis\n"]
    for number in range(1, count):
        parts.append(SERVICE.format(number=number, published=10_000 + number))
        if number % 10 != 1:
            parts.append(NEED.format(needed=number - 1))
    return "".join(parts)


def bench_size(command: Path, place: Path, size: int, count: int) -> list[Row]:
    """Time, CPU and memory of one size, beside Compose that reads what is rendered."""
    place.mkdir()
    (place / "stack.yaml").write_text(make_stack(size), encoding="utf-8")
    (place / ".secrets").mkdir()
    (place / ".secrets" / "api-key").write_text("x")
    run_once([str(command), "render"], place)
    series = measure(
        {
            "render": [str(command), "render", "-o", "-"],
            "config": ["docker", "compose", "config", "-q"],
        },
        place,
        count=count,
    )
    rows = []
    for figure, words, unit, digits in (
        ("wall", "time", " s", 3),
        ("cpu", "CPU time", " s", 3),
        ("peak", "memory", " MiB", 0),
    ):
        ours = series["render"].list_values(figure)
        theirs = series["config"].list_values(figure)
        ratios = divide(ours, theirs)
        limit = WANTED.get(size) if figure == "wall" else None
        rows.append(
            Row(
                figure=f"{size:,} services: {words}",
                ours=describe(ours, unit, digits),
                beside=name_peer(PEER, theirs, unit, digits),
                ratio=describe(ratios),
                times=f"{count} pairs",
                **(limit.judge(ratios) if limit else {}),
            )
        )
    return rows


def bench_cluster(command: Path, place: Path, count: int) -> Row:
    """The objects of a cluster beside the Compose file of the same stack."""
    place.mkdir()
    (place / "stack.yaml").write_text(make_stack(CLUSTER_SIZE), encoding="utf-8")
    render = [str(command), "render", "-o", "-"]
    flags = ["--target", "kubernetes", "--pod-security", "baseline"]
    series = measure(
        {"cluster": [*render, *flags], "compose": render}, place, count=count
    )
    ours, compose = (each.list_values("wall") for each in series.values())
    ratios = divide(ours, compose)
    return Row(
        figure=f"{CLUSTER_SIZE} services for a cluster: time",
        ours=describe(ours, " s", 3),
        beside=name_peer("the Compose target", compose, " s", 3),
        ratio=describe(ratios),
        times=f"{count} pairs",
        **CLUSTER.judge(ratios),
    )


def bench_start(command: Path, folder: Path, count: int) -> Row:
    """How much longer than an empty program `--version` takes."""
    python = command.with_name("python")
    series = measure(
        {
            "version": [str(command), "--version"],
            "nothing": [str(python), "-c", "pass"],
        },
        folder,
        count=count,
    )
    ours, nothing = (
        [1000 * wall for wall in each.list_values("wall")] for each in series.values()
    )
    more = [one - other for one, other in zip(ours, nothing, strict=True)]
    return Row(
        figure="--version: more than an empty program",
        ours=describe(more, " ms", 0),
        beside=name_peer("python -c pass", nothing, " ms", 0),
        times=f"{count} pairs",
        **START.judge(more),
    )


def main() -> None:
    sizes, starts = (QUICK, 3) if "--quick" in sys.argv else (SIZES, 20)
    with tempfile.TemporaryDirectory(prefix="bench-render-") as name:
        folder = Path(name)
        command = install(folder)
        rows = [
            row
            for size, count in sizes.items()
            for row in bench_size(command, folder / str(size), size, count)
        ]
        rows.append(bench_cluster(command, folder / "cluster", starts))
        rows.append(bench_start(command, folder, starts))
    report("Rendering", rows)


if __name__ == "__main__":
    main()
