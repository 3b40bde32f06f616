"""What a value on the command line can be, beyond what click knows."""

from __future__ import annotations

from typing import Any

import click


class AtLeast(click.ParamType[int]):
    """A whole number that is not below the least one."""

    name = "integer"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number; a usage error says what it must be."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"`{value}` is not a whole number", param, ctx)
        if number < self.least:
            self.fail(f"{number} is less than {self.least}", param, ctx)
        return number


class EngineName(click.ParamType[str]):
    """The oldest major version of Docker Engine, or Podman."""

    name = "version"

    def __init__(self, least: int) -> None:
        self.number = AtLeast(least)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name; a usage error says what it must be."""
        if value == "podman":
            return "podman"
        if not str(value).isdecimal():
            self.fail(f"`{value}` is neither a major version nor podman", param, ctx)
        return str(self.number.convert(value, param, ctx))


class Time(click.ParamType[float]):
    """A duration in Compose's form, above 0, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds; a usage error shows what a duration is like."""
        from composegen.values import parse_duration

        try:
            duration = parse_duration(str(value))
        except ValueError:
            self.fail(f"`{value}` is not a duration such as 90s or 2m30s", param, ctx)
        if not duration.seconds > 0:
            self.fail(f"`{value}` is no time: it has to be above 0", param, ctx)
        return duration.seconds
