"""``pinakes config``: what the settings are and where each one comes from."""

from __future__ import annotations

import click

from archive.cli.context import Context, emit, json_option, pass_context


@click.group()
def config() -> None:
    """Show the settings."""


@config.command()
@click.option("--origin", is_flag=True, help="Say for each value where it was set.")
@json_option
@pass_context
def show(context: Context, origin: bool, as_json: bool) -> None:
    """List every setting with its value; secrets are masked."""
    from archive.config import load, origins

    flags = {"home": context.home} if context.home else {}
    rows = [
        {"setting": name, "value": value, "origin": source}
        for name, value, source in origins(load(context.home), flags)
    ]
    if not origin:
        rows = [{"setting": row["setting"], "value": row["value"]} for row in rows]
    emit(rows, as_json=as_json)


@config.command()
@json_option
def describe(as_json: bool) -> None:
    """List every setting with its default and what it means."""
    from archive.config import describe as describe_settings

    emit(describe_settings(), as_json=as_json)
