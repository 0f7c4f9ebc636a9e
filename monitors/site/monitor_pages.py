"""A page per monitor: its state, runs, metrics through time, findings and availability."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from archive.catalog import runs
from monitors.history import Availability, calendar
from monitors.site import monitor_figures, monitor_index, monitor_trends, queries, tables, text
from monitors.site.monitor_index import LevelChanges, availability_cell, last_success
from monitors.site.monitor_rows import (
    RUN_COLUMNS,
    RUN_CSV,
    labels_text,
    monitor_page,
    run_cells,
    schedule_words,
    state_cell,
)
from monitors.site.publish import Publisher
from monitors.site.queries import timed
from monitors.site.shell import Link, Shell
from monitors.site.tables import Cell, Column, Table, to_csv
from monitors.survey import Standing

#: Runs in the table of a monitor's page.
RUNS = 500

#: Figures of metrics on one page; the newest values of all metrics are in a table.
FIGURES = 16
METRIC_DAYS = 90

#: Runs looked through for findings that are no longer open.
PAST_RUNS = 1000


def publish(
    publisher: Publisher,
    conn: Connection,
    shell: Shell,
    standing: Standing,
    findings: Sequence[Any],
    changes: LevelChanges,
    kept: Container[str],
    now: datetime,
) -> None:
    """Write the page of one monitor with its CSV; `kept` are its runs that have a page."""
    row, key = standing.row, standing.row.id
    with timed(conn, "runs_of_monitor"):
        found = runs.runs(conn, monitor_id=key, limit=RUNS)
    publisher.file(monitor_page(row.name, "runs.csv"), to_csv(RUN_CSV, [run._asdict() for run in found]))
    with timed(conn, "newest_metrics"):
        newest = runs.newest_metrics(conn, monitor_id=key, limit=2000)
    groups, drawn = monitor_trends.groups(conn, key)
    plots, left_out = metric_plots(conn, key, now, drawn)
    with timed(conn, "state_changes"):
        stored = runs.changes(conn, monitor_id=key, limit=200)
    values = {
        "name": row.name,
        "facts": facts(standing),
        "availability": availability_tables(changes, now),
        "runs_plot": monitor_figures.run_times(found, "figure-runs"),
        "runs_caption": f"The newest {len(found)} runs" if found else "",
        "groups": groups,
        "plots": plots,
        "left_out": left_out,
        "metrics": metric_table(newest),
        "findings": finding_table([f for f in findings if f.monitor == row.name]),
        "past": past_table(queries.PAST_FINDINGS.rows(conn, monitor_id=key, rows=PAST_RUNS)),
        "changes": change_table(stored),
        "runs": runs_table(row.name, found, kept),
        "up": [Link("Monitors", monitor_index.PATH)],
        "statements": statements(row.name, key),
    }
    path = monitor_page(row.name)
    publisher.page(path, shell.render("monitor.html", path, row.title or row.name, **values))


def fingerprint(
    standing: Standing, findings: Sequence[Any], changes: LevelChanges, kept: frozenset[str], now: datetime
) -> str:
    """Return a text that changes when the page has to be made again; at the latest when the UTC hour changes."""
    health, row = standing.health, standing.row
    parts = (
        health.shown, health.since, health.next_due, health.message, row.title, row.schedule, row.zone, row.grace_s,
        row.max_runtime_s, row.tables, standing.advised_late, [(run.run_id, run.state) for run in standing.runs[:2]],
        len(changes), changes[-1:], f"{now:%Y-%m-%dT%H}", len(kept), min(kept, default=""), max(kept, default=""),
        [(f.code, f.subject, f.severity, f.run_id) for f in findings if f.monitor == standing.name],
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def statements(name: str, key: int) -> list[tuple[str, str]]:
    """Return the SQL behind the page of a monitor."""
    return [
        ("The monitor", queries.MONITOR.shown(name=name)),
        ("Its runs", queries.RUNS.shown(name=name, rows=RUNS)),
        ("Its metrics", queries.METRICS.shown(name=name)),
        ("Its trends", monitor_trends.TRENDS.shown(name=name)),
        ("Open findings", queries.OPEN_FINDINGS.shown(name=name)),
        ("Past findings", queries.PAST_FINDINGS.shown(monitor_id=key, rows=PAST_RUNS)),
        ("Times when it was down", queries.DOWNTIME.shown(name=name)),
    ]


def facts(standing: Standing) -> list[tuple[str, Cell, bool]]:
    """Return the facts at the top of the page: label, value, whether it needs twice the width."""
    health, row = standing.health, standing.row
    limit = "no limit" if row.max_runtime_s is None else text.duration(row.max_runtime_s)
    found = [
        ("State", state_cell(health), False),
        ("Since (UTC)", tables.time(health.since, age=True), False),
        ("Next due (UTC)", tables.time(health.next_due, age=True), False),
        ("Missed after (UTC)", tables.time(health.deadline), False),
        ("Last start (UTC)", tables.time(health.last.started if health.last else None, age=True), False),
        ("Last success (UTC)", tables.time(last_success(standing), age=True), False),
        ("Schedule", tables.words(schedule_words(row)), True),
        ("Grace, longest run", Cell(f"{text.duration(row.grace_s)}, {limit}"), False),
        ("Bad runs in a row", tables.number(health.bad_in_row, state="error" if health.bad_in_row else None), False),
        ("Why", tables.words(health.message), True),
    ]
    if standing.advice is not None:
        words = f"every {text.duration(standing.advice.usual.total_seconds())}"
        late = "; later than usual" if standing.advised_late else ""
        found.append(("Usual cadence", tables.words(words + late, state="warning" if late else None), False))
    if row.tables:
        found.append(("Writes", tables.words(", ".join(row.tables)), True))
    return found


def availability_tables(changes: LevelChanges, now: datetime) -> list[tuple[str, Table]]:
    """Return the availability of the last days, weeks and months as far as it is known, newest first."""
    found = []
    for unit, count, form in (("day", 7, "%Y-%m-%d"), ("week", 6, "%G-W%V"), ("month", 6, "%Y-%m")):
        table = Table((Column(unit.capitalize()), Column("Up", kind="number"), Column("Down for", kind="number")))
        for period in reversed(calendar(changes, now, unit, count)):
            if period.share is not None:
                table.rows.append(_availability_row(period, form))
        table.empty = "Not known yet."
        found.append((f"By {unit}", table))
    return found


def _availability_row(period: Availability, form: str) -> list[Cell]:
    down = tables.duration(period.down.total_seconds()) if period.down else Cell("0", 0.0)
    return [Cell(period.start.strftime(form)), availability_cell(period.share), down]


def metric_plots(
    conn: Connection, key: int, now: datetime, drawn: Container[str] = ()
) -> tuple[list[tuple[str, str, Any]], int]:
    """Return (element, title, figure) for each metric with a history, and how many metrics have none drawn.

    Those in `drawn` are trends: they are drawn by the time of the data, not of the run.
    """
    with timed(conn, "metric_names"):
        names = [row for row in runs.metric_names(conn, key) if "timestamp" not in row.name and row.name not in drawn]
    plots = []
    for number, row in enumerate(names[:FIGURES]):
        with timed(conn, "metric_series"):
            rows = runs.metric_series(conn, key, row.name, since=now - timedelta(days=METRIC_DAYS), limit=5000)
        plot = monitor_figures.measured(monitor_figures.Measured(row.name, row.unit, rows), f"figure-metric-{number}")
        if plot is not None:
            plots.append((f"metric-{number}", row.name.replace("_", " "), plot))
    return plots, max(len(names) - FIGURES, 0)


def metric_table(rows: Sequence[Any]) -> Table:
    """Return the newest value of every metric."""
    table = Table(
        (Column("Metric"), Column("Of"), Column("Value", kind="number"), Column("Unit"), Column("At", "UTC", "time")),
        empty="The last good run measured nothing.",
        filterable=len(rows) > 20,
    )
    for row in rows:
        value = Cell(text.NOTHING) if row.value is None else Cell(text.quantity(row.value, row.unit), row.value)
        if "timestamp" in row.name and row.value:
            value = Cell(f"{row.value:.0f}", row.value)
        name, labels = tables.words(row.name.replace("_", " ")), tables.words(labels_text(row.labels))
        table.rows.append([name, labels, value, tables.words(row.unit), tables.time(row.at)])
    return table


def finding_table(rows: Sequence[Any]) -> Table:
    """Return open findings, the gravest and oldest first."""
    columns = (Column("Severity"), Column("Finding"), Column("Of", kind="name"), Column("Open since", "UTC", "time"))
    table = Table(
        (*columns, Column("Count", kind="number"), Column("Message", kind="prose")),
        empty="No finding is open.",
        filterable=len(rows) > 20,
    )
    for row in rows:
        table.rows.append(
            [
                tables.words(row.severity, state=row.severity),
                tables.words(row.code.replace("_", " ")),
                tables.words(row.subject),
                tables.time(row.since, digits=-1, age=True),
                tables.number(row.count),
                tables.words(row.message),
            ]
        )
    return table


def past_table(rows: Sequence[queries.Row]) -> Table:
    """Return findings that are no longer open, the last seen first."""
    columns = (Column("Severity"), Column("Finding"), Column("Of", kind="name"), Column("From", "UTC", "time"))
    table = Table(
        (*columns, Column("Last found", "UTC", "time"), Column("Runs", kind="number"), Column("Message", kind="prose")),
        empty=f"None in the last {text.count(PAST_RUNS)} runs.",
        filterable=len(rows) > 20,
    )
    for row in rows:
        table.rows.append(
            [
                tables.words(row["severity"], state="unknown"),
                tables.words(row["code"].replace("_", " ")),
                tables.words(row["subject"]),
                tables.time(row["since"], digits=-1),
                tables.time(row["last"], digits=-1),
                tables.number(row["runs"]),
                tables.words(row["message"]),
            ]
        )
    return table


def change_table(rows: Sequence[Any]) -> Table:
    """Return changes of state, newest first."""
    table = Table(
        (Column("At", "UTC", "time"), Column("From"), Column("To"), Column("Reason"), Column("Why", kind="prose")),
        empty="No change of state is stored; the monitor jobs writes them.",
        filterable=len(rows) > 20,
    )
    word: dict[str, tables.State] = {"up": "ok", "down": "error", "unknown": "unknown"}
    for row in rows:
        table.rows.append(
            [
                tables.time(row.at),
                tables.words((row.from_state or "–").replace("_", " ")),
                tables.words(row.to_state.replace("_", " "), state=word[row.to_level]),
                tables.words(row.reason),
                tables.words(row.message),
            ]
        )
    return table


def runs_table(name: str, rows: Sequence[Any], kept: Container[str]) -> Table:
    """Return the newest runs within the retention, each with a link to its page, and the one that is under way."""
    csv = monitor_page(name, "runs.csv")
    empty = "No run of it is kept." if rows else "It has never run."
    table = Table(RUN_COLUMNS, empty=empty, filterable=True, csv=csv)
    for row in rows:
        if str(row.run_id) in kept or row.state == "running":
            table.rows.append(run_cells(row, page=str(row.run_id) in kept))
    return table
