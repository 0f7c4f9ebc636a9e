"""Problems: what was wrong with new files, what is set aside, what is missing or damaged, which jobs failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archive.catalog import backlog, runs
from monitors.base import Context, Finding, Metric, Monitor, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

#: Before the first run of the monitor there is no limit.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

#: Rows written in a transaction that was open at the last run may carry an earlier time than it.
OVERLAP = timedelta(minutes=15)


class Problems(Monitor):
    """Tells of new problems once, and of what is set aside or damaged until it is mended.

    Options: ``days`` (1): problems with files are shown for so long.
    """

    name = "problems"
    title = "Problems and quarantine"
    schedule = "10 * * * *"
    grace = "20m"
    max_runtime = "10m"

    def run(self, context: Context) -> Result:
        """Look at everything that is not as it should be."""
        shown = timedelta(days=float(context.options.get("days", 1)))
        start, until = context.window or (context.now - shown, context.now)
        with context.catalog.read() as conn:
            problems = backlog.problems(conn, start, until)
            fresh = backlog.problems(conn, context.window[0] if context.window else last_good(conn, context), until)
            aside = backlog.quarantine(conn)
            states = backlog.file_states(conn)
            failures = backlog.failures(conn)
        total = sum(row.n for row in fresh)
        return Result(
            message=f"{total} new problems; {sum(row.n for row in aside)} files are set aside.",
            n_in=total + sum(row.n for rows in (aside, states, failures) for row in rows),
            metrics=[
                *(Metric("new_problems", row.n, "", {"severity": row.severity, "code": row.code}) for row in fresh),
                *(Metric("quarantined_files", row.n, "", {"reason": row.reason}) for row in aside),
                Metric("quarantined_bytes", sum(row.n_bytes for row in aside), "B"),
                *(Metric("files_not_available", row.n, "", {"state": row.state}) for row in states),
                *(Metric("failed_jobs", row.n, "", {"kind": row.kind}) for row in failures),
            ],
            findings=[*of_problems(problems, shown), *of_quarantine(aside), *of_states(states), *of_failures(failures)],
        )


def last_good(conn: Connection, context: Context) -> datetime:
    """Return the start of the last good run, less an overlap for transactions that were under way."""
    good = [run.started for run in runs.runs(conn, monitor_id=context.monitor_id, limit=50)
            if run.state in ("success", "no_work") and run.cause != "back-fill"]  # fmt: skip
    return good[0] - OVERLAP if good else BEGINNING


def of_problems(rows: Sequence[Any], shown: timedelta) -> list[Finding]:
    """Return problems of files that came lately, by kind; mere information is left out."""
    found = []
    for row in rows:
        if row.severity != "info":
            message = (
                f"{row.n} times {row.code} in {row.n_files} files of the last {shown / timedelta(days=1):g} days, "
                f"newest {row.example!r}; see the pages of these files, or analysis.problems with `pinakes sql`."
            )
            facts = {"files": row.n_files, "newest": row.newest.isoformat()}
            found.append(Finding("file_problem", message, row.severity, row.code, row.n, facts))
    return found


def of_quarantine(rows: Sequence[Any]) -> list[Finding]:
    """Return what is set aside, by reason."""
    return [
        Finding(
            "quarantined",
            f"{row.n} files are set aside as {row.reason}, newest {row.example!r}; read their manifests there, "
            "then give the mended ones to `pinakes ingest`.",
            "warning",
            row.reason,
            row.n,
            {"n_bytes": row.n_bytes, "oldest": row.oldest.isoformat()},
        )
        for row in rows
    ]


def of_states(rows: Sequence[Any]) -> list[Finding]:
    """Return files that are marked missing or corrupt."""
    return [
        Finding(
            f"files_{row.state}",
            f"{row.n} files are marked {row.state}, newest {row.example!r}; mend them with `pinakes repair`.",
            "error",
            "",
            row.n,
        )
        for row in rows
        if row.state in ("missing", "corrupt")
    ]


def of_failures(rows: Sequence[Any]) -> list[Finding]:
    """Return jobs that failed for good, by kind."""
    return [
        Finding(
            "jobs_failed",
            f"{row.n} jobs {row.kind!r} failed, newest: {row.error or 'for no known reason'} When the cause is gone, "
            "queue them again with `pinakes repair`.",
            "error",
            row.kind,
            row.n,
            {"example": row.example},
        )
        for row in rows
    ]
