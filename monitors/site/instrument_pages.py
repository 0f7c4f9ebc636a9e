"""A page per instrument: events, coverage, products and how stale they are, problems, newest events and files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.attention import kind_table
from monitors.site.calibration_table import calibration_table
from monitors.site.coverage_figure import coverage
from monitors.site.dashboards import dashboards
from monitors.site.figures import MOST_BARS, events_per_day
from monitors.site.holdings import Holdings
from monitors.site.home import caption
from monitors.site.publish import Publisher
from monitors.site.rows import EVENT_COLUMNS, event_cells, file_page, file_state
from monitors.site.shell import Shell
from monitors.site.tables import Column, Table

#: Newest events and files shown.
ROWS = 50

#: Problems of files that came in within these days.
PROBLEM_DAYS = 90


def publish(
    publisher: Publisher,
    conn: Connection,
    shell: Shell,
    instrument: Mapping[str, Any],
    holdings: Holdings,
    now: datetime,
) -> None:
    """Write ``instruments/<name>.html``; `instrument` has ``id``, ``name`` and ``title``."""
    key, name = instrument["id"], instrument["name"]
    path = f"instruments/{name}.html"
    days = holdings.events_of(name)
    events = Table(EVENT_COLUMNS, empty="No events yet.")
    found = queries.EVENTS_OF_INSTRUMENT.rows(conn, instrument_id=key, rows=ROWS)
    events.rows.extend(event_cells(row) for row in found)
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=PROBLEM_DAYS)
    shown, covered = coverage(holdings, name, "figure-coverage")
    files = sum(total.files for total in holdings.levels(name).values())
    problems = kind_table(queries.PROBLEMS_OF_INSTRUMENT.rows(conn, instrument_id=key, since=since))
    problems.empty = f"No problem was met in files that came in within {PROBLEM_DAYS} days."
    values = {
        "summary": f"{text.count(sum(day['events'] for day in days))} events, {text.count(files)} files",
        "plot": events_per_day(days, "figure-events"),
        "plot_unit": "month" if len({day["day"] for day in days}) > MOST_BARS else "day",
        "plot_caption": caption(days),
        "coverage": shown,
        "coverage_caption": covered,
        "products": _products(holdings, name),
        "problem_days": PROBLEM_DAYS,
        "problems": problems,
        "calibrations": calibration_table(queries.CALIBRATIONS.rows(conn, instrument_id=key)),
        "events": events,
        "files": _files(conn, key),
        "dashboards": dashboards(name).pages(),
        "statements": [
            ("Products", queries.PRODUCTS_OF_INSTRUMENT.shown(instrument_id=key)),
            ("Coverage", queries.COVERAGE.shown(name=name)),
            ("Problems", queries.PROBLEMS_OF_INSTRUMENT.shown(instrument_id=key, since=since)),
            ("Calibrations", queries.CALIBRATIONS.shown(instrument_id=key)),
            ("Events per day", queries.EVENTS_PER_DAY.shown()),
            ("Newest events", queries.EVENTS_OF_INSTRUMENT.shown(instrument_id=key, rows=ROWS)),
            ("Newest files", queries.NEWEST_FILES_OF_INSTRUMENT.shown(instrument_id=key, rows=ROWS)),
        ],
    }
    publisher.page(path, shell.render("instrument.html", path, instrument["title"], **values))


def _products(holdings: Holdings, name: str) -> Table:
    table = Table(
        (
            Column("Product"), Column("Level"), Column("Format"), Column("Files", kind="number"),
            Column("Size", kind="number"), Column("Newest data", "UTC", "time"), Column("Came in", "UTC", "time"),
            Column("What it holds", kind="prose"),
        )
    )  # fmt: skip
    for row in holdings.products_of(name):
        total = holdings.of_product(row["id"])
        table.rows.append(
            [
                tables.words(row["title"]),
                tables.words(row["level"]),
                tables.words(row["format"]),
                tables.number(total.files),
                tables.size(total.bytes),
                tables.time(total.t_last, digits=-1, age=True),
                tables.time(total.added, digits=-1, age=True),
                tables.words(row["description"]),
            ]
        )
    return table


def _files(conn: Connection, key: int) -> Table:
    columns = (Column("Name", kind="name"), Column("Level"), Column("Format"), Column("Size", kind="number"))
    times = (Column("Data from", "UTC", "time"), Column("Came in", "UTC", "time"))
    table = Table((*columns, *times, Column("State")), empty="No files with a time yet.")
    for row in queries.NEWEST_FILES_OF_INSTRUMENT.rows(conn, instrument_id=key, rows=ROWS):
        table.rows.append(
            [
                tables.words(row["name"], href=file_page(row["id"])),
                tables.words(row["level"]),
                tables.words(row["format"]),
                tables.size(row["size"]),
                tables.time(row["t_start"], digits=-1),
                tables.time(row["created_at"], digits=-1),
                file_state(row["state"]),
            ]
        )
    return table
