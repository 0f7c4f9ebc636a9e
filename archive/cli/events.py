"""``pinakes events``: what happened."""

from __future__ import annotations

from typing import Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault, facts, limits
from archive.cli.reading import read

LIST_COLUMNS = ("id", "instrument", "kind", "seq", "t", "flags", "identity", "relpath")


@click.group(cls=ListByDefault)
def events() -> None:
    """Events: list (also without a verb), show, open; read those of a file that is in no archive."""


@events.command("list")
@click.option("--kind", help="Only this kind, for example dust.")
@click.option("--file", help="Only events of this raw file or product: its id, sha256, path or name.")
@limits
@json_option
@pass_context
def list_events(context: Context, /, as_json: bool, instrument: str | None, file: str | None, **filters: Any) -> None:
    """List events, the newest first. FLAGS has the bits that the column core.event.flags explains."""
    from archive.catalog import events as queries
    from archive.catalog import files

    with context.catalog() as catalog, catalog.read() as conn:
        file_id = None if file is None else files.get(conn, file)["id"]
        rows = queries.listing(conn, instrument_name=instrument, file_id=file_id, **filters)
    emit(rows, as_json=as_json, columns=LIST_COLUMNS)
    if not rows:
        context.say("No event answers.")


@events.command()
@click.argument("event")
@json_option
@pass_context
def show(context: Context, event: str, as_json: bool) -> None:
    """Show one event (EVENT: id or identity): facts, the raw files that carry it, the products that hold it."""
    from archive.catalog import events as queries

    with context.catalog() as catalog, catalog.read() as conn:
        row = queries.get(conn, event)
        sources, products = queries.sources(conn, row["id"]), queries.products(conn, row["id"])
        before, after = queries.neighbours(conn, row["id"])
    row |= {"before": before, "after": after}
    if as_json:
        emit([{**row, "sources": sources, "products": products}], as_json=True)
        return
    emit(facts(row), as_json=False)
    click.echo("\nraw files that carry it")
    emit(sources, as_json=False, columns=("file_id", "is_best", "complete", "parts", "missing", "relpath"))
    click.echo("\nproducts that hold it")
    emit(products, as_json=False, columns=("file_id", "product", "record", "state", "relpath"))


@events.command("open")
@click.argument("event")
@pass_context
def open_event(context: Context, event: str) -> None:
    """Print the address of the page of EVENT (id or identity), and build it first with `pinakes site build`."""
    from archive.catalog import events as queries
    from archive.errors import NotFound

    with context.catalog() as catalog, catalog.read() as conn:
        row = queries.get(conn, event)
    viewer = context.settings().home / "site" / "events" / "viewer.html"
    if not viewer.is_file():
        raise NotFound("There are no pages yet; make them with `pinakes site build`.")
    click.echo(f"{viewer.as_uri()}#{row['id']}")


events.add_command(read)
