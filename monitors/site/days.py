"""UTC days at addresses that never move: what happened on each, the weeks and months they belong to, and a calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.attention import kind_table
from monitors.site.broken import guarded
from monitors.site.calendar_view import year_views
from monitors.site.day_figure import events_per_hour
from monitors.site.figures import day_after, midnight
from monitors.site.holdings import Holdings
from monitors.site.monitor_rows import monitor_page
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.rows import EVENT_COLUMNS, FILE_COLUMNS, event_cells, file_cells
from monitors.site.shell import Link, Shell
from monitors.site.tables import Column, Table

PATH = "days/index.html"

#: Rows of each list on the page of a day; the lists of events and files have all of them.
ROWS = 100


@dataclass(frozen=True, slots=True)
class Day:
    """What there is of one UTC day; `fingerprint` changes when any of it does."""

    day: date
    events: int = 0
    files: int = 0
    bytes: int = 0
    arrived: int = 0
    runs: int = 0
    bad: int = 0
    fingerprint: str = ""


def day_page(day: date) -> str:
    """Return the page of a day, relative to the site."""
    return f"days/{day:%Y/%m/%d}.html"


def week_page(day: date) -> str:
    """Return the page of the ISO week of a day."""
    return f"days/{day:%G}/W{day:%V}.html"


def month_page(day: date) -> str:
    """Return the page of the month of a day."""
    return f"days/{day:%Y/%m}/index.html"


def all_days(holdings: Holdings, run_days: Mapping[str, Sequence[Any]]) -> list[Day]:
    """Return every day on which anything is known to have happened, oldest first.

    `run_days` has the number of runs, of those that failed, and a fingerprint by day ``2026-11-20``.
    """
    events = {row["day"]: row for row in holdings.event_days}
    ran = {date.fromisoformat(day): found for day, found in run_days.items()}
    found = []
    for day in sorted({*events, *holdings.file_days, *holdings.arrivals, *ran}):
        files = holdings.file_days.get(day, {}).values()
        arrival, of_runs = holdings.arrivals.get(day), ran.get(day, (0, 0, ""))
        parts = [events[day]["fingerprint"] if day in events else 0, *(row["fingerprint"] for row in files)]
        parts += [arrival["fingerprint"] if arrival else 0, of_runs[2]]
        found.append(
            Day(
                day,
                events[day]["events"] if day in events else 0,
                sum(row["files"] for row in files),
                sum(row["bytes"] for row in files),
                arrival["files"] if arrival else 0,
                of_runs[0],
                of_runs[1],
                " ".join(map(str, parts)),
            )
        )
    return found


def publish(
    publisher: Publisher, conn: Connection, shell: Shell, days: Sequence[Day], seen: Mapping[str, str]
) -> dict[str, str]:
    """Write the pages of the days that changed, of their weeks and months, and the calendar.

    Returns
    -------
    dict
        Fingerprint by day, with those of its neighbours: `seen` of the next build.
    """
    now = {}
    weeks: dict[str, list[Day]] = defaultdict(list)
    months: dict[str, list[Day]] = defaultdict(list)
    for number, day in enumerate(days):
        before = days[number - 1].day if number else None
        after = days[number + 1].day if number + 1 < len(days) else None
        now[day.day.isoformat()] = f"{day.fingerprint} {before} {after}"
        weeks[week_page(day.day)].append(day)
        months[month_page(day.day)].append(day)
        if seen.get(day.day.isoformat()) != now[day.day.isoformat()]:
            with guarded(publisher, shell, {day_page(day.day): day.day.isoformat()}, conn):
                publish_day(publisher, conn, shell, day, before, after)
    _publish_periods(publisher, shell, "week", weeks)
    _publish_periods(publisher, shell, "month", months)
    values = {"years": year_views(days), "empty": not days, "statements": []}
    publisher.page(PATH, shell.render("calendar.html", PATH, "Days", **values))
    for gone in seen.keys() - now.keys():
        publisher.remove(day_page(date.fromisoformat(gone)))
    return now


def publish_day(
    publisher: Publisher, conn: Connection, shell: Shell, day: Day, before: date | None, after: date | None
) -> None:
    """Write the page of one day."""
    limits = {"start": midnight(day.day), "stop": day_after(day.day)}
    events = queries.EVENTS_OF_DAY_BRIEF.rows(conn, **limits, rows=ROWS) if day.events else []
    hours = queries.EVENTS_PER_HOUR.rows(conn, **limits) if day.events else []
    files = queries.FILES_OF_TIME.rows(conn, **limits, rows=ROWS) if day.files else []
    arrived = queries.FILES_ARRIVED.rows(conn, **limits, rows=ROWS) if day.arrived else []
    ran = queries.RUNS_OF_DAY.rows(conn, **limits) if day.runs else []
    problems = queries.PROBLEMS_OF_DAY.rows(conn, **limits) if day.arrived else []
    changes = queries.CHANGES_OF_DAY.rows(conn, **limits, rows=ROWS) if day.runs else []
    path = day_page(day.day)
    values = {
        "up": [
            Link("Days", PATH),
            Link(f"{day.day:%Y-%m}", month_page(day.day)),
            Link(f"Week {day.day:%V}", week_page(day.day)),
        ],
        "before": before and day_page(before),
        "after": after and day_page(after),
        "before_label": before and before.isoformat(),
        "after_label": after and after.isoformat(),
        "summary": summary(day),
        "plot": events_per_hour(hours, "figure-hours"),
        "events": Table(EVENT_COLUMNS, [event_cells(row) for row in events], csv=f"events/{day.day}.csv"),
        "events_total": day.events,
        "events_page": f"events/{day.day}.html",
        "files": Table(FILE_COLUMNS, [file_cells(row) for row in files]),
        "files_total": day.files,
        "arrived": Table(FILE_COLUMNS, [file_cells(row) for row in arrived]),
        "arrived_total": day.arrived,
        "runs": run_table(ran),
        "changes": change_table(changes),
        "problems": kind_table(problems),
        "statements": [
            (title, query.shown(**limits, **extra))
            for title, query, extra in (
                ("Events per hour", queries.EVENTS_PER_HOUR, {}),
                ("Events", queries.EVENTS_OF_DAY_BRIEF, {"rows": ROWS}),
                ("Files with data that begin on this day", queries.FILES_OF_TIME, {"rows": ROWS}),
                ("Files that came in", queries.FILES_ARRIVED, {"rows": ROWS}),
                ("Runs", queries.RUNS_OF_DAY, {}),
                ("Changes of state", queries.CHANGES_OF_DAY, {"rows": ROWS}),
                ("Problems met", queries.PROBLEMS_OF_DAY, {}),
            )
        ],
    }
    publisher.page(path, shell.render("day.html", path, f"{day.day:%A} {day.day.isoformat()}", **values))


def summary(day: Day) -> str:
    """Return the numbers of a day in one line."""
    parts = [
        (day.events, f"{text.count(day.events)} events"),
        (day.files, f"{text.count(day.files)} files of data, {text.size(day.bytes)}"),
        (day.arrived, f"{text.count(day.arrived)} files came in"),
        (day.runs, f"{text.count(day.runs)} runs" + (f", {text.count(day.bad)} of them failed" if day.bad else "")),
    ]
    return " · ".join(words for number, words in parts if number)


def run_table(rows: Sequence[Row]) -> Table:
    """Return the runs of a day by monitor, those that failed first."""
    names = ("Runs", "Good", "No work", "Failed", "Killed", "Skipped")
    counts = [Column(label, kind="number") for label in names]
    table = Table((Column("Monitor", kind="name"), *counts, Column("Longest", kind="number")))
    for row in rows:
        failed = [tables.number(row[k], state="error" if row[k] else None) for k in ("failure", "killed")]
        table.rows.append(
            [
                tables.words(row["title"] or row["monitor"], href=monitor_page(row["monitor"])),
                tables.number(row["runs"]),
                tables.number(row["success"]),
                tables.number(row["no_work"]),
                *failed,
                tables.number(row["skipped"]),
                tables.duration(row["longest"]),
            ]
        )
    return table


def change_table(rows: Sequence[Row]) -> Table:
    """Return the changes of state of a day, newest first."""
    table = Table((Column("At", "UTC", "time"), Column("Monitor"), Column("State"), Column("Why", kind="prose")))
    words: dict[str, tables.State] = {"up": "ok", "down": "error", "unknown": "unknown"}
    for row in rows:
        state = tables.words(row["to_state"].replace("_", " "), state=words[row["to_level"]])
        name = tables.words(row["name"], href=monitor_page(row["name"]))
        table.rows.append([tables.time(row["at"]), name, state, tables.words(row["message"])])
    return table


def _publish_periods(publisher: Publisher, shell: Shell, kind: str, periods: Mapping[str, Sequence[Day]]) -> None:
    paths = list(periods)
    for number, path in enumerate(paths):
        days = periods[path]
        first = days[0].day
        title = f"{first:%B %Y}" if kind == "month" else f"Week {first:%V} of {first:%G}"
        bad = sum(day.bad for day in days)
        whole = Day(
            first, sum(d.events for d in days), sum(d.files for d in days), sum(d.bytes for d in days),
            sum(d.arrived for d in days), sum(d.runs for d in days), bad,
        )  # fmt: skip
        values = {
            "up": [Link("Days", PATH)],
            "before": paths[number - 1] if number else None,
            "after": paths[number + 1] if number + 1 < len(paths) else None,
            "before_label": f"earlier {kind}",
            "after_label": f"later {kind}",
            "summary": summary(whole),
            "rows": day_table(days),
            "span": span(first) if kind == "week" else "",
        }
        publisher.page(path, shell.render("period.html", path, title, **values))


def span(first: date) -> str:
    """Return the Monday and Sunday of the week of a day."""
    monday = first - timedelta(days=first.weekday())
    return f"{monday} to {monday + timedelta(days=6)}"


def day_table(days: Sequence[Day]) -> Table:
    """Return days with what happened on them."""
    counts = [Column(label, kind="number") for label in ("Events", "Files of data", "Size", "Files that came in")]
    runs_of = [Column(label, kind="number") for label in ("Runs", "Failed runs")]
    table = Table((Column("Day"), *counts, *runs_of))
    for day in days:
        table.rows.append(
            [
                tables.words(f"{day.day.isoformat()} {day.day:%a}", href=day_page(day.day)),
                tables.number(day.events),
                tables.number(day.files),
                tables.size(day.bytes),
                tables.number(day.arrived),
                tables.number(day.runs),
                tables.number(day.bad, state="error" if day.bad else None),
            ]
        )
    return table
