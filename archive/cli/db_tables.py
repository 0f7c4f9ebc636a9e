"""``pinakes db clone`` and ``pinakes db reset``: tables into a folder and back, and emptied."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cli.context import Context, emit, json_option, pass_context


@click.group()
def clone() -> None:
    """Tables into a folder and back, with types, counts and checksums."""


@clone.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--schema", "schemas", multiple=True, help="Tables of this schema, for example idex; may be repeated.")
@click.option("--table", "tables", multiple=True, help="This table, for example ops.metric; may be repeated.")
@json_option
@pass_context
def write(context: Context, folder: Path, schemas: tuple[str, ...], tables: tuple[str, ...], as_json: bool) -> None:
    """Write tables into a new FOLDER, as they stand at one moment; without options all of them.

    Tables that a chosen one refers to come along. Each is COPY text in gzip; manifest.json has the revision of the
    schema, columns, rows and SHA-256.
    """
    from archive.catalog import Catalog
    from archive.catalog.clone import write as write_tables

    settings = context.settings()
    access = settings.access()
    with Catalog.connect(settings) as catalog:
        manifest = write_tables(catalog, folder, schemas, tables, access)
    parts = [{"table": part["table"], "rows": part["rows"], "sha256": part["sha256"]} for part in manifest["tables"]]
    emit(parts, as_json=as_json, columns=None if as_json else ("rows", "table"))
    refused = f"; {access.count} permissions could not be set" if access.count else ""
    context.say(f"{len(parts)} tables, {sum(part['rows'] for part in parts)} rows written to {folder}{refused}.")


@clone.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
@pass_context
def read(context: Context, folder: Path, as_json: bool) -> None:
    """Read the tables that `clone write` wrote into FOLDER, all or none.

    The catalog must be of the same revision and its tables empty, as after `pinakes init`. The bytes of files are not
    part of a clone.
    """
    from archive.catalog import Catalog
    from archive.catalog.clone import read as read_tables

    with Catalog.connect(context.settings()) as catalog:
        rows = read_tables(catalog, folder)
    emit([{"table": name, "rows": count} for name, count in rows.items()], as_json=as_json, columns=("rows", "table"))
    context.say(f"{len(rows)} tables, {sum(rows.values())} rows read.")


@click.command()
@click.option("--monitor", "monitors", multiple=True, metavar="NAME", help="What this monitor wrote; may be repeated.")
@click.option("--all-monitors", is_flag=True, help="What every monitor and job wrote.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="All rows of this table; may be repeated.")
@click.option(
    "--analyses", is_flag=True, help="Automatic analyses and their fits; `pinakes fits update` makes them anew."
)
@click.option("--files", is_flag=True, help="Files, events and jobs too: their rows; bytes on disk stay.")
@click.option("--judgements", is_flag=True, help="What people said too: overrides, tags, bad data.")
@click.option("--instrument", help="Analyses, files and judgements of this instrument only.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_context
def reset(
    context: Context, monitors: tuple[str, ...], all_monitors: bool, tables: tuple[str, ...], analyses: bool,
    files: bool, judgements: bool, instrument: str | None, dry_run: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Remove rows that can be made again, and say how many of each table.

    Of a monitor: runs, metrics, findings, changes of state, notices, marks and its own tables; it begins anew. Files
    and events, and what people said, stay unless their own flag is given; bytes on disk stay in any case.
    """
    from archive.catalog import Catalog
    from archive.catalog.reset import Wanted, every_monitor
    from archive.catalog.reset import reset as remove
    from archive.errors import UsageError

    if not (monitors or all_monitors or tables or analyses or files or judgements):
        raise UsageError("Say what to remove: --monitor, --all-monitors, --table, --analyses, --files or --judgements.")
    with Catalog.connect(context.settings()) as catalog:
        names = every_monitor(catalog) if all_monitors else monitors
        wanted = Wanted(names, tables, analyses, files, judgements, instrument)
        if dry_run or not yes:
            would = remove(catalog, wanted, dry=True)
            if dry_run or not would:
                _tell(context, would, "would be removed" if would else "Nothing is there to be removed", as_json)
                return
            counts = ", ".join(f"{count} of {name}" for name, count in would.items())
            if not click.confirm(f"Remove {counts} from {catalog!r}?", default=False, err=True):
                context.say("Nothing was removed.")
                return
        _tell(context, remove(catalog, wanted), "removed", as_json)


def _tell(context: Context, rows: dict[str, int], done: str, as_json: bool) -> None:
    emit([{"table": name, "rows": count} for name, count in rows.items()], as_json=as_json, columns=("rows", "table"))
    context.say(f"{sum(rows.values())} rows {done}." if rows else f"{done}.")
