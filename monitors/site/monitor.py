"""The build of the pages as a monitor: the scheduler makes them, and its run says how long each question took."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from monitors.base import Context, Finding, Metric, Monitor, Result, Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from monitors.site.publish import Report


class SiteMonitor(Monitor):
    """Builds the pages of the archive."""

    name = "site"
    title = "Site build"
    tables = ("ops.query_time",)
    schedule = "*/15 * * * *"
    grace = "15m"
    max_runtime = "4h"

    def run(self, context: Context) -> Result:
        """Bring the pages up to date, and return what that took."""
        from monitors.site.build import build

        full = bool(context.options.get("full", False))
        report = build(
            context.catalog, context.settings, full=full, run=str(context.run_id), now=context.now, say=context.log.info
        )
        for note in report.notes:
            context.log.warning(note)
        context.at_close(partial(record, report=report, at=context.now))
        slowest = sorted(report.queries.items(), key=lambda item: -item[1].total_s)
        return Result(
            status=Status.SUCCESS,
            message=f"{report.written} files written, {report.unchanged} unchanged, {report.removed} removed.",
            n_in=report.written + report.unchanged,
            n_done=report.written,
            findings=[
                Finding("page_broken", f"{path} could not be made; see the log of the run.", "error", path)
                for path in report.broken
            ],
            metrics=[
                Metric("site_build_seconds", report.seconds, "s"),
                Metric("site_files_written", report.written),
                Metric("site_files_unchanged", report.unchanged),
                Metric("site_permission_warnings", report.permission_warnings),
                Metric("site_home_bytes", (report.site / "index.html").stat().st_size, "B"),
                *(Metric("site_query_seconds", timing.total_s, "s", {"query": name}) for name, timing in slowest),
            ],
        )


def record(conn: Connection, report: Report, at: datetime) -> None:
    """Keep how long each question of the build took, for the monitor of the database."""
    from archive.catalog.timings import Question, Timings
    from archive.catalog.timings import record as keep

    seen = Timings(at)
    for name, timing in report.queries.items():
        seen.questions[name] = Question(
            name, timing.statement, timing.calls, timing.rows, timing.total_s, timing.longest_s
        )
    keep(conn, "site", seen)
