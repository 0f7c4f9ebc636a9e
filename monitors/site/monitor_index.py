"""All monitors at a glance: their states, and a timeline of all runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from archive.catalog import runs
from monitors.health import Level
from monitors.history import calendar
from monitors.site import monitor_figures, queries, tables, text
from monitors.site.monitor_rows import gravity, in_words, monitor_page, state_cell
from monitors.site.publish import Publisher
from monitors.site.queries import timed
from monitors.site.shell import Shell
from monitors.site.tables import Cell, Column, Table, to_csv
from monitors.survey import Standing

PATH = "monitors/index.html"

#: Runs, days and monitors that the timeline of all of them shows at most.
ALL_RUNS = 4000
TIMELINE_DAYS = 7
TIMELINE_MONITORS = 40

#: Changes of level of one monitor, oldest first.
LevelChanges = Sequence[tuple[datetime, Level]]


def levels(conn: Connection, now: datetime) -> Mapping[int, LevelChanges]:
    """Return the changes of level of every monitor in the last thirteen months, oldest first."""
    found: dict[int, list[tuple[datetime, Level]]] = defaultdict(list)
    with timed(conn, "level_changes"):
        for row in runs.level_changes(conn, now - timedelta(days=396)):
            found[row.monitor_id].append((row.at, Level(row.to_level)))
    return found


def publish(
    publisher: Publisher,
    conn: Connection,
    shell: Shell,
    standings: Sequence[Standing],
    changes: Mapping[int, LevelChanges],
    now: datetime,
) -> None:
    """Write ``monitors/index.html``: every monitor with its state, and a timeline of all runs."""
    ordered = by_gravity(standings)
    start = now - timedelta(days=TIMELINE_DAYS)
    with timed(conn, "runs_of_all"):
        rows = sorted(
            runs.runs(conn, since=start, limit=ALL_RUNS), key=lambda run: (run.started, run.name), reverse=True
        )
    if len(rows) == ALL_RUNS:
        start = rows[-1].started
    start = max(start, min((row.started for row in rows), default=start) - timedelta(minutes=10))
    names = [standing.name for standing in ordered[:TIMELINE_MONITORS]]
    drawn = f"{len(names)} of {len(ordered)} monitors, " if len(names) < len(ordered) else ""
    down = sum(standing.health.level is Level.DOWN for standing in standings)
    values = {
        "summary": f"{len(standings)} monitors and jobs, {down} down" if standings else "",
        "rows": status_table(ordered, changes, now),
        "plot": monitor_figures.all_runs(names, rows, start, now, "figure-runs"),
        "plot_caption": f"{drawn}{text.count(len(rows))} runs since {text.utc(start, digits=-1)} UTC",
        "statements": [
            ("Monitors", queries.MONITORS.shown()),
            ("Runs", queries.ALL_RUNS.shown(rows=ALL_RUNS)),
            ("Times when monitors were down", queries.ALL_DOWNTIME.shown()),
        ],
    }
    publisher.file("monitors/index.csv", to_csv(list(STATUS_CSV), [status_values(s) for s in ordered]))
    publisher.page(PATH, shell.render("monitors.html", PATH, "Monitors", **values))


def by_gravity(standings: Sequence[Standing]) -> list[Standing]:
    """Return monitors, those that need attention first."""
    return sorted(standings, key=lambda standing: (gravity(standing.health), standing.name))


STATUS_CSV = (
    "name", "title", "state", "level", "since", "message", "schedule", "zone", "last_start", "next_due", "deadline",
    "bad_in_row", "no_work_in_row",
)  # fmt: skip


def status_values(standing: Standing) -> dict[str, Any]:
    """Return a row of the CSV of monitors."""
    health, row = standing.health, standing.row
    return {
        "name": row.name, "title": row.title, "state": str(health.shown), "level": str(health.level),
        "since": health.since, "message": health.message, "schedule": row.schedule, "zone": row.zone,
        "last_start": health.last.started if health.last else None, "next_due": health.next_due,
        "deadline": health.deadline, "bad_in_row": health.bad_in_row, "no_work_in_row": health.no_work_in_row,
    }  # fmt: skip


def status_table(standings: Sequence[Standing], changes: Mapping[int, LevelChanges], now: datetime) -> Table:
    """Return the table of all monitors."""
    table = Table(
        (
            Column("State"), Column("Monitor", kind="name"), Column("Since", "UTC", "time"),
            Column("Last success", "UTC", "time"),
            Column("Next due", "UTC", "time"), Column("Up, 7 days", kind="number"), Column("Schedule", kind="prose"),
        ),
        empty="No monitor is declared. Name a job in pinakes.toml, or run one: pinakes monitor run NAME",
        filterable=True,
        csv="monitors/index.csv",
    )  # fmt: skip
    for standing in standings:
        health, row = standing.health, standing.row
        page = monitor_page(row.name)
        week = calendar(changes.get(row.id, ()), now, "day", 7)
        known = sum((a.up + a.down for a in week), timedelta(0))
        up = sum((a.up for a in week), timedelta(0)) / known if known else None
        table.rows.append(
            [
                state_cell(health, href=page),
                tables.words(row.title or row.name, href=page, title=row.name),
                tables.time(health.since, digits=-1, age=True),
                tables.time(last_success(standing), digits=-1, age=True),
                tables.time(health.next_due, digits=-1),
                availability_cell(up),
                schedule_cell(standing),
            ]
        )
    return table


def schedule_cell(standing: Standing) -> Cell:
    """Return the schedule in words, and whether the monitor is later than it used to be."""
    row = standing.row
    words = in_words(row.schedule) or row.schedule if row.schedule else "on request"
    if standing.advised_late:
        return tables.words(f"{words}; later than usual", state="warning")
    return tables.words(words)


def last_success(standing: Standing) -> datetime | None:
    """Return the end of the newest good run among those that are known."""
    return next((run.ended for run in standing.runs if run.state in ("success", "no_work")), None)


def availability_cell(share: float | None) -> Cell:
    """Return a share of time with a bar; below 99 % it needs a look, below 95 % more than that."""
    if share is None:
        return Cell(text.NOTHING)
    state: tables.State = "ok" if share >= 0.99 else "warning" if share >= 0.95 else "error"
    return tables.share(share, state=state)
