"""Every question the pages ask the catalog, as SQL a reader can run: the fold "this in SQL" shows these very texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

#: A row of a result: column name -> value.
Row = Mapping[str, Any]

#: Rows of one kind that a file page shows at most.
ROWS_PER_FILE = 500

#: Name of a file ``f`` for people: what it was called where it came from, else its own name.
_NAME = "coalesce(f.original_name, regexp_replace(f.relpath, '^.*/', ''))"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with named parameters (``:name``)."""

    sql: str

    def rows(self, conn: Connection, **parameters: Any) -> list[Row]:
        """Run it and return all rows."""
        return [dict(row) for row in conn.execute(text(self.sql), parameters).mappings()]

    def shown(self, **parameters: Any) -> str:
        """Return the statement with the parameters written out, for people to copy."""
        return re.sub(r"(?<!:):([a-z_]+)", lambda m: _literal(parameters[m[1]]), self.sql).strip() + ";"


def _literal(value: object) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return f"'{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"


INSTRUMENTS = Query("""
select id, name, title
from core.instrument
where id in (select instrument_id from core.product where id in (select product_id from core.file))
order by name""")

HOLDINGS = Query("""
select i.name as instrument, i.title, p.level, count(*) as files, sum(f.size)::bigint as bytes,
       min(f.t_start) as t_first, max(f.t_end) as t_last, max(f.created_at) as added
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
where f.state = 'available'
group by i.name, i.title, p.level
order by i.name, p.level = 'raw' desc, p.level""")

EVENTS_PER_DAY = Query("""
select (e.t at time zone 'UTC')::date as day, i.name as instrument, e.kind, count(*) as events
from core.event e
join core.instrument i on i.id = e.instrument_id
group by 1, 2, 3
order by 1, 2, 3""")

NEWEST_FILES = Query(f"""
select f.id, {_NAME} as name, f.size, f.state, f.t_start, f.t_end, f.created_at,
       i.name as instrument, p.level, p.format
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
order by f.id desc
limit :rows""")  # noqa: S608

NEWEST_EVENTS = Query("""
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument
from core.event e
join core.instrument i on i.id = e.instrument_id
order by e.t desc, e.id desc
limit :rows""")

PROBLEM_KINDS = Query("""
select p.severity, p.code, count(distinct p.file_id) as files, sum(p.count)::bigint as times,
       max(p.created_at) as newest,
       (array_agg(p.file_id order by p.id desc) filter (where p.file_id is not null))[1] as file_id,
       (array_agg(coalesce(f.original_name, p.source) order by p.id desc))[1] as name,
       (array_agg(p.message order by p.id desc))[1] as message
from core.file_problem p
left join core.file f on f.id = p.file_id
where p.severity in ('error', 'warning')
group by p.severity, p.code
order by p.severity, times desc""")

QUARANTINE = Query("""
select id, file_id, source, relpath, reason, message, size, created_at
from ops.quarantine
where released_at is null
order by id desc
limit :rows""")

FAILED_JOBS = Query("""
select id, kind, key, state, attempt, error, args ->> 'path' as path, coalesce(finished_at, created_at) as ended
from ops.job
where state in ('failed', 'quarantined')
order by id desc
limit :rows""")

UNAVAILABLE_FILES = Query(f"""
select f.id, {_NAME} as name, f.state, f.size, f.created_at, f.verified_at
from core.file f
where f.state in ('missing', 'corrupt', 'quarantined', 'pending')
order by f.state, f.id desc
limit :rows""")  # noqa: S608

FILE_MONTHS = Query("""
select to_char(coalesce(t_start, created_at) at time zone 'UTC', 'YYYY-MM') as month, count(*) as files,
       sum(size)::bigint as bytes
from core.file
group by 1
order by 1 desc""")

_FILE_ROWS = f"""
select f.id, {_NAME} as name, f.size, f.state, f.t_start, f.t_end, f.created_at, f.sha256,
       i.name as instrument, p.level, p.format, coalesce(x.errors, 0) as errors, coalesce(x.warnings, 0) as warnings
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
left join lateral (select sum(count) filter (where severity = 'error')::bigint as errors,
                          sum(count) filter (where severity = 'warning')::bigint as warnings
                   from core.file_problem where file_id = f.id) x on true"""  # noqa: S608

FILES_OF_MONTH = Query(f"""{_FILE_ROWS}
where coalesce(f.t_start, f.created_at) >= :start and coalesce(f.t_start, f.created_at) < :stop
order by coalesce(f.t_start, f.created_at), f.id""")

NEWEST_FILE_ROWS = Query(f"""{_FILE_ROWS}
order by f.id desc
limit :rows""")

FILE_BUCKETS = Query("""
with part as (
    select id / :bucket as bucket,
           hashtextextended(concat_ws('|', id, relpath, state, size, version, verified_at, header) collate "C", 0) as h
    from core.file
    union all
    select file_id / :bucket, hashtextextended(concat_ws('|', 'problem', id) collate "C", 0) from core.file_problem
    where file_id is not null
    union all
    select parent_id / :bucket, hashtextextended(concat_ws('|', 'child', file_id) collate "C", 0) from core.file_parent
    union all
    select file_id / :bucket, hashtextextended(concat_ws('|', 'source', id, event_id, complete) collate "C", 0)
    from core.event_source
    union all
    select file_id / :bucket, hashtextextended(concat_ws('|', 'product', event_id, record) collate "C", 0)
    from core.event_product
)
select bucket, bit_xor(h) as fingerprint from part group by bucket order by bucket""")

FILES_OF_BUCKET = Query("""
select f.id, f.relpath, f.original_name, f.received, f.sha256, f.size, f.t_start, f.t_end, f.version, f.state, f.header,
       f.created_at, f.verified_at, c.name as code_name, c.version as code_version,
       i.name as instrument, i.title as instrument_title, p.level, p.format, p.title as product_title,
       p.description as product_description
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
left join core.code_version c on c.id = f.code_version_id
where f.id between :low and :high
order by f.id""")

APIDS = Query("""
select file_id, apid, name, n_packets, n_bytes, n_crc_failed, n_gaps, n_missing, first_seq, last_seq, t_first, t_last
from core.file_apid
where file_id between :low and :high
order by file_id, apid""")

GAPS = Query(f"""
select file_id, apid, kind, seq_before, seq_after, n_missing, byte_offset
from (select *, row_number() over (partition by file_id order by byte_offset, id) as n
      from core.packet_gap where file_id between :low and :high) g
where n <= {ROWS_PER_FILE}
order by file_id, byte_offset, id""")  # noqa: S608

PROBLEMS = Query(f"""
select file_id, code, severity, byte_offset, byte_length, packet, count, message, created_at
from (select *, row_number() over (partition by file_id order by severity, byte_offset nulls first, id) as n
      from core.file_problem where file_id between :low and :high) p
where n <= {ROWS_PER_FILE}
order by file_id, severity, byte_offset nulls first, n""")  # noqa: S608

ANCESTORS = Query(f"""
with recursive up (file_id, parent_id, role, depth) as (
    select file_id, parent_id, role, 1 from core.file_parent where file_id between :low and :high
    union
    select up.file_id, p.parent_id, p.role, up.depth + 1
    from up join core.file_parent p on p.file_id = up.parent_id
    where up.depth < 20
)
select up.file_id, up.depth, up.role, f.id, {_NAME} as name, f.state, f.size,
       p.level, p.format, p.title
from up
join core.file f on f.id = up.parent_id
join core.product p on p.id = f.product_id
order by up.file_id, up.depth, f.id""")  # noqa: S608

DESCENDANTS = Query(f"""
with recursive down (file_id, child_id, role, depth) as (
    select parent_id, file_id, role, 1 from core.file_parent where parent_id between :low and :high
    union
    select down.file_id, c.file_id, c.role, down.depth + 1
    from down join core.file_parent c on c.parent_id = down.child_id
    where down.depth < 20
)
select down.file_id, down.depth, down.role, f.id, {_NAME} as name, f.state, f.size,
       p.level, p.format, p.title
from down
join core.file f on f.id = down.child_id
join core.product p on p.id = f.product_id
order by down.file_id, down.depth, f.id""")  # noqa: S608

EVENTS_OF_FILE = Query(f"""
with part as (
    select s.file_id, s.event_id, s.complete, s.missing, null::int as record
    from core.event_source s where s.file_id between :low and :high
    union all
    select x.file_id, x.event_id, null, null, x.record
    from core.event_product x where x.file_id between :low and :high
), numbered as (
    select part.*, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id as owner_id, i.name as instrument,
           row_number() over (partition by part.file_id order by e.t, e.id) as n,
           count(*) over (partition by part.file_id) as total
    from part
    left join core.event e on e.id = part.event_id
    left join core.instrument i on i.id = e.instrument_id
)
select * from numbered where n <= {ROWS_PER_FILE} order by file_id, n""")  # noqa: S608

#: Changes when anything a page shows of an event ``e`` changes in its row.
_EVENT_HASH = """hashtextextended(
           concat_ws('|', e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, e.preference) collate "C", 0)"""

EVENT_DAYS = Query(f"""
select (e.t at time zone 'UTC')::date as day, count(*) as events, min(e.id) as low, max(e.id) as high,
       bit_xor({_EVENT_HASH}
               # coalesce(x.h, 0)) as fingerprint
from core.event e
left join (select p.event_id,
                  bit_xor(hashtextextended(concat_ws('|', p.file_id, p.record, f.state) collate "C", 0)) as h
           from core.event_product p join core.file f on f.id = p.file_id group by p.event_id) x on x.event_id = e.id
group by 1
order by 1""")  # noqa: S608

EVENTS_OF_DAY = Query(f"""
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument,
       {_NAME} as file_name,
       {_EVENT_HASH}
           # coalesce(x.h, 0) as fingerprint
from core.event e
join core.instrument i on i.id = e.instrument_id
join core.file f on f.id = e.file_id
left join lateral (select bit_xor(hashtextextended(concat_ws('|', p.file_id, p.record, pf.state) collate "C", 0)) as h
                   from core.event_product p join core.file pf on pf.id = p.file_id where p.event_id = e.id) x on true
where e.t >= :start and e.t < :stop
order by e.t, e.id""")  # noqa: S608

PRODUCTS_OF_EVENTS = Query("""
select x.event_id, x.file_id, x.record, f.relpath, regexp_replace(f.relpath, '^.*/', '') as name, f.state, p.format
from core.event_product x
join core.event e on e.id = x.event_id
join core.file f on f.id = x.file_id
join core.product p on p.id = f.product_id
left join core.file_parent l on l.file_id = x.file_id and l.parent_id = e.file_id
where x.event_id = any(:events)
order by x.event_id, l.parent_id is null, p.format = 'hdf5' desc, x.file_id desc""")

SOURCES_OF_EVENTS = Query(f"""
select s.event_id, s.file_id, s.complete, s.missing, {_NAME} as name
from core.event_source s
join core.file f on f.id = s.file_id
where s.event_id = any(:events)
order by s.event_id, s.file_id""")  # noqa: S608

PRODUCTS_OF_INSTRUMENT = Query("""
select p.name, p.title, p.level, p.format, p.description, count(f.id) as files, sum(f.size)::bigint as bytes,
       max(f.t_end) as t_last, max(f.created_at) as added
from core.product p
left join core.file f on f.product_id = p.id and f.state = 'available'
where p.instrument_id = :instrument_id
group by p.id
order by p.level = 'raw' desc, p.level, p.name""")

CALIBRATIONS = Query("""
select s.name, s.version, lower(c.valid) as valid_from, upper(c.valid) as valid_to, c.unit, c.values, c.origin,
       s.version = max(s.version) over (partition by s.name) as newest
from core.calibration c
join core.calibration_set s on s.id = c.calibration_set_id
where s.instrument_id = :instrument_id
order by s.name, s.version desc, c.valid""")

EVENTS_OF_INSTRUMENT = Query("""
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument
from core.event e
join core.instrument i on i.id = e.instrument_id
where e.instrument_id = :instrument_id
order by e.t desc, e.id desc
limit :rows""")
