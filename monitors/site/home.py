"""The home page: what needs attention first, then what the archive holds and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.figures import events_per_day
from monitors.site.publish import Publisher
from monitors.site.rows import EVENT_COLUMNS, event_cells, file_page, file_state
from monitors.site.shell import Shell, short_title
from monitors.site.tables import Cell, Column, Table

#: Rows of each list on the home page.
ROWS = 12

#: Rows of quarantine, failed jobs and lost files; more of them are counted, not listed.
TROUBLE_ROWS = 50


class Trouble(NamedTuple):
    """A list of what is wrong, with its heading."""

    caption: str
    table: Table


def publish(publisher: Publisher, conn: Connection, shell: Shell) -> None:
    """Write ``index.html``."""
    holdings = queries.HOLDINGS.rows(conn)
    days = queries.EVENTS_PER_DAY.rows(conn)
    trouble = [t for t in (_quarantine(conn), _jobs(conn), _unavailable(conn)) if t.table.rows]
    values = {
        "empty": not holdings,
        "attention": _problems(conn) if not trouble or queries.PROBLEM_KINDS.rows(conn) else Table(()),
        "trouble": trouble,
        "holdings": _holdings(holdings, days),
        "plot": events_per_day(days, "figure-events"),
        "plot_caption": caption(days),
        "events": _events(conn),
        "files": _files(conn),
        "statements": [
            ("What the archive holds", queries.HOLDINGS.shown()),
            ("Events per day", queries.EVENTS_PER_DAY.shown()),
            ("Problems by kind", queries.PROBLEM_KINDS.shown()),
            ("Quarantine", queries.QUARANTINE.shown(rows=TROUBLE_ROWS)),
            ("Failed jobs", queries.FAILED_JOBS.shown(rows=TROUBLE_ROWS)),
            ("Newest events", queries.NEWEST_EVENTS.shown(rows=ROWS)),
            ("Newest files", queries.NEWEST_FILES.shown(rows=ROWS)),
        ],
    }
    publisher.page("index.html", shell.render("home.html", "index.html", shell.title, **values))


def caption(days: Sequence[Mapping[str, Any]]) -> str:
    """Say in words what the figure of events per day shows, for those who do not see it."""
    total = sum(day["events"] for day in days)
    dates = sorted({day["day"] for day in days})
    if not dates:
        return ""
    span = f"{text.count(len(dates))} days, {dates[0]} to {dates[-1]}"
    return f"{text.count(total)} events on {span}; days without events are left out."


def _holdings(rows: Sequence[Mapping[str, Any]], days: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        (
            Column("Instrument"),
            Column("Level"),
            Column("Files", kind="number"),
            Column("Size", kind="number"),
            Column("Events", kind="number"),
            Column("Data from", "UTC", "time"),
            Column("Data to", "UTC", "time"),
            Column("Newest file added", "UTC", "time"),
        ),
        empty="No files yet. Bring raw files in with: pinakes ingest PATH",
    )
    for row in rows:
        events = sum(day["events"] for day in days if day["instrument"] == row["instrument"])
        table.rows.append(
            [
                tables.words(
                    short_title(row["title"]), title=row["title"], href=f"instruments/{row['instrument']}.html"
                ),
                tables.words(row["level"]),
                tables.number(row["files"]),
                tables.size(row["bytes"]),
                tables.number(events) if row["level"] == "raw" else Cell(text.NOTHING),
                tables.time(row["t_first"]),
                tables.time(row["t_last"]),
                tables.time(row["added"]),
            ]
        )
    return table


def _problems(conn: Connection) -> Table:
    table = Table(
        (
            Column("Severity"),
            Column("Problem"),
            Column("Files", kind="number"),
            Column("Times", kind="number"),
            Column("Newest", "UTC", "time"),
            Column("Newest file", kind="name"),
            Column("Newest message", kind="prose"),
        )
    )
    for row in queries.PROBLEM_KINDS.rows(conn):
        href = None if row["file_id"] is None else file_page(row["file_id"])
        table.rows.append(
            [
                tables.words(row["severity"], state=row["severity"]),
                tables.words(row["code"].replace("_", " ")),
                tables.number(row["files"]),
                tables.number(row["times"]),
                tables.time(row["newest"]),
                tables.words(row["name"], href=href),
                tables.words(row["message"]),
            ]
        )
    return table


def _quarantine(conn: Connection) -> Trouble:
    table = Table(
        (
            Column("Set aside", "UTC", "time"),
            Column("File", kind="name"),
            Column("Reason"),
            Column("What to do", kind="prose"),
        )
    )
    for row in queries.QUARANTINE.rows(conn, rows=TROUBLE_ROWS):
        table.rows.append(
            [
                tables.time(row["created_at"]),
                tables.words(row["source"], href=None if row["file_id"] is None else file_page(row["file_id"])),
                tables.words(row["reason"].replace("_", " "), state="warning"),
                tables.words(row["message"]),
            ]
        )
    return Trouble("In quarantine", table)


def _jobs(conn: Connection) -> Trouble:
    columns = (Column("Ended", "UTC", "time"), Column("Job", kind="number"), Column("Kind"), Column("State"))
    table = Table(
        (*columns, Column("Attempts", kind="number"), Column("File", kind="name"), Column("Error", kind="prose"))
    )
    for row in queries.FAILED_JOBS.rows(conn, rows=TROUBLE_ROWS):
        table.rows.append(
            [
                tables.time(row["ended"]),
                tables.number(row["id"], "d"),
                tables.words(row["kind"]),
                tables.words(row["state"], state="error"),
                tables.number(row["attempt"]),
                tables.words(row["path"]),
                tables.words(row["error"]),
            ]
        )
    return Trouble("Failed jobs", table)


def _unavailable(conn: Connection) -> Trouble:
    table = Table(
        (Column("File", kind="name"), Column("State"), Column("Size", kind="number"), Column("Added", "UTC", "time"))
    )
    for row in queries.UNAVAILABLE_FILES.rows(conn, rows=TROUBLE_ROWS):
        table.rows.append(
            [
                tables.words(row["name"], href=file_page(row["id"])),
                file_state(row["state"]),
                tables.size(row["size"]),
                tables.time(row["created_at"]),
            ]
        )
    return Trouble("Files not in their place", table)


def _events(conn: Connection) -> Table:
    keep = (0, 1, 3, 6)
    table = Table([EVENT_COLUMNS[i] for i in keep], empty="No events yet.")
    for row in queries.NEWEST_EVENTS.rows(conn, rows=ROWS):
        cells = event_cells(row)
        table.rows.append([cells[i] for i in keep])
    return table


def _files(conn: Connection) -> Table:
    table = Table(
        (Column("Name", kind="name"), Column("Level"), Column("Size", kind="number"), Column("State")),
        empty="No files yet.",
    )
    for row in queries.NEWEST_FILES.rows(conn, rows=ROWS):
        table.rows.append(
            [
                tables.words(row["name"], href=file_page(row["id"])),
                tables.words(row["level"]),
                tables.size(row["size"]),
                file_state(row["state"]),
            ]
        )
    return table
