"""What monitors found in the past, and what belongs to one run."""

from __future__ import annotations

from monitors.site.queries.query import Query

PAST_FINDINGS = Query(
    "past_findings",
    """
with newest as (
    select run_id, started, state from ops.monitor_run
    where monitor_id = :monitor_id and cause <> 'back-fill' order by started desc limit :rows
), now_open as (
    select f.code, f.subject from ops.finding f
    where f.run_id = (select run_id from newest where state in ('success', 'no_work') order by started desc limit 1)
)
select f.code, f.subject, (array_agg(f.severity order by n.started desc))[1] as severity, min(f.since) as since,
       max(n.started) as last, count(distinct f.run_id) as runs,
       (array_agg(f.message order by n.started desc))[1] as message
from newest n
join ops.finding f on f.run_id = n.run_id
where not exists (select 1 from now_open o where o.code = f.code and o.subject = f.subject)
group by f.code, f.subject
order by last desc, f.code, f.subject
limit 200""",
)

MONITORS = Query("monitors", "select * from analysis.monitors order by level, name")
ALL_RUNS = Query("all_runs", "select * from analysis.monitor_runs order by started desc limit :rows")
ALL_DOWNTIME = Query("all_downtime", "select * from analysis.downtime order by down_from desc limit 1000")
ALL_FINDINGS = Query("all_findings", "select * from analysis.open_findings order by severity, since")
MONITOR = Query("monitor", "select * from analysis.monitors where name = :name")
RUNS = Query("runs", "select * from analysis.monitor_runs where monitor = :name order by started desc limit :rows")
METRICS = Query("metrics", "select * from analysis.metrics where monitor = :name order by at desc limit 1000")
OPEN_FINDINGS = Query("open_findings", "select * from analysis.open_findings where monitor = :name")
DOWNTIME = Query("downtime", "select * from analysis.downtime where monitor = :name order by down_from desc")
COVERAGE = Query("coverage", "select * from analysis.coverage where instrument = :name order by day, product")
