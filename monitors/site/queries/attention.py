"""What is wrong: problems, quarantine, failed jobs, files not in their place."""

from __future__ import annotations

from monitors.site.queries.query import NAME, Query

PROBLEM_KINDS = Query(
    "problem_kinds",
    """
select p.severity, p.code, count(distinct p.file_id) as files, sum(p.count)::bigint as times,
       max(p.created_at) as newest, min(p.created_at) as oldest,
       (array_agg(p.file_id order by p.id desc) filter (where p.file_id is not null))[1] as file_id,
       (array_agg(coalesce(f.original_name, p.source) order by p.id desc))[1] as name,
       (array_agg(p.message order by p.id desc))[1] as message
from core.file_problem p
left join core.file f on f.id = p.file_id
where p.severity in ('error', 'warning') and p.created_at >= :since
group by p.severity, p.code
order by p.severity, times desc""",
)

QUARANTINE = Query(
    "quarantine",
    """
select id, file_id, source, relpath, reason, message, size, created_at
from ops.quarantine
where released_at is null
order by id desc
limit :rows""",
)

FAILED_JOBS = Query(
    "failed_jobs",
    """
select id, kind, key, state, attempt, error, args ->> 'path' as path, coalesce(finished_at, created_at) as ended
from ops.job
where state in ('failed', 'quarantined') and id > (select coalesce(max(id), 0) - 100000 from ops.job)
order by id desc
limit :rows""",
)

UNAVAILABLE_FILES = Query(
    "unavailable_files",
    f"""
select f.id, {NAME} as name, f.state, f.size, f.created_at, f.verified_at
from core.file f
where f.state in ('missing', 'corrupt', 'quarantined', 'pending')
order by f.state, f.id desc
limit :rows""",
)

NEWEST_PROBLEMS = Query(
    "newest_problems",
    """
select p.id, p.created_at, i.name as instrument, p.severity, p.code, p.count, p.file_id, p.byte_offset, p.message,
       coalesce(f.original_name, p.source) as name
from core.file_problem p
left join core.file f on f.id = p.file_id
left join core.product d on d.id = f.product_id
left join core.instrument i on i.id = d.instrument_id
where p.severity in ('error', 'warning')
order by p.id desc
limit :rows""",
)

PROBLEMS_OF_INSTRUMENT = Query(
    "problems_of_instrument",
    """
select p.severity, p.code, count(distinct p.file_id) as files, sum(p.count)::bigint as times,
       max(p.created_at) as newest, min(p.created_at) as oldest,
       (array_agg(p.file_id order by p.id desc) filter (where p.file_id is not null))[1] as file_id,
       (array_agg(coalesce(f.original_name, p.source) order by p.id desc))[1] as name,
       (array_agg(p.message order by p.id desc))[1] as message
from core.file_problem p
join core.file f on f.id = p.file_id
join core.product d on d.id = f.product_id
where p.severity in ('error', 'warning') and p.created_at >= :since and d.instrument_id = :instrument_id
group by p.severity, p.code
order by p.severity, times desc""",
)
