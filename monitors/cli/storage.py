"""``pinakes storage``: what lies where, how full the file systems are, and where disk and catalog differ."""

from __future__ import annotations

import click

from archive.cli.context import Context, emit, json_option, pass_context


@click.group(invoke_without_command=True)
@click.pass_context
def storage(group: click.Context) -> None:
    """Show what the newest walk of the file-system monitor found; without a further word, the areas."""
    if group.invoked_subcommand is None:
        group.invoke(areas)


@storage.command()
@json_option
@pass_context
def areas(context: Context, as_json: bool) -> None:
    """Show the files and bytes in each watched area."""
    from archive.catalog import storage as questions

    columns = ("area", "n_files", "n_bytes", "n_alloc_bytes", "n_unrecognised", "complete", "mount")
    with context.catalog() as catalog, catalog.read() as conn:
        rows = [{name: row._mapping[name] for name in columns} for row in questions.areas(conn)]
        newest = questions.newest_scan(conn)
    emit(rows, as_json=as_json, columns=columns)
    if newest is None:
        context.say("No walk yet; run `pinakes monitor run filesystem`.")
    else:
        context.say(f"As of {newest.at:%Y-%m-%d %H:%M:%S} UTC, {newest.mode} walk of {newest.n_entries} entries.")


@storage.command()
@json_option
@pass_context
def devices(context: Context, as_json: bool) -> None:
    """Show the file systems: how much is left, and in how many days they are full."""
    from datetime import UTC, datetime

    from archive.catalog import storage as questions

    with context.catalog() as catalog, catalog.read() as conn:
        forecasts = questions.forecasts(conn, datetime.now(UTC))
        rows = [
            {
                "mount": row.mount, "areas": row.areas, "total_bytes": row.total_bytes, "used_bytes": row.used_bytes,
                "available_bytes": row.available_bytes, "full_in_days": forecasts[row.mount].days,
                "earliest": forecasts[row.mount].earliest, "latest": forecasts[row.mount].latest,
                "forecast": forecasts[row.mount].reason,
            }
            for row in questions.devices(conn)
        ]  # fmt: skip
    emit(rows, as_json=as_json)


@storage.command()
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most rows.")
@json_option
@pass_context
def differences(context: Context, limit: int, as_json: bool) -> int:
    """Show files about which disk and catalog disagree, and since when; mend them with `pinakes repair`."""
    from archive.catalog import storage as questions
    from archive.errors import EXIT_OK, EXIT_PROBLEMS

    columns = ("first_seen", "kind", "disk_bytes", "catalog_bytes", "file_state", "relpath")
    with context.catalog() as catalog, catalog.read() as conn:
        rows = [{name: row._mapping[name] for name in columns} for row in questions.differences(conn, limit=limit)]
    emit(rows, as_json=as_json, columns=columns)
    return EXIT_PROBLEMS if rows else EXIT_OK


@storage.command()
@pass_context
def rescan(context: Context) -> None:
    """Have the next walk list every folder, so that files that grew in place are seen."""
    from archive.catalog import scans

    with context.catalog() as catalog, catalog.begin() as conn:
        folders = scans.demand_full(conn)
    context.say(f"The next walk lists all {folders} folders; start it with `pinakes monitor run filesystem`.")
