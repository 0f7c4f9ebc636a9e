"""A page per instrument: events per day, products, calibrations, newest events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.figures import events_per_day
from monitors.site.home import caption
from monitors.site.publish import Publisher
from monitors.site.rows import EVENT_COLUMNS, event_cells
from monitors.site.shell import Shell
from monitors.site.tables import Column, Table

#: Newest events shown.
ROWS = 50


def publish(publisher: Publisher, conn: Connection, shell: Shell, instrument: Mapping[str, Any]) -> None:
    """Write ``instruments/<name>.html``; `instrument` has ``id``, ``name`` and ``title``."""
    key, name = instrument["id"], instrument["name"]
    path = f"instruments/{name}.html"
    days = [row for row in queries.EVENTS_PER_DAY.rows(conn) if row["instrument"] == name]
    events = Table(EVENT_COLUMNS, empty="No events yet.")
    events.rows.extend(
        event_cells(row) for row in queries.EVENTS_OF_INSTRUMENT.rows(conn, instrument_id=key, rows=ROWS)
    )
    values = {
        "summary": f"{text.count(sum(day['events'] for day in days))} events",
        "plot": events_per_day(days, "figure-events"),
        "plot_caption": caption(days),
        "products": _products(conn, key),
        "calibrations": _calibrations(conn, key),
        "events": events,
        "statements": [
            ("Products", queries.PRODUCTS_OF_INSTRUMENT.shown(instrument_id=key)),
            ("Calibrations", queries.CALIBRATIONS.shown(instrument_id=key)),
            ("Events per day", queries.EVENTS_PER_DAY.shown()),
            ("Newest events", queries.EVENTS_OF_INSTRUMENT.shown(instrument_id=key, rows=ROWS)),
        ],
    }
    publisher.page(path, shell.render("instrument.html", path, instrument["title"], **values))


def _products(conn: Connection, key: int) -> Table:
    table = Table(
        (
            Column("Product"),
            Column("Level"),
            Column("Format"),
            Column("Files", kind="number"),
            Column("Size", kind="number"),
            Column("Data to", "UTC", "time"),
            Column("Newest added", "UTC", "time"),
            Column("What it holds", kind="prose"),
        )
    )
    for row in queries.PRODUCTS_OF_INSTRUMENT.rows(conn, instrument_id=key):
        table.rows.append(
            [
                tables.words(row["title"]),
                tables.words(row["level"]),
                tables.words(row["format"]),
                tables.number(row["files"]),
                tables.size(row["bytes"]),
                tables.time(row["t_last"]),
                tables.time(row["added"]),
                tables.words(row["description"]),
            ]
        )
    return table


def _calibrations(conn: Connection, key: int) -> Table:
    numbers = (Column("Calibration"), Column("Version", kind="number"), Column("In use"))
    valid = (Column("Valid from", "UTC", "time"), Column("Valid to", "UTC", "time"))
    table = Table(
        (*numbers, *valid, Column("Quantities", kind="number"), Column("Origin", kind="prose")),
        empty="No calibrations.",
    )
    for row in queries.CALIBRATIONS.rows(conn, instrument_id=key):
        table.rows.append(
            [
                tables.words(row["name"].replace("_", " ")),
                tables.number(row["version"]),
                tables.words("newest", state="ok") if row["newest"] else tables.words("superseded", state="unknown"),
                tables.time(row["valid_from"]),
                tables.time(row["valid_to"]),
                tables.number(len(row["values"])),
                tables.words(row["origin"]),
            ]
        )
    return table
