"""Which data times each product covers, where gaps are, and when its files came. Every list has a limit.

The ranges of a product's files are merged: a gap begins where no file reaches on, however the files overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

Rows = Sequence[Row[Any]]

#: Files of which times are known, merged product by product: one sort, no self-join.
_MERGED = """
with timed as (
    select f.product_id, f.t_start, coalesce(f.t_end, f.t_start) as t_end,
           max(coalesce(f.t_end, f.t_start)) over (partition by f.product_id order by f.t_start, f.id
               rows between unbounded preceding and 1 preceding) as reached
    from core.file f
    where f.state = 'available' and f.t_start is not null
)
"""

COVERAGE = (
    _MERGED
    + """
select i.name as instrument, p.name as product, p.level, count(*) as n_files,
       count(*) filter (where t.t_start > t.reached) + 1 as n_ranges, min(t.t_start) as t_first, max(t.t_end) as t_last,
       extract(epoch from max(t.t_end) - min(t.t_start))::float8 as span_s,
       coalesce(extract(epoch from sum(t.t_start - t.reached) filter (where t.t_start > t.reached)), 0)::float8
           as gap_s,
       extract(epoch from max(t.t_start - t.reached) filter (where t.t_start > t.reached))::float8 as longest_gap_s,
       percentile_cont(0.5) within group (order by extract(epoch from t.t_start - t.reached)::float8)
           filter (where t.t_start > t.reached) as median_gap_s
from timed t
join core.product p on p.id = t.product_id
join core.instrument i on i.id = p.instrument_id
group by i.name, p.name, p.level
order by i.name, p.name
limit :rows
"""
)

GAPS = (
    _MERGED
    + """
select i.name as instrument, p.name as product, t.reached as gap_start, t.t_start as gap_end,
       extract(epoch from t.t_start - t.reached)::float8 as gap_s
from timed t
join core.product p on p.id = t.product_id
join core.instrument i on i.id = p.instrument_id
where t.t_start > t.reached and extract(epoch from t.t_start - t.reached) > :longer and t.t_start >= :since
  and (cast(:instrument as text) is null or i.name = :instrument)
  and (cast(:product as text) is null or p.name = :product)
order by t.reached desc, i.name, p.name
limit :rows
"""
)

#: Distances of consecutive gaps per product, the newest of each.
GAP_LENGTHS = (
    _MERGED  # noqa: S608 - constants
    + """
select instrument, product, array_agg(gap_s) as gaps
from (
    select i.name as instrument, p.name as product, extract(epoch from t.t_start - t.reached)::float8 as gap_s,
           row_number() over (partition by t.product_id order by t.t_start desc) as place
    from timed t
    join core.product p on p.id = t.product_id
    join core.instrument i on i.id = p.instrument_id
    where t.t_start > t.reached
) as gap
where place <= :most
group by instrument, product
order by instrument, product
limit :rows
"""
)

#: Arrivals: files that came within `apart` seconds of each other are one delivery, at the time of its first file.
DELIVERIES = """
with recent as (
    select f.product_id, f.created_at, row_number() over (partition by f.product_id order by f.created_at desc) as place
    from core.file f
    where f.state <> 'retired'
), arrival as (
    select product_id, created_at,
           created_at - lag(created_at) over (partition by product_id order by created_at) as since_last
    from recent where place <= :most
)
select i.name as instrument, p.name as product, p.level, max(a.created_at) as newest, count(*) as n_files,
       array_agg(a.created_at order by a.created_at)
           filter (where a.since_last is null or a.since_last > make_interval(secs => :apart)) as deliveries
from arrival a
join core.product p on p.id = a.product_id
join core.instrument i on i.id = p.instrument_id
group by i.name, p.name, p.level
order by i.name, p.name
limit :rows
"""


def coverage(conn: Connection, *, limit: int = 1_000) -> Rows:
    """Return per product: n_files, n_ranges, t_first, t_last, span_s, gap_s, longest_gap_s, median_gap_s."""
    return conn.execute(text(COVERAGE), {"rows": limit}).all()


def gaps(
    conn: Connection,
    since: datetime,
    *,
    longer: float = 0,
    instrument: str | None = None,
    product: str | None = None,
    limit: int = 500,
) -> Rows:
    """Return gaps that end after a time and are longer than some seconds, newest first.

    Rows of instrument, product, gap_start, gap_end, gap_s.
    """
    parameters = {"since": since, "longer": longer, "instrument": instrument, "product": product, "rows": limit}
    return conn.execute(text(GAPS), parameters).all()


def gap_lengths(conn: Connection, *, most: int = 500, limit: int = 1_000) -> dict[tuple[str, str], list[float]]:
    """Return (instrument, product) -> lengths of its newest gaps, seconds."""
    rows = conn.execute(text(GAP_LENGTHS), {"most": most, "rows": limit})
    return {(row.instrument, row.product): list(row.gaps) for row in rows}


def deliveries(conn: Connection, *, apart: float = 600, most: int = 2_000, limit: int = 1_000) -> Rows:
    """Return per product: newest (arrival of the newest file), n_files looked at, deliveries (their first times).

    Of each product the newest `most` files are looked at.
    """
    return conn.execute(text(DELIVERIES), {"apart": apart, "most": most, "rows": limit}).all()
