"""Lists of files."""

from __future__ import annotations

from monitors.site.queries.query import NAME, Query

NEWEST_FILES = Query(
    "newest_files",
    f"""
select f.id, {NAME} as name, f.size, f.state, f.t_start, f.t_end, f.created_at,
       i.name as instrument, p.level, p.format
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
order by f.id desc
limit :rows""",
)

_FILE_ROWS = f"""
select f.id, {NAME} as name, f.size, f.state, f.t_start, f.t_end, f.created_at, f.sha256,
       i.name as instrument, p.level, p.format, coalesce(x.errors, 0) as errors, coalesce(x.warnings, 0) as warnings
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
left join lateral (select sum(count) filter (where severity = 'error')::bigint as errors,
                          sum(count) filter (where severity = 'warning')::bigint as warnings
                   from core.file_problem where file_id = f.id) x on true"""

FILES_OF_MONTH = Query(
    "files_of_month",
    f"""{_FILE_ROWS}
where f.t_start >= :start and f.t_start < :stop
   or f.t_start is null and f.created_at >= :start and f.created_at < :stop
order by coalesce(f.t_start, f.created_at), f.id""",
)

NEWEST_FILE_ROWS = Query(
    "newest_file_rows",
    f"""{_FILE_ROWS}
order by f.id desc
limit :rows""",
)

FILES_OF_TIME = Query(
    "files_of_time",
    f"""{_FILE_ROWS}
where f.t_start >= :start and f.t_start < :stop
order by f.t_start, f.id
limit :rows""",
)

FILES_ARRIVED = Query(
    "files_arrived",
    f"""{_FILE_ROWS}
where f.created_at >= :start and f.created_at < :stop
order by f.created_at desc, f.id desc
limit :rows""",
)

NAMES_OF_FILES = Query(
    "names_of_files",
    f"""
select f.id, {NAME} as name, f.state, left(f.sha256, 16) as sha256, p.level
from core.file f
join core.product p on p.id = f.product_id
where f.id between :low and :high
order by f.id""",
)
