"""The volumes that a stack only uses: another project or a person has made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from composegen.model import Raw, Stack


def list_external_volumes(stack: Stack) -> tuple[str, ...]:
    """The names of the external volumes, as they are written: variables not filled."""
    return tuple(dict.fromkeys(_find_external(stack)))


def _find_external(stack: Stack) -> Iterator[str]:
    raw = stack.compose.get("volumes")
    tables: list[Mapping[str, Raw]] = [stack.volumes]
    if isinstance(raw, Mapping):
        tables.append(raw)
    for table in tables:
        for name, options in table.items():
            external = options.get("external") if isinstance(options, Mapping) else None
            if not external or not isinstance(options, Mapping):
                continue
            inner = external.get("name") if isinstance(external, Mapping) else None
            yield str(options.get("name") or inner or name)
