"""``pinakes export``: what the archive knows, in forms that other programs read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from archive.cli.context import Context, pass_context
from archive.cli.fits import export_overrides
from archive.cli.listing import UtcTime, limits


@click.group()
def export() -> None:
    """Write what the archive knows for other programs: scalars, laboratory, rates, overrides."""


@export.command()
@click.argument("columns", nargs=-1, metavar="[COLUMN]...")
@click.option("--view", default="event_summary", show_default=True, help="View of schema analysis to take them from.")
@click.option(
    "--where", "conditions", multiple=True, metavar="CONDITION", help="For example 'charge>=10'; all must hold."
)
@click.option("--since", type=UtcTime(), help="Events from this time on (UTC).")
@click.option("--until", type=UtcTime(), help="Events before this time (UTC).")
@click.option("-n", "--limit", type=click.IntRange(1), help="Most rows; all without it.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl", "hdf5"]), default="csv", show_default=True, help="Form."
)
@click.option("--list", "listed", is_flag=True, help="Show the columns of the view instead.")
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File; - is stdout."
)
@pass_context
def scalars(
    context: Context, columns: tuple[str, ...], view: str, conditions: tuple[str, ...], since: datetime | None,
    until: datetime | None, limit: int | None, form: str, listed: bool, output: Any,
) -> None:  # fmt: skip
    """Write columns of a view, every COLUMN or those named, one row an event, line or channel, in order of time.

    A condition is a column, one of = != < <= > >=, and a value; with nothing after = or != it asks whether the value is
    not known, or known.

    HDF5 needs -o with a new file. It has one dataset a column, with unit and description, and at its root the statement
    and the count of rows.
    """
    from archive.catalog import analyses
    from archive.export import scalars as table

    if form == "hdf5" and not listed and output.name in ("-", "<stdout>"):
        raise click.UsageError("HDF5 is not written to a terminal: name a new file with -o FILE.h5.")
    wanted = [table.condition(each) for each in conditions]
    with context.catalog() as catalog, catalog.read() as conn:
        known = analyses.columns(conn, view)
        if listed:
            for column in known:
                click.echo(f"{column.name:24} {column.type:18} {column.comment}")
            return
        names = columns or tuple(column.name for column in known)
        query = analyses.statement(conn, view, names, wanted, since=since, until=until, limit=limit)
        rows = analyses.streamed(conn, query)
        if form == "hdf5":
            from archive.export import scalars_hdf5

            chosen = [next(column for column in known if column.name == name) for name in dict.fromkeys(names)]
            lineage = scalars_hdf5.lineage(conn, view, analyses.shown(conn, query))
            count = scalars_hdf5.write(rows, chosen, Path(output.name), lineage)
        else:
            count = table.write(rows, names, output, form)
    context.say(f"{count} rows of {view}.")


@export.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.h5")
@click.option("--event", "events_", multiple=True, help="Only these events: id or identity; the newest without it.")
@click.option("--legacy", is_flag=True, help="The older layout of that tool, whose charges are raw counts.")
@limits
@pass_context
def laboratory(
    context: Context, /, path: Path, events_: tuple[str, ...], legacy: bool, instrument: str | None, **filters: Any
) -> None:
    """Write events with their current fits into a new HDF5 file in the layout of the laboratory tool."""
    from archive.catalog import events
    from archive.export.laboratory import write
    from archive.store import Home

    with context.catalog() as catalog, catalog.read() as conn:
        if events_:
            chosen = [events.get(conn, each)["id"] for each in events_]
        else:
            chosen = [row["id"] for row in events.listing(conn, instrument_name=instrument or "idex", **filters)]
        count = write(conn, Home(context.settings().home), chosen, path, legacy=legacy)
    context.say(f"{count} events are in {path}.")


@export.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--since", type=UtcTime(), help="Windows that begin from this time on (UTC).")
@click.option("--until", type=UtcTime(), help="Windows that begin before this time (UTC).")
@pass_context
def rates(context: Context, folder: Path, since: datetime | None, until: datetime | None) -> None:
    """Write rates and maps of IDEX into FOLDER as CDF, levels 2B and 2C, two files a window of ten days.

    Windows are those that the monitor idex-rates accumulated last. The archive holds the same files as products of
    levels l2b and l2c; here they have their established names. Nothing is overwritten.
    """
    from archive.export.rates import write

    with context.catalog() as catalog, catalog.read() as conn:
        made = write(conn, folder, since, until)
    for path in made:
        click.echo(str(path))
    if not made:
        context.say("No window is accumulated; `pinakes monitor run idex-rates` does it.")


export.add_command(export_overrides, "overrides")
