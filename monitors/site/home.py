"""The home page: what needs attention first, then how the monitors are, what is new, and what the archive holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from archive.catalog import storage
from monitors.health import Level
from monitors.site import attention, queries, storage_rows, tables, text
from monitors.site.attention import Attention
from monitors.site.figures import events_per_day
from monitors.site.holdings import Holdings
from monitors.site.monitor_index import by_gravity, last_success
from monitors.site.monitor_rows import monitor_page, state_cell
from monitors.site.publish import Publisher
from monitors.site.rows import EVENT_COLUMNS, event_cells, event_page, file_page, file_state
from monitors.site.shell import Shell, short_title
from monitors.site.tables import Cell, Column, Table
from monitors.survey import Standing

#: Rows of each list on the home page.
ROWS = 12

#: Things that need attention, and monitors, that are listed; the rest is on their own pages.
ATTENTION_ROWS = 40
MONITOR_ROWS = 25

#: Newest days with events in the figure.
DAYS = 90


def publish(
    publisher: Publisher,
    conn: Connection,
    shell: Shell,
    holdings: Holdings,
    standings: Sequence[Standing],
    found: Attention,
    now: datetime,
) -> None:
    """Write ``index.html``."""
    newest_events = queries.NEWEST_EVENTS.rows(conn, rows=ROWS)
    values = {
        "empty": not holdings.instruments,
        "overall": overall(found, standings),
        "attention": found.table(ATTENTION_ROWS),
        "attention_left": max(len(found.items) - ATTENTION_ROWS, 0),
        "monitors": _monitors(standings),
        "monitors_left": max(len(standings) - MONITOR_ROWS, 0),
        "newest": _newest(holdings, newest_events),
        "disks": storage_rows.disk_table(storage_rows.disks(conn, now)),
        "holdings": _holdings(holdings),
        "plot": events_per_day(holdings.events_per_day, "figure-events", newest=DAYS),
        "plot_caption": caption(holdings.events_per_day, newest=DAYS),
        "events": _events(newest_events),
        "files": _files(conn),
        "statements": [
            ("Monitors", queries.MONITORS.shown()),
            ("Open findings", queries.ALL_FINDINGS.shown()),
            ("What the archive holds", queries.HOLDINGS.shown()),
            ("Events per day", queries.EVENTS_PER_DAY.shown()),
            ("Problems by kind", queries.PROBLEM_KINDS.shown(since=found.since)),
            ("Quarantine", queries.QUARANTINE.shown(rows=attention.ROWS)),
            ("Failed jobs", queries.FAILED_JOBS.shown(rows=attention.ROWS)),
            ("File systems", storage_rows.shown(storage.DEVICES, rows=100)),
            ("Newest events", queries.NEWEST_EVENTS.shown(rows=ROWS)),
            ("Newest files", queries.NEWEST_FILES.shown(rows=ROWS)),
        ],
    }
    publisher.page("index.html", shell.render("home.html", "index.html", shell.title, **values))


def overall(found: Attention, standings: Sequence[Standing]) -> Mapping[str, str]:
    """Return the state of everything as ``state`` and ``word``, and in one line what it is made of."""
    worst = [item.state for item in found.items]
    state = "error" if "error" in worst else "warning" if "warning" in worst else "ok"
    number = found.urgent
    word = "All well" if not number else f"{number} thing{'s' * (number != 1)} need{'s' * (number == 1)} attention"
    levels = Counter(standing.health.level for standing in standings)
    monitors = (
        f"{len(standings)} monitor{'s' * (len(standings) != 1)}: {levels[Level.UP]} up, {levels[Level.DOWN]} down"
    )
    if levels[Level.UNKNOWN]:
        monitors += f", {levels[Level.UNKNOWN]} not known"
    nothing = "No monitor is declared, so nothing is watched: see pinakes monitor list"
    return {"state": state, "word": word, "line": monitors if standings else nothing}


def caption(days: Sequence[Mapping[str, Any]], newest: int | None = None) -> str:
    """Say in words what the figure of events per day shows, for those who do not see it."""
    dates = sorted({day["day"] for day in days})
    if not dates:
        return ""
    shown = dates[-newest:] if newest else dates
    total = sum(day["events"] for day in days if day["day"] >= shown[0])
    which = "the newest " if len(shown) < len(dates) else ""
    span = f"{which}{text.count(len(shown))} days with events, {shown[0]} to {shown[-1]}"
    return f"{text.count(total)} events on {span}; days without events are left out."


def _monitors(standings: Sequence[Standing]) -> Table:
    table = Table(
        (Column("State"), Column("Monitor", kind="name"), Column("Last success", "UTC", "time"),
         Column("Next due", "UTC", "time")),
        empty="No monitor is declared. Name a job in pinakes.toml, or run one: pinakes monitor run NAME",
    )  # fmt: skip
    for standing in by_gravity(standings)[:MONITOR_ROWS]:
        page = monitor_page(standing.name)
        table.rows.append(
            [
                state_cell(standing.health, href=page),
                tables.words(standing.row.title or standing.name, href=page, title=standing.name),
                tables.time(last_success(standing), digits=-1, age=True),
                tables.time(standing.health.next_due, digits=-1),
            ]
        )
    return table


def _newest(holdings: Holdings, events: Sequence[queries.Row]) -> Table:
    """Return how new the data of each instrument are."""
    table = Table(
        (Column("Instrument"), Column("Newest data", "UTC", "time"), Column("Newest file came in", "UTC", "time")),
        empty="No files yet. Bring raw files in with: pinakes ingest PATH",
    )
    for instrument in holdings.instruments:
        levels = holdings.levels(instrument["name"]).values()
        table.rows.append(
            [
                _instrument(instrument["name"], instrument["title"]),
                tables.time(max((t.t_last for t in levels if t.t_last), default=None), digits=-1, age=True),
                tables.time(max((t.added for t in levels if t.added), default=None), digits=-1, age=True),
            ]
        )
    if events:
        newest = events[0]
        href = event_page(newest["id"])
        table.rows.append(
            [tables.words("newest event", href=href), tables.time(newest["t"], digits=-1, age=True), Cell(text.NOTHING)]
        )
    return table


def _instrument(name: str, title: str) -> Cell:
    return tables.words(short_title(title), title=title, href=f"instruments/{name}.html")


def _holdings(holdings: Holdings) -> Table:
    counts = [Column(label, kind="number") for label in ("Files", "Size", "Events")]
    times = [Column(label, "UTC", "time") for label in ("Data from", "Data to", "Newest file added")]
    table = Table(
        (Column("Instrument"), Column("Level"), *counts, *times),
        empty="No files yet. Bring raw files in with: pinakes ingest PATH",
    )
    for instrument in holdings.instruments:
        events = sum(day["events"] for day in holdings.events_of(instrument["name"]))
        for level, total in holdings.levels(instrument["name"]).items():
            table.rows.append(
                [
                    _instrument(instrument["name"], instrument["title"]),
                    tables.words(level),
                    tables.number(total.files),
                    tables.size(total.bytes),
                    tables.number(events) if level == "raw" else Cell(text.NOTHING),
                    tables.time(total.t_first, digits=-1),
                    tables.time(total.t_last, digits=-1),
                    tables.time(total.added, digits=-1),
                ]
            )
    return table


def _events(rows: Sequence[queries.Row]) -> Table:
    keep = (0, 1, 3, 6)
    table = Table([EVENT_COLUMNS[i] for i in keep], empty="No events yet.")
    for row in rows:
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
