"""Reading monitors, runs, metrics, findings, changes of state and notices. Every list has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Subquery, and_, func, literal_column, select, true

from archive.catalog.schema.monitors import (
    finding,
    metric,
    monitor,
    monitor_run,
    monitor_run_table,
    notice,
    state_change,
    watermark,
)
from archive.errors import NotFound

Rows = list[Row[*tuple[Any, ...]]]

#: Runs looked at for the state of a job: 30 intervals for the cadence need 31 starts.
RECENT = 31

#: Columns of a run that a list shows.
BRIEF = (
    "run_id", "monitor_id", "state", "cause", "scheduled_for", "started", "ended", "exit_code", "signal", "error_type",
    "error_message", "message", "n_in", "n_done", "n_skipped", "n_failed", "n_warnings", "n_errors", "wall_s",
    "cpu_user_s", "cpu_system_s", "max_rss_bytes", "host", "version", "log_path",
)  # fmt: skip


def monitors(conn: Connection, *, removed: bool = False) -> Rows:
    """Return every monitor that is declared, by name; with `removed` also those that no longer are."""
    query = select(monitor).order_by(monitor.c.name)
    return list(conn.execute(query if removed else query.where(monitor.c.removed_at.is_(None))))


def monitor_named(conn: Connection, name: str) -> Row[*tuple[Any, ...]]:
    """Return one monitor.

    Raises
    ------
    NotFound
        When there is none by that name.
    """
    found = conn.execute(select(monitor).where(monitor.c.name == name)).one_or_none()
    if found is None:
        known = ", ".join(conn.execute(select(monitor.c.name).order_by(monitor.c.name)).scalars()) or "none"
        raise NotFound(f"There is no monitor named {name!r} (there are: {known}).")
    return found


def recent(conn: Connection, *, limit: int = RECENT, monitor_id: int | None = None) -> Rows:
    """Return the newest runs of every monitor, newest first within each: what health is computed from.

    One index range a monitor, whatever the number of runs. Skipped starts are left out.

    Returns
    -------
    list
        Rows of monitor_id, run_id, started, ended, state, error_type, heartbeat.
    """
    run = monitor_run.c
    newest = (
        select(run.run_id, run.started, run.ended, run.state, run.error_type, run.heartbeat)
        .where(run.monitor_id == monitor.c.id, run.state != "skipped", run.cause != "back-fill")
        .order_by(run.started.desc())
        .limit(limit)
        .lateral("newest")
    )
    query = select(monitor.c.id.label("monitor_id"), *newest.c).select_from(monitor.join(newest, true()))
    query = query.where(monitor.c.id == monitor_id) if monitor_id is not None else query
    return list(conn.execute(query.where(monitor.c.removed_at.is_(None))))


def runs(
    conn: Connection,
    *,
    monitor_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Sequence[str] = (),
    limit: int = 100,
) -> Rows:
    """Return runs, newest first, with the columns of `BRIEF` and the monitor's name; never arrays or output."""
    run = monitor_run.c
    query = select(monitor.c.name, *(run[column] for column in BRIEF)).join(monitor, monitor.c.id == run.monitor_id)
    if monitor_id is not None:
        query = query.where(run.monitor_id == monitor_id)
    if since is not None:
        query = query.where(run.started >= since)
    if until is not None:
        query = query.where(run.started < until)
    if states:
        query = query.where(run.state.in_(states))
    return list(conn.execute(query.order_by(run.started.desc()).limit(limit)))


def run(conn: Connection, run_id: UUID) -> Row[*tuple[Any, ...]]:
    """Return everything about one run, with the monitor's name.

    Raises
    ------
    NotFound
        When there is no such run.
    """
    query = select(monitor.c.name, *monitor_run.c).join(monitor, monitor.c.id == monitor_run.c.monitor_id)
    found = conn.execute(query.where(monitor_run.c.run_id == run_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def points_done(conn: Connection, monitor_id: int, after: datetime, until: datetime) -> set[datetime]:
    """Return the schedule points of a time that have had a good run, back-fills included."""
    run = monitor_run.c
    good = (run.monitor_id == monitor_id, run.state.in_(("success", "no_work")))
    query = select(run.scheduled_for).where(*good, run.scheduled_for > after, run.scheduled_for <= until)
    return set(conn.execute(query).scalars())


def tables(conn: Connection, run_id: UUID) -> Rows:
    """Return the tables a run wrote: table_name, n_insert, n_update, n_delete, n_rows (all three)."""
    wrote = monitor_run_table.c
    query = select(wrote.table_name, wrote.n_insert, wrote.n_update, wrote.n_delete, wrote.n_rows)
    return list(conn.execute(query.where(wrote.run_id == run_id).order_by(wrote.table_name)))


def _newest_good(monitor_id: int | None) -> Subquery:
    """Return (monitor, run_id) of the newest good run of every monitor, or of one, apart from back-fills."""
    of = monitor_run.alias("of")
    good = (
        select(of.c.run_id)
        .where(of.c.monitor_id == monitor.c.id, of.c.state.in_(("success", "no_work")), of.c.cause != "back-fill")
        .order_by(of.c.started.desc())
        .limit(1)
        .correlate(monitor)
        .scalar_subquery()
    )
    query = select(monitor.c.name.label("monitor"), good.label("run_id"))
    chosen = monitor.c.removed_at.is_(None) if monitor_id is None else monitor.c.id == monitor_id
    return query.where(chosen).subquery("newest")


def newest_metrics(conn: Connection, *, monitor_id: int | None = None, limit: int = 20_000) -> Rows:
    """Return the metrics of the newest good run of every monitor: monitor, name, labels, at, value, unit, run_id."""
    newest = _newest_good(monitor_id)
    columns = (metric.c[name] for name in ("name", "labels", "at", "value", "unit", "run_id"))
    query = select(newest.c.monitor, *columns).join(metric, metric.c.run_id == newest.c.run_id)
    return list(conn.execute(query.order_by(newest.c.monitor, metric.c.name, metric.c.id).limit(limit)))


def metric_series(
    conn: Connection, monitor_id: int, name: str, *, since: datetime | None = None, limit: int = 10_000
) -> Rows:
    """Return one metric of a monitor through time, oldest first: at, labels, value, unit, run_id.

    When there are more than `limit` values, the newest are returned.
    """
    query = select(metric.c.at, metric.c.labels, metric.c.value, metric.c.unit, metric.c.run_id)
    query = query.where(metric.c.monitor_id == monitor_id, metric.c.name == name)
    query = query if since is None else query.where(metric.c.at >= since)
    return list(conn.execute(query.order_by(metric.c.at.desc(), metric.c.id.desc()).limit(limit)))[::-1]


def metric_names(conn: Connection, monitor_id: int, *, limit: int = 200) -> Rows:
    """Return the names and units of the metrics of the newest good run of a monitor: name, unit, n."""
    newest = _newest_good(monitor_id)
    query = select(metric.c.name, func.min(metric.c.unit).label("unit"), func.count().label("n"))
    query = query.join(newest, metric.c.run_id == newest.c.run_id).group_by(metric.c.name)
    return list(conn.execute(query.order_by(metric.c.name).limit(limit)))


def open_findings(conn: Connection, *, monitor_id: int | None = None, limit: int = 1000) -> Rows:
    """Return the findings of the newest good run of every monitor, the gravest and oldest first.

    Rows of monitor, severity, code, subject, message, count, facts, since, run_id.
    """
    newest = _newest_good(monitor_id)
    columns = (finding.c[c] for c in ("severity", "code", "subject", "message", "count", "facts", "since", "run_id"))
    gravity = func.array_position(literal_column("array['error', 'warning', 'info']"), finding.c.severity)
    query = select(newest.c.monitor, *columns).join(finding, finding.c.run_id == newest.c.run_id)
    return list(conn.execute(query.order_by(gravity, finding.c.since, finding.c.id).limit(limit)))


def findings(conn: Connection, run_id: UUID, *, limit: int = 1000) -> Rows:
    """Return the findings of one run."""
    return list(conn.execute(select(finding).where(finding.c.run_id == run_id).order_by(finding.c.id).limit(limit)))


def changes(
    conn: Connection, *, monitor_id: int | None = None, since: datetime | None = None, limit: int = 1000
) -> Rows:
    """Return changes of state, newest first, with the monitor's name."""
    query = select(monitor.c.name, *state_change.c).join(monitor, monitor.c.id == state_change.c.monitor_id)
    query = query if monitor_id is None else query.where(state_change.c.monitor_id == monitor_id)
    query = query if since is None else query.where(state_change.c.at >= since)
    return list(conn.execute(query.order_by(state_change.c.at.desc(), state_change.c.id.desc()).limit(limit)))


def level_changes(conn: Connection, since: datetime, *, limit: int = 200_000) -> Rows:
    """Return (monitor_id, at, from_level, to_level), oldest first, of every change of level since a time.

    The last change before `since` of every monitor is among them, so that the level at `since` is known.
    """
    columns = [state_change.c[name] for name in ("monitor_id", "at", "from_level", "to_level")]
    before = (
        select(*columns[1:])
        .where(state_change.c.monitor_id == monitor.c.id, state_change.c.at < since)
        .order_by(state_change.c.at.desc(), state_change.c.id.desc())
        .limit(1)
        .lateral("before")
    )
    first = select(monitor.c.id.label("monitor_id"), *before.c).select_from(monitor.join(before, true()))
    crossing = and_(state_change.c.at >= since, state_change.c.from_level != state_change.c.to_level)
    later = select(*columns).where(crossing).order_by(state_change.c.at, state_change.c.id).limit(limit)
    return [*conn.execute(first), *conn.execute(later)]


def last_changes(conn: Connection) -> Rows:
    """Return the newest change of state of every monitor: monitor_id, to_state, to_level, at."""
    newest = (
        select(state_change.c.to_state, state_change.c.to_level, state_change.c.at)
        .where(state_change.c.monitor_id == monitor.c.id)
        .order_by(state_change.c.at.desc(), state_change.c.id.desc())
        .limit(1)
        .lateral("newest")
    )
    return list(
        conn.execute(select(monitor.c.id.label("monitor_id"), *newest.c).select_from(monitor.join(newest, true())))
    )


def expired_logs(conn: Connection, monitor_id: int, keep: int, before: datetime, *, limit: int = 500) -> Rows:
    """Return (run_id, log_path) of ended runs whose log file has served: beyond the newest `keep`, or older.

    The log of the newest run that failed is never among them.
    """
    run = monitor_run.c
    of_monitor = (run.monitor_id == monitor_id, run.log_path.is_not(None), run.state != "running")
    failed = (
        select(run.run_id)
        .where(*of_monitor, run.state.in_(("failure", "killed")))
        .order_by(run.started.desc())
        .limit(1)
        .scalar_subquery()
    )
    rank = func.row_number().over(order_by=run.started.desc()).label("rank")
    ranked = select(run.run_id, run.log_path, run.started, rank).where(*of_monitor).subquery()
    query = select(ranked.c.run_id, ranked.c.log_path).where(
        (ranked.c.rank > keep) | (ranked.c.started < before), ranked.c.run_id.is_distinct_from(failed)
    )
    return list(conn.execute(query.order_by(ranked.c.started).limit(limit)))


def notices(conn: Connection, *, limit: int = 100) -> Rows:
    """Return notices, newest first, with the monitor's name."""
    query = select(monitor.c.name, *notice.c).join(monitor, monitor.c.id == notice.c.monitor_id, isouter=True)
    return list(conn.execute(query.order_by(notice.c.id.desc()).limit(limit)))


def marks(conn: Connection, monitor_id: int) -> Rows:
    """Return the high-water marks of a monitor: selector, algorithm, file_id, updated_at."""
    query = select(watermark.c.selector, watermark.c.algorithm, watermark.c.file_id, watermark.c.updated_at)
    return list(conn.execute(query.where(watermark.c.monitor_id == monitor_id).order_by(watermark.c.selector)))


def runs_per_day(conn: Connection, since: datetime, *, monitor_id: int | None = None, limit: int = 50_000) -> Rows:
    """Return (monitor_id, day, state, n, wall_s) of the runs since a time, by UTC day."""
    run = monitor_run.c
    day = func.date_trunc("day", run.started, "UTC").label("day")
    query = select(run.monitor_id, day, run.state, func.count().label("n"), func.sum(run.wall_s).label("wall_s"))
    query = query.where(run.started >= since)
    query = query if monitor_id is None else query.where(run.monitor_id == monitor_id)
    return list(conn.execute(query.group_by(run.monitor_id, day, run.state).order_by(day).limit(limit)))
