"""Everything about the files of one range of numbers."""

from __future__ import annotations

from monitors.site.queries.query import NAME, Query

#: Rows of one kind that a file page shows at most.
ROWS_PER_FILE = 500

#: What pages of files show beside the rows of ``core.file`` themselves (see `holdings.FILE_PARTS`).
FILE_BUCKETS = Query(
    "file_buckets",
    """
with part as (
    select file_id / :bucket as bucket, hashint8extended(id, xmin::text::bigint) as h from core.file_problem
    where file_id is not null
    union all
    select parent_id / :bucket, hashint8extended(file_id, 1) from core.file_parent
    union all
    select file_id / :bucket, hashint8extended(id, xmin::text::bigint) from core.event_source
    union all
    select file_id / :bucket, hashint8extended(event_id, record) from core.event_product
    union all
    select file_id / :bucket, hashint8extended(id, 2) from analysis.tag_history where file_id is not null
)
select bucket, bit_xor(h) as fingerprint from part group by bucket""",
)

FILES_OF_BUCKET = Query(
    "files_of_bucket",
    """
select f.id, f.relpath, f.original_name, f.received, f.sha256, f.size, f.t_start, f.t_end, f.version, f.state, f.header,
       f.created_at, f.verified_at, c.name as code_name, c.version as code_version,
       i.name as instrument, i.title as instrument_title, p.level, p.format, p.title as product_title,
       p.description as product_description
from core.file f
join core.product p on p.id = f.product_id
join core.instrument i on i.id = p.instrument_id
left join core.code_version c on c.id = f.code_version_id
where f.id between :low and :high
order by f.id""",
)

APIDS = Query(
    "apids",
    """
select file_id, apid, name, n_packets, n_bytes, n_crc_failed, n_gaps, n_missing, first_seq, last_seq, t_first, t_last
from core.file_apid
where file_id between :low and :high
order by file_id, apid""",
)

GAPS = Query(
    "gaps",
    f"""
select file_id, apid, kind, seq_before, seq_after, n_missing, byte_offset
from (select *, row_number() over (partition by file_id order by byte_offset, id) as n
      from core.packet_gap where file_id between :low and :high) g
where n <= {ROWS_PER_FILE}
order by file_id, byte_offset, id""",
)

PROBLEMS = Query(
    "problems",
    f"""
select file_id, code, severity, byte_offset, byte_length, packet, count, message, created_at
from (select *, row_number() over (partition by file_id order by severity, byte_offset nulls first, id) as n
      from core.file_problem where file_id between :low and :high) p
where n <= {ROWS_PER_FILE}
order by file_id, severity, byte_offset nulls first, n""",
)

ANCESTORS = Query(
    "ancestors",
    f"""
with recursive up (file_id, parent_id, role, depth) as (
    select file_id, parent_id, role, 1 from core.file_parent where file_id between :low and :high
    union
    select up.file_id, p.parent_id, p.role, up.depth + 1
    from up join core.file_parent p on p.file_id = up.parent_id
    where up.depth < 20
)
select up.file_id, up.depth, up.role, f.id, {NAME} as name, f.state, f.size,
       p.level, p.format, p.title
from up
join core.file f on f.id = up.parent_id
join core.product p on p.id = f.product_id
order by up.file_id, up.depth, f.id""",
)

DESCENDANTS = Query(
    "descendants",
    f"""
with recursive down (file_id, child_id, role, depth) as (
    select parent_id, file_id, role, 1 from core.file_parent where parent_id between :low and :high
    union
    select down.file_id, c.file_id, c.role, down.depth + 1
    from down join core.file_parent c on c.parent_id = down.child_id
    where down.depth < 20
)
select down.file_id, down.depth, down.role, f.id, {NAME} as name, f.state, f.size,
       p.level, p.format, p.title
from down
join core.file f on f.id = down.child_id
join core.product p on p.id = f.product_id
order by down.file_id, down.depth, f.id""",
)

EVENTS_OF_FILE = Query(
    "events_of_file",
    f"""
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
select * from numbered where n <= {ROWS_PER_FILE} order by file_id, n""",
)
