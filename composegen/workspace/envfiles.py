"""What the env files of a service set, by Compose's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from composegen.errors import CannotRun
from composegen.model import Service
from composegen.system.files import check_readable, read_small_text
from composegen.workspace.dotenv import parse_dotenv, parse_raw_env


def read_env_files(
    service: Service,
    folder: Path,
    values: Mapping[str, str],
    fill: Callable[[str], str],
) -> dict[str, str]:
    """What a service's env files set, later ones over earlier ones.

    ``values`` fill the variables in them, ``fill`` those in their names. Raises
    CannotRun for one that must be there, and FileRefused for a line that cannot be
    filled.
    """
    found: dict[str, str] = {}
    for item in service.env_file:
        options = item if isinstance(item, dict) else {"path": item}
        name = fill(str(options["path"]))
        text = read_small_text(folder / name)
        if text is not None and options.get("format") == "raw":
            found |= parse_raw_env(text, values)
        elif text is not None:
            found |= parse_dotenv(text, values, file=name)
        elif options.get("required") is not False:
            check_readable(folder / name, name)
            raise CannotRun(f"env file {name} does not exist", help=f"make {name}")
    return found
