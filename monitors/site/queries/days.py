"""What happened on one UTC day, and which days there are."""

from __future__ import annotations

from monitors.site.queries.query import Query

#: Days with runs; the days before the last build cannot change any more, so only later ones are asked for.
RUN_DAYS = Query(
    "run_days",
    """
select (r.started at time zone 'UTC')::date as day, count(*) as runs,
       count(*) filter (where r.state in ('failure', 'killed')) as bad,
       bit_xor(hashtextextended(concat_ws('|', r.run_id, r.state) collate "C", 0)) as fingerprint
from ops.monitor_run r
where r.started >= :since
group by 1
order by 1""",
)

RUNS_OF_DAY = Query(
    "runs_of_day",
    """
select m.name as monitor, m.title, count(*) as runs, count(*) filter (where r.state = 'success') as success,
       count(*) filter (where r.state = 'no_work') as no_work, count(*) filter (where r.state = 'failure') as failure,
       count(*) filter (where r.state = 'killed') as killed, count(*) filter (where r.state = 'skipped') as skipped,
       max(r.wall_s) as longest, sum(r.n_done)::bigint as n_done
from ops.monitor_run r
join ops.monitor m on m.id = r.monitor_id
where r.started >= :start and r.started < :stop
group by m.name, m.title
order by count(*) filter (where r.state in ('failure', 'killed')) desc, m.name""",
)

PROBLEMS_OF_DAY = Query(
    "problems_of_day",
    """
select p.severity, p.code, count(distinct p.file_id) as files, sum(p.count)::bigint as times,
       max(p.created_at) as newest, min(p.created_at) as oldest,
       (array_agg(p.file_id order by p.id desc) filter (where p.file_id is not null))[1] as file_id,
       (array_agg(coalesce(f.original_name, p.source) order by p.id desc))[1] as name,
       (array_agg(p.message order by p.id desc))[1] as message
from core.file_problem p
left join core.file f on f.id = p.file_id
where p.severity in ('error', 'warning') and p.created_at >= :start and p.created_at < :stop
group by p.severity, p.code
order by p.severity, times desc""",
)

CHANGES_OF_DAY = Query(
    "changes_of_day",
    """
select c.at, m.name, c.to_state, c.to_level, c.message
from ops.state_change c
join ops.monitor m on m.id = c.monitor_id
where c.at >= :start and c.at < :stop
order by c.at desc, c.id desc
limit :rows""",
)
