"""Options that every list of the catalog shares, and times as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class UtcTime(click.ParamType[datetime]):
    """A time in ISO 8601, UTC unless it names another offset: ``2026-11-20``, ``2026-11-20T12:00``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-20 or 2026-11-20T12:00:00.", param, ctx)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def limits(function: F) -> F:
    """Add the options that bound a list."""
    for option in (
        click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Most rows."),
        click.option("--until", type=UtcTime(), help="Up to this time (UTC)."),
        click.option("--since", type=UtcTime(), help="From this time on (UTC)."),
        click.option("--instrument", help="Only this instrument."),
    ):
        function = option(function)
    return function


def facts(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row as a table of names and values."""
    return [{"field": name, "value": value} for name, value in row.items()]


class ListByDefault(click.Group):
    """A noun: with no further word, or with options only, it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` in front when the first word is not one of the verbs."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)
