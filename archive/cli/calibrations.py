"""``pinakes calibrations``: which values count for which time, those that ship with the package and local ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault
from archive.cli.signing import signature, validity

LIST_COLUMNS = ("instrument", "name", "label", "valid_from", "valid_to", "state", "author", "reason")


@click.group(cls=ListByDefault)
def calibrations() -> None:
    """Calibrations: list (also without a verb), show, add local ones, take them back."""


@calibrations.command("list")
@click.option("--instrument", help="Only this instrument.")
@click.option("--name", help="Only this calibration, for example mass_scale.")
@click.option("--all", "everything", is_flag=True, help="Also those that were taken back or superseded.")
@json_option
@pass_context
def list_calibrations(
    context: Context, instrument: str | None, name: str | None, everything: bool, as_json: bool
) -> None:
    """List the calibrations that count, by name: local ones first, as they are chosen, then those of the package.

    At a time a local one counts before the one that ships with the package. STATE: counts; needs review: the package
    has shipped newer values since it was written, and it holds all the same until it is taken back; withdrawn;
    superseded.
    """
    from archive.catalog import calibrations as queries

    with context.catalog() as catalog, catalog.read() as conn:
        rows = queries.listing(conn, owner=instrument, name=name)
    shown = [row for row in rows if everything or row["state"] in ("counts", "needs review")]
    emit(shown, as_json=as_json, columns=LIST_COLUMNS)
    stale = [f"{row['label']} of {row['name']}" for row in shown if row["state"] == "needs review"]
    if stale:
        context.say(f"The package ships newer values since {', '.join(stale)}: keep them, or take them back.")
    if not shown:
        context.say("No calibration answers; an archive gets them by `pinakes init` and ingest.")


@calibrations.command()
@click.argument("name")
@click.argument("version")
@click.option("--instrument", default="idex", show_default=True, help="Whose calibration it is.")
@json_option
@pass_context
def show(context: Context, name: str, version: str, instrument: str, as_json: bool) -> None:
    """Show VERSION of the calibration NAME (as listed: 2, local-1): range, values, who wrote it, what it rests on."""
    import json

    from archive.catalog import calibrations as queries
    from archive.errors import NotFound

    with context.catalog() as catalog, catalog.read() as conn:
        rows = [row for row in queries.listing(conn, owner=instrument, name=name) if row["label"] == version]
    if not rows:
        raise NotFound(f"There is no version {version} of {name}; `pinakes calibrations list --all` names them.")
    if as_json:
        emit(rows, as_json=True)
        return
    for row in rows:
        held = {key: value for key, value in row.items() if value is not None and key not in ("version", "basis")}
        held["values"] = json.dumps(row["values"])
        rests = row["basis"] or {}
        if rests:
            held["rests_on"] = f"{rests.get('events')} events, {rests.get('first')} to {rests.get('last')}"
            held["selection"] = json.dumps(rests.get("selection"))
        emit([{"field": key, "value": value} for key, value in held.items()], as_json=False)


@calibrations.command()
@click.argument("name")
@click.argument("values", type=click.File("r", encoding="utf-8"))
@click.option("--instrument", default="idex", show_default=True, help="Whose calibration it is.")
@validity
@signature
@json_option
@pass_context
def add(
    context: Context, name: str, values: Any, instrument: str, valid_from: datetime | None,
    valid_until: datetime | None, author: str, reason: str, as_json: bool,
) -> None:  # fmt: skip
    """Write a local calibration NAME with VALUES, a file with one JSON object (- is standard input).

    It counts in its range before what ships with the package, until it is taken back. What VALUES does not say is taken
    from the shipped one. Analyses of the events in the range are asked for.
    """
    import json

    from archive.catalog.calibrations import Written

    try:
        found = json.load(values)
    except ValueError as error:
        raise click.UsageError(f"VALUES holds no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError("VALUES must be one JSON object of numbers by name.")
    new = Written(name, found, "written by hand", valid_from, valid_until, author, reason)
    stored(context, instrument, new, as_json=as_json)


@calibrations.command()
@click.argument("name")
@click.argument("version")
@click.option("--instrument", default="idex", show_default=True, help="Whose calibration it is.")
@signature
@pass_context
def withdraw(context: Context, name: str, version: str, instrument: str, author: str, reason: str) -> None:
    """Take back the local VERSION (local-1) of the calibration NAME. It stays listed with --all and counts no more."""
    from archive.analysis import local_calibrations

    attempts = context.settings().ingest.max_attempts
    with context.catalog() as catalog:
        done = local_calibrations.withdraw(catalog, instrument, name, version, author, reason, max_attempts=attempts)
    context.say(f"{done.version} of {name} is taken back. {follows(done.jobs)}")


def stored(context: Context, instrument: str, new: Any, *, as_json: bool) -> None:
    """Write a local calibration, print what was written, and say what follows."""
    from archive.analysis import local_calibrations

    attempts = context.settings().ingest.max_attempts
    with context.catalog() as catalog:
        done = local_calibrations.store(catalog, instrument, new, max_attempts=attempts)
    emit([{"name": new.name, "version": done.version, "valid_from": new.begin, "valid_until": new.end,
           **done.values}], as_json=as_json)  # fmt: skip
    context.say(f"{done.version} of {new.name} counts from now on. {follows(done.jobs)}")


def follows(jobs: int) -> str:
    """Say what is to be done after a calibration has changed."""
    if not jobs:
        return "No event is in its range."
    return f"{jobs} jobs wait for the events in its range; carry them out with `pinakes work`."
