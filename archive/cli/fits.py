"""``pinakes fits``: what was fitted, and what analysts say against it."""

from __future__ import annotations

from typing import Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault, limits

LIST_COLUMNS = ("event_id", "t", "channel", "line", "model", "values", "status", "origin")
HISTORY_COLUMNS = ("id", "created_at", "origin", "version", "settings_hash", "code", "override_id", "author", "reason")


@click.group(cls=ListByDefault)
def fits() -> None:
    """Fits of events: list (also without a verb), show, history, update."""


@fits.command("list")
@click.option("--event", help="Only fits of this event: id or identity.")
@click.option("--channel", help="Only this channel: TOF, Target_High, Target_Low or Ion_Grid.")
@click.option("--status", help="Only fits whose status has this word, for example ok or saturated.")
@click.option("--origin", type=click.Choice(["automatic", "override"]), help="Only fits of this origin.")
@limits
@json_option
@pass_context
def list_fits(context: Context, /, as_json: bool, instrument: str | None, event: str | None, **filters: Any) -> None:
    """List the fits of current analyses, the newest event first."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        event_id = None if event is None else events.get(conn, event)["id"]
        rows = queries.listing(conn, event_id=event_id, instrument_name=instrument, **filters)
    if as_json:
        emit(rows, as_json=True)
        return
    emit([_readable(row) for row in rows], as_json=False, columns=LIST_COLUMNS)
    if not rows:
        context.say("No fit answers. Analyses follow ingest; `pinakes fits update` asks for those that are wanting.")


@fits.command()
@click.argument("event")
@json_option
@pass_context
def show(context: Context, event: str, as_json: bool) -> None:
    """Show the current analysis of one event (EVENT: id or identity): fits, and everything that follows from them."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        row = events.get(conn, event)
        found = queries.listing(conn, event_id=row["id"], limit=1000)
        parts = queries.derived(conn, row["id"])
    if as_json:
        emit([{"event_id": row["id"], "identity": row["identity"], "fits": found, **parts}], as_json=True)
        return
    if not parts["event_summary"] and not found:
        context.say("The event has no analysis; `pinakes fits update` asks for those that are wanting.")
        return
    emit([_readable(one) for one in found], as_json=False, columns=("channel", "line", "values", "status", "origin"))
    for name, rows in parts.items():
        click.echo(f"\n{name}")
        for one in rows:
            told = {key: value for key, value in one.items() if key not in ("event_id", "identity", "t")}
            click.echo("  " + ", ".join(f"{key} {_short(value)}" for key, value in told.items() if value is not None))


@fits.command()
@click.argument("event")
@json_option
@pass_context
def history(context: Context, event: str, as_json: bool) -> None:
    """Show every analysis of one event (EVENT: id or identity), oldest first: by which code, on whose word."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        rows = queries.history(conn, events.get(conn, event)["id"])
    emit(rows, as_json=as_json, columns=HISTORY_COLUMNS)
    if not rows:
        context.say("The event has no analysis.")


@fits.command()
@click.option("--instrument", help="Only this instrument.")
@pass_context
def update(context: Context, instrument: str | None) -> None:
    """Ask for every analysis that the installed code and calibrations want; `pinakes work` carries the jobs out.

    What was analysed with the same version, settings and calibrations is left out.
    """
    from archive.instruments.base import instruments
    from archive.jobs import requests

    settings = context.settings()
    asked = 0
    with context.catalog() as catalog, catalog.begin() as conn:
        for name, owner in instruments().items():
            if instrument in (None, name):
                asked += len(requests.analyse_everything(conn, owner, max_attempts=settings.ingest.max_attempts))
    context.say(f"{asked} jobs wait; carry them out with `pinakes work --once`.")


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a fit with its parameters as one text: name = value ± error."""
    errors = row["errors"]
    parts = [
        f"{name}={_short(value)}" + (f"±{_short(errors[name])}" if errors[name] is not None else "")
        for name, value in row["values"].items()
        if value is not None
    ]
    return {**row, "values": " ".join(parts) or "-"}


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
