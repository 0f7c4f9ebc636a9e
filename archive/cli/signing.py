"""Options of what an analyst writes for ever: who says so and why, and for which time it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from archive.cli.listing import UtcTime

F = TypeVar("F", bound=Callable[..., Any])


def signature(function: F) -> F:
    """Add who says so, and why; both are required."""
    function = click.option("--reason", required=True, help="Why.")(function)
    return click.option("--author", required=True, envvar="PINAKES_AUTHOR", show_envvar=True, help="Who says so.")(
        function
    )


def validity(function: F) -> F:
    """Add the range of data times that it is for."""
    for option in (
        click.option("--valid-until", type=UtcTime(), help="For data before this time (UTC); without it without end."),
        click.option("--valid-from", type=UtcTime(), help="For data from this time on (UTC); without it from ever."),
    ):
        function = option(function)
    return function
