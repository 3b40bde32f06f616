"""Draws pictures from what commands really do, for ``make pictures``.

Those of a terminal are SVG, those of the board PNG, light and dark. Each is made again
from a copy of the chat stack; `up` needs an engine, the board needs Chromium. What
changes from run to run (process numbers, times) is left as it was.
"""

from __future__ import annotations

import html
import io
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DEADLINE = 120
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# name -> what is typed before, what is shown with its output, what cleans up.
SCENES = {
    "plan": ([], "composegen plan --without redis", []),
    "up": (
        ["composegen up", "composegen down"],  # once before, so that no build is shown
        "composegen up --no-build",
        ["composegen down"],
    ),
    "why": (
        ["LLM_BASE_URL=localhost:11434 composegen run --without redis"],
        "composegen why frontend",
        [],
    ),
}
BOARDS = {"board": "light", "board-dark": "dark"}
BOARD_SIZE = {"width": 1280, "height": 510}
# How `up` takes its live block away: up by so many lines, and all below is gone.
_TAKEN_AWAY = re.compile(r"\x1b\[(\d+)A\x1b\[J")

# Calm on both the light and the dark page.
THEME = TerminalTheme(
    (27, 31, 36),
    (222, 226, 230),
    [
        *[(73, 80, 87), (255, 135, 135), (140, 233, 154), (255, 224, 102)],
        *[(116, 192, 252), (229, 153, 247), (102, 217, 232), (241, 243, 245)],
    ],
    [
        *[(134, 142, 150), (255, 135, 135), (140, 233, 154), (255, 224, 102)],
        *[(116, 192, 252), (229, 153, 247), (102, 217, 232), (255, 255, 255)],
    ],
)


def run_in_terminal(command: str, folder: Path, columns: int) -> str:
    """What a command writes to a terminal, colours included."""
    main, side = pty.openpty()
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "GROQ_API_KEY"}
    }
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**env, "TERM": "xterm-256color", "COLUMNS": str(columns)},
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    written = b""
    while select.select([main], [], [], DEADLINE)[0]:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        written += part
    os.close(main)
    process.wait(DEADLINE)
    return written.decode().replace("\r\n", "\n")


def keep_what_stays(written: str) -> str:
    """What a terminal shows in the end, once live blocks have been taken away."""
    first, *rest = _TAKEN_AWAY.split(written)
    lines = first.split("\n")
    for height, text in zip(rest[::2], rest[1::2], strict=True):
        del lines[-1 - int(height) :]
        lines += text.split("\n")
    return "\n".join(lines)


def draw(command: str, output: str, name: str) -> str:
    """An SVG of a terminal that shows a command and its output."""
    shown = Text.assemble(("$ ", "bright_black"), (command, "bold"), "\n")
    shown.append(Text.from_ansi(output.rstrip("\n")))
    width = max(72, *(len(line) for line in shown.plain.splitlines()))
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    # The last line would lose its underscores to the frame.
    console.print(shown, "", sep="\n", soft_wrap=True)
    drawn = console.export_svg(title="", theme=THEME, unique_id=f"terminal-{name}")
    # Fonts of the reader's own machine, so that a picture loads nothing.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code, monospace", "ui-monospace, Menlo, monospace")
    label = html.escape(f"{command}: {Text.from_ansi(output).plain.strip()}")
    return re.sub(
        r"<svg ([^>]*)>", rf"<svg role='img' \1><title>{label}</title>", drawn, count=1
    )


@contextmanager
def start(folder: Path, *words: str, until: str) -> Iterator[str]:
    """A command that goes on meanwhile; what it has said until a word came."""
    process = subprocess.Popen(
        ["composegen", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    try:
        assert process.stdout is not None
        while until not in said:
            line = process.stdout.readline()
            if not line:
                sys.exit(f"composegen {' '.join(words)} ended:\n{said}")
            said += line
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)


def take_board(folder: Path, scheme: str) -> bytes:
    """A picture of the board while the stack runs without Redis."""
    from playwright.sync_api import sync_playwright

    with (
        start(folder, "run", "--without", "redis", until="Ctrl-C ends it"),
        start(folder, "board", "--port", "0", until="#") as said,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, CHROMIUM)), None),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(
            viewport=BOARD_SIZE, color_scheme=scheme, device_scale_factor=2
        )
        page.goto(next(word for word in said.split() if word.startswith("http")))
        page.locator("#boot .bars .critical").first.wait_for()
        picture: bytes = page.screenshot()
        browser.close()
    return picture


@contextmanager
def make_copy() -> Iterator[Path]:
    """The chat stack in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "chat"
        ignored = shutil.ignore_patterns(
            "expected", "compose*.yaml", ".venv", ".secrets", ".composegen", "logs"
        )
        shutil.copytree(ROOT / "examples" / "chat", folder, ignore=ignored)
        yield folder


def draw_scene(name: str) -> str:
    """The picture of a terminal."""
    before, command, after = SCENES[name]
    with make_copy() as folder:
        for words in before:
            run_in_terminal(words, folder, 100)
        output = keep_what_stays(run_in_terminal(command, folder, 100))
        for words in after:
            run_in_terminal(words, folder, 100)
    return draw(command, output, name)


def main() -> None:
    """Draw the pictures that are named, or all."""
    if shutil.which("composegen") is None:
        sys.exit("composegen is not on PATH: run `make pictures`")
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or [*SCENES, *BOARDS]:
        if name in SCENES:
            path = PICTURES / f"{name}.svg"
            path.write_text(draw_scene(name))
        else:
            path = PICTURES / f"{name}.png"
            with make_copy() as folder:
                path.write_bytes(take_board(folder, BOARDS[name]))
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
