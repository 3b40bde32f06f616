"""Writes the tables of ``docs/trouble.md`` from the causes that `why` can name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from scripts.read_causes import PLACES, Row, read_rows

PAGE = Path(__file__).parents[1] / "docs" / "trouble.md"
HEAD = "| `why` says | what to do | where |\n|---|---|---|\n"
_TABLE = re.compile(r"(<!-- causes: ([\w-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

SYMPTOMS: Mapping[str, tuple[str, ...]] = {
    "image": (
        "IMAGE_NOT_FOUND",
        "REGISTRY_UNREACHABLE",
        "IMAGE_NOT_HERE",
        "IMAGE_NOT_PULLED",
        "BUILD_FAILED",
        "BUILD_FOLDER_MISSING",
        "DOCKERFILE_MISSING",
        "NO_BUILDX",
    ),
    "start": (
        "PORT_TAKEN",
        "STORE_PORT_TAKEN",
        "PORT_WAS_TAKEN",
        "PROGRAM_NOT_FOUND",
        "STORE_PROGRAM_NOT_FOUND",
        "COMMAND_NOT_FOUND",
        "PROGRAM_LOCKED",
        "SCRIPT_NOT_EXECUTABLE",
        "NOT_A_PROGRAM",
        "FILE_CAPABILITIES",
        "SECRET_MISSING",
        "VARIABLE_UNSET",
        "FILE_MISSING",
        "FOLDER_MISSING",
        "MOUNT_MISSING",
        "STORE_MOUNT_MISSING",
        "MOUNT_IS_FOLDER",
        "MOUNT_FAILED",
        "LOG_DENIED",
        "STORE_USER_UNKNOWN",
        "RUNS_AS_ROOT",
        "NAME_TAKEN",
        "NETWORK_MISSING",
        "KEY_UNKNOWN",
        "COMPOSE_TOO_OLD",
        "NO_INIT",
        "GATE_FAILED",
        "START_REFUSED",
        "STORE_REFUSED",
    ),
    "exits": (
        "OUT_OF_MEMORY",
        "ENDED_BY_ITSELF",
        "MODULE_MISSING",
        "PYTHON_MODULE_MISSING",
        "NODE_MODULE_MISSING",
        "OTHER_PORT_TAKEN",
        "NEED_MISSING",
        "NEED_ON_LOOPBACK",
        "OLD_NAMESPACE",
        "OLD_PASSWORD",
        "PASSWORD_REFUSED",
        "STOPPED",
        "KILLED",
        "EXITED",
        "JOB_FAILED",
    ),
    "denied": (
        "READ_ONLY_FOLDER",
        "READ_ONLY_IMAGE",
        "READ_ONLY_MOUNT",
        "FOLDER_DENIED",
        "IMAGE_FOLDER_DENIED",
        "VOLUME_DENIED",
        "HOST_FOLDER_DENIED",
        "HOST_FOLDER_CLOSED",
        "SECRET_DENIED",
        "NO_EXEC",
        "PORT_DENIED",
        "PORT_DENIED_TO_USER",
        "CAPABILITY_MISSING",
        "CAPABILITY_UNKNOWN",
        "PERMISSION_DENIED",
    ),
    "unhealthy": (
        "OTHER_PORT",
        "NOTHING_LISTENS",
        "SLOW_BOOT",
        "SLOW_ANSWER",
        "BOOT_NOT_OVER",
        "PATH_NOT_FOUND",
        "BAD_STATUS",
        "CHECK_FAILS",
        "TOOL_MISSING",
        "NO_TOOL",
        "NOT_REACHED_OUTSIDE",
        "ON_IPV6",
        "PORT_HELD",
        "HELPER_DOWN",
        "HELPER_WITHOUT_TOOL",
        "CHECK_NEVER_RUN",
    ),
    "unreached": ("ON_LOOPBACK",),
    "later": ("UP_ENDED", "LATE_BOOT", "UP_NOW", "SILENT_AGAIN"),
    "machine": (
        "ENGINE_LOST",
        "STORE_ENGINE_SILENT",
        "DISK_FULL",
        "ADDRESSES_EXHAUSTED",
        "SYSTEM_REFUSED",
    ),
    "cluster": (
        "POD_REFUSED",
        "QUOTA_EXCEEDED",
        "NO_ROOM",
        "NO_NODE",
        "CLAIM_PENDING",
        "EVICTED",
    ),
}
"""The causes below each symptom of the page, as a user would look for them."""


def write_page(text: str, rows: Iterable[Row]) -> str:
    """The page with its tables as they should be."""
    known: dict[str, list[Row]] = {}
    for row in rows:
        known.setdefault(row.name, []).append(row)

    def write_table(match: re.Match[str]) -> str:
        names = SYMPTOMS[match[2]]
        lines = [line for name in names for line in _write_rows(known[name])]
        return f"{match[1]}\n{HEAD}{''.join(dict.fromkeys(lines))}\n{match[3]}"

    return _TABLE.sub(write_table, text)


def _write_rows(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of a cause, one for the places that say and advise the same."""
    places: dict[tuple[str, str], list[str]] = {}
    for row in sorted(rows, key=lambda row: PLACES.index(row.place)):
        places.setdefault((row.text, row.help), []).append(row.place)
    for (text, help), where in places.items():
        shown = help or "read its log: `composegen logs SERVICE`"
        cells = map(_escape, (text, shown, ", ".join(where)))
        yield f"| {' | '.join(cells)} |\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page; with ``--check`` only say whether it is as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    page = write_page(text, read_rows())
    if "--check" in sys.argv[1:]:
        sys.exit(0 if page == text else f"{PAGE.name} is stale: make reference")
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
