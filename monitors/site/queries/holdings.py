"""What the archive holds: instruments, levels, products, calibrations.

`FILE_PARTS` is the only statement that reads every row of ``core.file``, once a build: the totals of all pages and what
changed since the last build come from its few rows.
"""

from __future__ import annotations

from monitors.site.queries.query import NAME, Query

PRODUCTS = Query(
    "products",
    """
select p.id, i.id as instrument_id, i.name as instrument, i.title as instrument_title, p.name, p.level, p.format,
       p.title, p.description
from core.product p
join core.instrument i on i.id = p.instrument_id
order by i.name, p.level = 'raw' desc, p.level, p.name""",
)

#: Every row version has a transaction number of its own in xmin: a row that was changed in any way changes the sum.
FILE_PARTS = Query(
    "file_parts",
    """
with part as (
    select id / :bucket as bucket, product_id, state, size, t_start, t_end, created_at,
           (coalesce(t_start, created_at) at time zone 'UTC')::date as day, t_start is not null as timed,
           (created_at at time zone 'UTC')::date as arrival, hashint8extended(id, xmin::text::bigint) as h
    from core.file
)
select bucket, day, timed, arrival, product_id, state, count(*) as files, sum(size)::bigint as bytes,
       min(t_start) as t_first, max(t_end) as t_last, max(created_at) as added, bit_xor(h) as fingerprint
from part
group by grouping sets ((bucket, product_id, state), (day, timed, product_id), (arrival))""",
)

HOLDINGS = Query(
    "holdings",
    """
select i.name as instrument, i.title, p.level, count(*) as files, sum(f.size)::bigint as bytes,
       min(f.t_start) as t_first, max(f.t_end) as t_last, max(f.created_at) as added
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
where f.state = 'available'
group by i.name, i.title, p.level
order by i.name, p.level = 'raw' desc, p.level""",
)

EVENTS_PER_DAY = Query(
    "events_per_day",
    """
select (e.t at time zone 'UTC')::date as day, i.name as instrument, e.kind, count(*) as events
from core.event e
join core.instrument i on i.id = e.instrument_id
group by 1, 2, 3
order by 1, 2, 3""",
)

PRODUCTS_OF_INSTRUMENT = Query(
    "products_of_instrument",
    """
select p.name, p.title, p.level, p.format, p.description, count(f.id) as files, sum(f.size)::bigint as bytes,
       max(f.t_end) as t_last, max(f.created_at) as added
from core.product p
left join core.file f on f.product_id = p.id and f.state = 'available'
where p.instrument_id = :instrument_id
group by p.id
order by p.level = 'raw' desc, p.level, p.name""",
)

CALIBRATIONS = Query(
    "calibrations",
    """
select s.name, case when s.source = 'local' then 'local-' || s.version else s.version::text end as label, s.source,
       s.version, lower(c.valid) as valid_from, upper(c.valid) as valid_to, c.unit, c.values, c.origin, s.author,
       s.reason, (s.basis ->> 'events')::bigint as n_events, t.author as withdrawn_by, t.reason as withdrawn_because,
       s.source = 'shipped' and s.version = newest.version as newest,
       case when s.source = 'shipped' and s.version < newest.version then 'superseded'
            when t.id is not null then 'withdrawn'
            when s.source = 'local' and s.shipped_version < newest.version then 'needs review'
            else 'counts' end as state
from core.calibration c
join core.calibration_set s on s.id = c.calibration_set_id
left join core.calibration_set t on t.withdraws_id = s.id
cross join lateral (select max(o.version) as version from core.calibration_set o
                    where o.instrument_id = s.instrument_id and o.name = s.name and o.source = 'shipped') newest
where s.instrument_id = :instrument_id
order by s.name, s.source <> 'local', s.version desc, c.valid""",
)

NEWEST_FILES_OF_INSTRUMENT = Query(
    "newest_files_of_instrument",
    f"""
select f.id, {NAME} as name, f.size, f.state, f.t_start, f.t_end, f.created_at, p.level, p.format
from core.product p
cross join lateral (select * from core.file f where f.product_id = p.id and f.t_start is not null
                    order by f.t_start desc limit :rows) f
where p.instrument_id = :instrument_id
order by f.t_start desc, f.id desc
limit :rows""",
)
