"""``pinakes files``: what the archive holds."""

from __future__ import annotations

from typing import Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault, facts, limits

LIST_COLUMNS = ("id", "instrument", "product", "level", "state", "size", "t_start", "relpath")


@click.group(cls=ListByDefault)
def files() -> None:
    """Files: list (also without a verb), show, open."""


@files.command("list")
@click.option("--product", help="Only this product.")
@click.option("--level", help="Only this level, for example raw or l1a.")
@click.option("--state", help="Only this state, for example available or quarantined.")
@limits
@json_option
@pass_context
def list_files(context: Context, /, as_json: bool, instrument: str | None, product: str | None, **filters: Any) -> None:
    """List files, the newest row first."""
    from archive.catalog.files import listing

    with context.catalog() as catalog, catalog.read() as conn:
        rows = listing(conn, instrument_name=instrument, product_name=product, **filters)
    emit(rows, as_json=as_json, columns=LIST_COLUMNS)
    if not rows:
        context.say("No file answers. Bring some in with `pinakes ingest`.")


@files.command()
@click.argument("file")
@json_option
@pass_context
def show(context: Context, file: str, as_json: bool) -> None:
    """Show one file (FILE: id, sha256, path or name): facts, packets, problems, lineage."""
    from archive.catalog import files as queries

    with context.catalog() as catalog, catalog.read() as conn:
        row = queries.get(conn, file)
        parts = {
            "packets": queries.packets(conn, row["id"]),
            "gaps": queries.gaps(conn, row["id"]),
            "problems": queries.problems(conn, row["id"]),
            "made_from": queries.ancestors(conn, row["id"]),
            "made_into": queries.descendants(conn, row["id"]),
        }
    if as_json:
        emit([{**row, **{name: [dict(part) for part in rows] for name, rows in parts.items()}}], as_json=True)
        return
    emit(facts(row), as_json=False)
    columns = {
        "packets": ("apid", "name", "n_packets", "n_bytes", "n_crc_failed", "n_gaps", "n_missing"),
        "gaps": ("apid", "kind", "seq_before", "seq_after", "n_missing", "byte_offset"),
        "problems": ("severity", "code", "byte_offset", "count", "message"),
        "made_from": ("id", "product", "depth", "relpath"),
        "made_into": ("id", "product", "depth", "relpath"),
    }
    for name, rows in parts.items():
        if rows:
            click.echo(f"\n{name.replace('_', ' ')}")
            emit(rows, as_json=False, columns=columns[name])


@files.command("open")
@click.argument("file")
@pass_context
def open_file(context: Context, file: str) -> None:
    """Print where the bytes of FILE are, for example to hand them to another program."""
    from archive.catalog.files import get
    from archive.errors import NotFound

    with context.catalog() as catalog, catalog.read() as conn:
        row = get(conn, file)
    path = context.settings().home / row["relpath"]
    if not path.is_file():
        raise NotFound(f"The bytes of {row['relpath']} are not there; `pinakes verify` says what else is lost.")
    click.echo(path)
