"""Work that waits, work that failed, files set aside, and how long ingest takes. Every list has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

Rows = Sequence[Row[Any]]

JOBS = """
select kind, count(*) filter (where state = 'queued') as n_queued,
       count(*) filter (where state = 'running' and lease_until >= :now) as n_running,
       count(*) filter (where state = 'running' and lease_until < :now) as n_abandoned,
       count(*) filter (where state = 'failed') as n_failed,
       count(*) filter (where state = 'quarantined') as n_given_up,
       min(created_at) filter (where state = 'queued') as oldest_queued
from ops.job
where state in ('queued', 'running', 'failed', 'quarantined')
group by kind
order by kind
limit :rows
"""

#: How long files took from being asked for to being in the catalog, and how old their data were then.
LATENCY = """
select i.name as instrument, p.name as product, count(*) as n,
       percentile_cont(array[0.5, 0.9, 0.99]) within group (order by greatest(0,
           extract(epoch from j.finished_at - j.created_at)::float8)) as ingest_s,
       percentile_cont(array[0.5, 0.9, 0.99]) within group (order by
           extract(epoch from f.created_at - f.t_end)::float8) as data_age_s
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
left join lateral (
    select finished_at, created_at from ops.job
    where file_id = f.id and kind = 'ingest' and state = 'done' order by id limit 1
) j on true
where f.id = any (:ids) and f.received
group by i.name, p.name
order by i.name, p.name
"""

PROBLEMS = """
select q.severity, q.code, count(*) as n_rows, sum(q.count)::bigint as n, count(distinct q.file_id) as n_files,
       min(q.created_at) as oldest, max(q.created_at) as newest,
       (array_agg(coalesce(f.relpath, q.source) order by q.id desc))[1] as example
from core.file_problem q
left join core.file f on f.id = q.file_id
where q.created_at > :after and q.created_at <= :until
group by q.severity, q.code
order by array_position(array['error', 'warning', 'info'], q.severity), n desc, q.code
limit :rows
"""

QUARANTINE = """
select reason, count(*) as n, sum(size)::bigint as n_bytes, min(created_at) as oldest, max(created_at) as newest,
       (array_agg(source order by id desc))[1] as example
from ops.quarantine
where released_at is null
group by reason
order by n desc, reason
limit :rows
"""

FILE_STATES = """
select state, count(*) as n, min(created_at) as oldest, (array_agg(relpath order by id desc))[1] as example
from core.file
where state <> 'available'
group by state
order by state
"""

FAILURES = """
select kind, count(*) as n, max(finished_at) as newest, (array_agg(error order by id desc))[1] as error,
       (array_agg(key order by id desc))[1] as example
from ops.job
where state in ('failed', 'quarantined')
group by kind
order by n desc, kind
limit :rows
"""


def jobs(conn: Connection, now: datetime, *, limit: int = 100) -> Rows:
    """Return per kind of job: n_queued, n_running, n_abandoned, n_failed, n_given_up, oldest_queued."""
    return conn.execute(text(JOBS), {"now": now, "rows": limit}).all()


def latency(conn: Connection, file_ids: Sequence[int]) -> Rows:
    """Return per product of these files: n, ingest_s and data_age_s, each the 50, 90 and 99 % points in seconds.

    ingest_s runs from the request to the end of the job, waiting included; data_age_s from the last data in the file to
    its row. Either is null when nothing is known.
    """
    return conn.execute(text(LATENCY), {"ids": list(file_ids)}).all()


def problems(conn: Connection, after: datetime, until: datetime, *, limit: int = 200) -> Rows:
    """Return what was wrong with files that came in a time, by kind, gravest first."""
    return conn.execute(text(PROBLEMS), {"after": after, "until": until, "rows": limit}).all()


def quarantine(conn: Connection, *, limit: int = 100) -> Rows:
    """Return what is set aside, by reason: n, n_bytes, oldest, newest, example."""
    return conn.execute(text(QUARANTINE), {"rows": limit}).all()


def file_states(conn: Connection) -> Rows:
    """Return files whose state is not available, by state: n, oldest, example."""
    return conn.execute(text(FILE_STATES)).all()


def failures(conn: Connection, *, limit: int = 100) -> Rows:
    """Return jobs that failed or were given up, by kind: n, newest, error, example."""
    return conn.execute(text(FAILURES), {"rows": limit}).all()
