"""The health of a thousand jobs: a few queries of index ranges, beside a ranking of all their runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text

from archive.catalog import Catalog, run_record
from archive.catalog.schema import monitor_run
from monitors.declare import Declaration
from monitors.schedule import parse
from monitors.survey import survey
from scripts.benchmarks.catalog import fresh_catalog
from scripts.benchmarks.row import Row, seconds

JOBS = 1000
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
NOW = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
FILL = text(
    """
    insert into ops.monitor_run (run_id, monitor_id, state, cause, scheduled_for, started, heartbeat, ended, n_in, host,
        boot_id, pid_namespace, pid, start_ticks, user_name, version)
    select gen_random_uuid(), m.id, case when k % 50 = 7 then 'failure' else 'success' end, 'schedule', t, t, t,
           t + interval '20 seconds', 1, 'host', 'boot', 'pids', 1, 1, 'user', '0.1.0'
    from generate_series(1, :runs) k, lateral (select :now - k * interval '10 minutes' as t) at, ops.monitor m
    """
)


def measure(large: bool) -> list[Row]:
    """Fill the run table, and look at every job."""
    each = 1000 if large else 200
    with fresh_catalog() as catalog:
        fill(catalog, each)
        ours = seconds(lambda: look(catalog))
        usual = seconds(lambda: rank(catalog))
    note = f"({JOBS:,} jobs, {JOBS * each:,} runs)"
    return [Row(f"state of every job {note}", ours, "s", "< 1 s", usual, "rank all runs, SQL alone")]


def fill(catalog: Catalog, each: int) -> None:
    """Declare the jobs and give each its runs."""
    with catalog.begin() as conn:
        jobs = [
            Declaration(f"job-{k}", "external", "", parse("*/10 * * * *", zone), "*/10 * * * *", zone).row()
            for k, zone in ((k, ZONES[k % len(ZONES)]) for k in range(JOBS))
        ]
        run_record.register(conn, jobs, NOW - timedelta(days=30), whole=False)
        conn.execute(FILL, {"now": NOW - timedelta(seconds=30), "runs": each})
    with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("vacuum analyze ops.monitor_run"))


def look(catalog: Catalog) -> None:
    """Compute the state of every job, queries included."""
    with catalog.read() as conn:
        assert len(survey(conn, NOW)) == JOBS


def rank(catalog: Catalog) -> None:
    """Read the same runs the usual way: number all of them within their job, keep the newest."""
    run = monitor_run.c
    place = func.row_number().over(partition_by=run.monitor_id, order_by=run.started.desc()).label("place")
    ranked = select(run.monitor_id, run.run_id, run.started, run.ended, run.state, run.error_type, place).subquery()
    with catalog.read() as conn:
        assert len(conn.execute(select(ranked).where(ranked.c.place <= 31)).all()) == 31 * JOBS
