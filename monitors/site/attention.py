"""What needs attention: one list for the home page, and the page with everything that is wrong in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from archive.catalog import runs
from monitors.health import Level, State
from monitors.site import queries, tables
from monitors.site.monitor_rows import monitor_page
from monitors.site.publish import Publisher
from monitors.site.queries import timed
from monitors.site.rows import file_page, file_state
from monitors.site.shell import Shell
from monitors.site.tables import Cell, Column, Table, to_csv
from monitors.survey import Standing

PATH = "problems.html"

#: Rows of quarantine, failed jobs, lost files and findings; more of them are said, not listed.
ROWS = 200

#: Newest problems in files that are listed.
PROBLEM_ROWS = 1000

#: Problems in files that came in within this time need attention; older ones have been seen.
RECENT = timedelta(days=7)


class Trouble(NamedTuple):
    """A list of what is wrong, with its heading and anchor."""

    anchor: str
    caption: str
    table: Table


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs attention."""

    state: tables.State
    kind: str
    subject: str
    href: str | None
    since: datetime | None
    message: str


class Attention:
    """Everything that needs attention at one time; `items` has the gravest and oldest first."""

    def __init__(self, conn: Connection, standings: Sequence[Standing], now: datetime) -> None:
        since = now.replace(minute=0, second=0, microsecond=0) - RECENT
        self.since = since
        with timed(conn, "open_findings"):
            self.findings = runs.open_findings(conn, limit=ROWS)
        self.quarantine = queries.QUARANTINE.rows(conn, rows=ROWS)
        self.jobs = queries.FAILED_JOBS.rows(conn, rows=ROWS)
        self.unavailable = queries.UNAVAILABLE_FILES.rows(conn, rows=ROWS)
        self.problems = queries.PROBLEM_KINDS.rows(conn, since=since)
        items = [*of_monitors(standings), *of_findings(self.findings), *self._of_files()]
        order = ("error", "warning", "info")
        self.items = sorted(items, key=lambda item: (order.index(item.state), item.since or now))

    @property
    def urgent(self) -> int:
        """How many of the items are errors or warnings."""
        return sum(item.state in ("error", "warning") for item in self.items)

    def _of_files(self) -> list[Item]:
        found = []
        if self.unavailable:
            names = f"{_count(self.unavailable)} not in place, the newest {self.unavailable[0]['name']}"
            oldest = min(row["created_at"] for row in self.unavailable)
            message = "Missing, corrupt or pending; pinakes verify looks again, pinakes repair brings back what it can."
            found.append(Item("error", "files", names, f"{PATH}#files", oldest, message))
        for kind in sorted({row["kind"] for row in self.jobs}):
            jobs = [row for row in self.jobs if row["kind"] == kind]
            subject = f"{_count(jobs, 'job')} of kind {kind} failed"
            why = jobs[0]["error"] or "No reason given."
            found.append(Item("error", "jobs", subject, f"{PATH}#jobs", jobs[-1]["ended"], why))
        for reason in sorted({row["reason"] for row in self.quarantine}):
            rows = [row for row in self.quarantine if row["reason"] == reason]
            subject = f"{_count(rows)} in quarantine: {reason.replace('_', ' ')}"
            oldest = rows[-1]["created_at"]
            found.append(Item("warning", "quarantine", subject, f"{PATH}#quarantine", oldest, rows[0]["message"]))
        for row in self.problems:
            subject = f"{row['code'].replace('_', ' ')} in {row['files'] or 1} files"
            found.append(Item(row["severity"], "data", subject, f"{PATH}#kinds", row["oldest"], row["message"]))
        return found

    def table(self, rows: int) -> Table:
        """Return the list for the home page."""
        columns = (Column("Kind"), Column("What", kind="name"), Column("Since", "UTC", "time"))
        table = Table((*columns, Column("Why, and what to do", kind="prose")))
        for item in self.items[:rows]:
            table.rows.append(
                [
                    tables.words(item.kind, state=item.state),
                    tables.words(item.subject, href=item.href),
                    tables.time(item.since, digits=-1, age=True),
                    tables.words(item.message),
                ]
            )
        return table


def _count(rows: Sequence[Any], word: str = "file") -> str:
    number = f"{len(rows)} or more" if len(rows) >= ROWS else str(len(rows))
    return f"{number} {word}{'s' * (len(rows) != 1)}"


def of_monitors(standings: Sequence[Standing]) -> list[Item]:
    """Return monitors that are down, flapping or late."""
    found = []
    for standing in standings:
        health = standing.health
        state: tables.State = "error"
        if health.level is not Level.DOWN:
            if not health.flapping and health.state is not State.LATE:
                continue
            state = "warning"
        subject = f"{standing.row.title or standing.name}: {health.shown.replace('_', ' ')}"
        found.append(Item(state, "monitor", subject, monitor_page(standing.name), health.since, health.message))
    return found


#: What these monitors find is on this list already, as it is now.
ECHOES = {"jobs": "job_", "problems": ""}


def of_findings(findings: Sequence[Any]) -> list[Item]:
    """Return the open findings of monitors, but for those that repeat what the catalog itself says."""
    return [
        Item(
            row.severity, "finding", " of ".join(filter(None, (row.code.replace("_", " "), row.subject))),
            f"{monitor_page(row.monitor)}#findings", row.since, row.message,
        )
        for row in findings
        if not (row.monitor in ECHOES and row.code.startswith(ECHOES[row.monitor]))
    ]  # fmt: skip


def publish(publisher: Publisher, conn: Connection, shell: Shell, attention: Attention) -> None:
    """Write ``problems.html``: all that is wrong, in full."""
    newest = queries.NEWEST_PROBLEMS.rows(conn, rows=PROBLEM_ROWS)
    names = ("id", "created_at", "instrument", "severity", "code", "count", "file_id", "byte_offset", "message", "name")
    publisher.file("problems.csv", to_csv(names, newest))
    kinds = Trouble("kinds", "Problems in files of the last seven days, by kind", kind_table(attention.problems))
    lists = [
        Trouble("files", "Files not in their place", unavailable_table(attention.unavailable)),
        Trouble("jobs", "Failed jobs", job_table(attention.jobs)),
        Trouble("quarantine", "In quarantine", quarantine_table(attention.quarantine)),
        kinds,
        Trouble("newest", f"Newest {len(newest)} problems in files" if newest else "Problems", problem_table(newest)),
    ]
    statements = [
        ("Files not in their place", queries.UNAVAILABLE_FILES.shown(rows=ROWS)),
        ("Failed jobs", queries.FAILED_JOBS.shown(rows=ROWS)),
        ("In quarantine", queries.QUARANTINE.shown(rows=ROWS)),
        ("Problems by kind", queries.PROBLEM_KINDS.shown(since=attention.since)),
        ("Newest problems", queries.NEWEST_PROBLEMS.shown(rows=PROBLEM_ROWS)),
    ]
    publisher.page(PATH, shell.render("problems.html", PATH, "Problems", lists=lists, statements=statements))


def kind_table(rows: Sequence[queries.Row]) -> Table:
    """Return problems by kind, the gravest first."""
    counts = [Column(label, kind="number") for label in ("Files", "Times")]
    newest = (Column("Newest", "UTC", "time"), Column("Newest file", kind="name"))
    table = Table(
        (Column("Severity"), Column("Problem"), *counts, *newest, Column("Newest message", kind="prose")),
        empty="No problem was met in the files of the last seven days.",
    )
    for row in rows:
        table.rows.append(
            [
                tables.words(row["severity"], state=row["severity"]),
                tables.words(row["code"].replace("_", " ")),
                tables.number(row["files"]),
                tables.number(row["times"]),
                tables.time(row["newest"]),
                tables.words(row["name"], href=None if row["file_id"] is None else file_page(row["file_id"])),
                tables.words(row["message"]),
            ]
        )
    return table


def problem_table(rows: Sequence[queries.Row]) -> Table:
    """Return single problems, newest first."""
    columns = (Column("Met", "UTC", "time"), Column("Severity"), Column("Problem"), Column("File", kind="name"))
    table = Table(
        (*columns, Column("Offset", "B", "number"), Column("Times", kind="number"), Column("Message", kind="prose")),
        empty="No file has a problem.",
        filterable=True,
        csv="problems.csv",
    )
    for row in rows:
        table.rows.append(
            [
                tables.time(row["created_at"]),
                tables.words(row["severity"], state=row["severity"]),
                tables.words(row["code"].replace("_", " ")),
                tables.words(row["name"], href=None if row["file_id"] is None else file_page(row["file_id"])),
                tables.number(row["byte_offset"]),
                tables.number(row["count"]),
                tables.words(row["message"]),
            ]
        )
    return table


def quarantine_table(rows: Sequence[queries.Row]) -> Table:
    """Return what lies in quarantine, newest first."""
    reason = (Column("Reason"), Column("What to do", kind="prose"))
    table = Table((Column("Set aside", "UTC", "time"), Column("File", kind="name"), *reason), empty="Nothing.")
    for row in rows:
        table.rows.append(
            [
                tables.time(row["created_at"], age=True),
                tables.words(row["source"], href=None if row["file_id"] is None else file_page(row["file_id"])),
                tables.words(row["reason"].replace("_", " "), state="warning"),
                tables.words(row["message"]),
            ]
        )
    return table


def job_table(rows: Sequence[queries.Row]) -> Table:
    """Return failed jobs, newest first."""
    columns = (Column("Ended", "UTC", "time"), Column("Job", kind="number"), Column("Kind"), Column("State"))
    more = (Column("Attempts", kind="number"), Column("File", kind="name"), Column("Error", kind="prose"))
    table = Table((*columns, *more), empty="None among the newest 100\u2009000 jobs.")
    for row in rows:
        table.rows.append(
            [
                tables.time(row["ended"], age=True),
                tables.number(row["id"], "d"),
                tables.words(row["kind"]),
                tables.words(row["state"], state="error"),
                tables.number(row["attempt"]),
                tables.words(row["path"]),
                tables.words(row["error"]),
            ]
        )
    return table


def unavailable_table(rows: Sequence[queries.Row]) -> Table:
    """Return files whose bytes are not known to be in their place."""
    table = Table(
        (Column("File", kind="name"), Column("State"), Column("Size", kind="number"), Column("Added", "UTC", "time")),
        empty="Every file is in its place.",
    )
    for row in rows:
        name = tables.words(row["name"], href=file_page(row["id"]))
        cells: list[Cell] = [name, file_state(row["state"]), tables.size(row["size"]), tables.time(row["created_at"])]
        table.rows.append(cells)
    return table
