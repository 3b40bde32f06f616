"""`composegen render` beside `docker compose config -q` on the file that it renders.

Both are whole processes, run in turn. composegen is installed from a wheel into an
environment of its own, as its users have it.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import compare, measure, run_once, write_table  # noqa: E402

SIZES = {10: 15, 100: 10, 1000: 10, 2000: 5}
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


def install(folder: Path) -> Path:
    """composegen from a wheel of this checkout; returns the command."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", str(ROOT)],
        check=True,
    )
    return folder / "venv" / "bin" / "composegen"


def bench_sizes(command: Path, folder: Path) -> str:
    rows = []
    for size, count in SIZES.items():
        place = folder / str(size)
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
        ours, theirs = series["render"], series["config"]
        rows.append(
            [
                f"{size:,}",
                f"{ours.middle('wall'):.3f} ({ours.spread('wall')})",
                f"{theirs.middle('wall'):.3f} ({theirs.spread('wall')})",
                f"{compare(ours, theirs, 'wall'):.2f}",
                f"{compare(ours, theirs, 'cpu'):.2f}",
                f"{ours.middle('peak'):.0f}",
                f"{theirs.middle('peak'):.0f}",
                str(count),
            ]
        )
    head = ["services", "render, s", "config -q, s", "ratio of wall", "ratio of CPU"]
    return write_table([*head, "render, MiB", "config, MiB", "pairs"], rows)


def bench_start(command: Path, folder: Path) -> str:
    python = command.with_name("python")
    commands = {
        "version": [str(command), "--version"],
        "nothing": [str(python), "-c", "pass"],
    }
    series = measure(commands, folder, count=20)
    ours, nothing = series["version"], series["nothing"]
    extra = (ours.middle("wall") - nothing.middle("wall")) * 1000
    row = [
        f"{ours.middle('wall') * 1000:.0f}",
        f"{nothing.middle('wall') * 1000:.0f}",
        f"{extra:.0f}",
        "20",
    ]
    head = ["composegen --version, ms", "python -c pass, ms", "more, ms", "pairs"]
    return write_table(head, [row])


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-render-") as name:
        folder = Path(name)
        command = install(folder)
        sys.stdout.write("### Rendering\n\n" + bench_sizes(command, folder) + "\n")
        sys.stdout.write("### Starting\n\n" + bench_start(command, folder))


if __name__ == "__main__":
    main()
