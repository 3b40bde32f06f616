"""Asks for known vulnerabilities of what is installed, and names what got no answer.

pip-audit itself ends well when its service knows nothing of a package, or gives no
answer at all: here that is a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SECONDS = 300


def ask() -> list[dict[str, Any]]:
    """Every installed package as pip-audit lists it; ends here where it fails."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json"]
    try:
        answer = subprocess.run(
            [*command, "--skip-editable", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        packages: list[dict[str, Any]] = json.loads(answer.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        sys.exit(f"pip-audit: no answer in {SECONDS} s, nothing is known")
    except (ValueError, KeyError):
        last = answer.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        sys.exit(f"pip-audit could not ask, nothing is known: {last[0]}")
    return packages


def judge(packages: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """What there is to say, and whether all is well: asked, answered, nothing found."""
    asked = [one for one in packages if "editable" not in one.get("skip_reason", "")]
    silent = [one["name"] for one in asked if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {found['id']}"
        f" (fixed in {', '.join(found['fix_versions']) or 'no version yet'})"
        for one in asked
        for found in one.get("vulns", ())
    ]
    is_well = bool(asked) and not lines and not silent
    if silent:
        lines.append(
            f"{len(silent)} of {len(asked)} packages could not be looked up: "
            "the vulnerability service does not answer here, nothing is known of "
            + ", ".join(silent)
        )
    known = len(asked) - len(silent)
    lines.append(f"pip-audit: {known} packages looked up, {len(asked)} installed")
    return lines, is_well


def main() -> None:
    """Print what was found; end with 1 unless every package was answered for."""
    lines, is_well = judge(ask())
    print("\n".join(lines))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
