"""Runs that are kept, and everything about some of them at once: what the pages of runs show."""

from __future__ import annotations

from monitors.site.queries.query import Query

#: Ended runs within the retention, of monitors that share one: the newest so many that took place, the skipped starts
#: among them, and the newest failure. A run whose measures its supervisor may still add is left for the next build.
KEPT_RUNS = Query(
    "kept_runs",
    """
select m.id as monitor_id, kept.run_id
from ops.monitor m
cross join lateral (
    select r.run_id, r.started, r.wall_s, r.ended from ops.monitor_run r
    where r.monitor_id = m.id and r.state not in ('running', 'skipped') and r.started >= :since
    order by r.started desc limit :keep
) as kept
where m.name = any(cast(:names as text[])) and (kept.wall_s is not null or kept.ended < :settled)
union all
select m.id, skipped.run_id
from ops.monitor m
cross join lateral (
    select min(n.started) as started from (
        select r.started from ops.monitor_run r
        where r.monitor_id = m.id and r.state not in ('running', 'skipped') and r.started >= :since
        order by r.started desc limit :keep
    ) as n
) as oldest
cross join lateral (
    select r.run_id from ops.monitor_run r
    where r.monitor_id = m.id and r.state = 'skipped' and r.started >= coalesce(oldest.started, :since)
    order by r.started desc limit :keep
) as skipped
where m.name = any(cast(:names as text[]))
union
select m.id, bad.run_id
from ops.monitor m
cross join lateral (
    select r.run_id, r.wall_s, r.ended from ops.monitor_run r
    where r.monitor_id = m.id and r.state in ('failure', 'killed')
    order by r.started desc limit 1
) as bad
where m.name = any(cast(:names as text[])) and (bad.wall_s is not null or bad.ended < :settled)""",
)

RUNS_BY_ID = Query(
    "runs_by_id",
    """
select m.name, r.*
from ops.monitor_run r
join ops.monitor m on m.id = r.monitor_id
where r.run_id = any(cast(:ids as uuid[]))""",
)

TABLES_OF_RUNS = Query(
    "tables_of_runs",
    """
select run_id, table_name, n_rows
from ops.monitor_run_table
where run_id = any(cast(:ids as uuid[]))
order by run_id, table_name""",
)

FINDINGS_OF_RUNS = Query(
    "findings_of_runs",
    """
select f.*
from unnest(cast(:ids as uuid[])) as wanted (run_id)
cross join lateral (
    select run_id, severity, code, subject, message, count, since, count(*) over () as total
    from ops.finding where run_id = wanted.run_id
    order by array_position(array['error', 'warning', 'info'], severity), id limit :rows
) as f""",
)

METRICS_OF_RUNS = Query(
    "metrics_of_runs",
    """
select x.*
from unnest(cast(:ids as uuid[])) as wanted (run_id)
cross join lateral (
    select run_id, name, labels, value, unit, count(*) over () as total
    from ops.metric where run_id = wanted.run_id
    order by name, id limit :rows
) as x""",
)
