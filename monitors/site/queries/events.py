"""Lists of events, and what belongs to one."""

from __future__ import annotations

from monitors.site.queries.query import NAME, Query

NEWEST_EVENTS = Query(
    "newest_events",
    """
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument
from core.event e
join core.instrument i on i.id = e.instrument_id
order by e.t desc, e.id desc
limit :rows""",
)

#: Changes when anything a page shows of an event ``e`` changes in its row.
_EVENT_HASH = """hashtextextended(
           concat_ws('|', e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, e.preference) collate "C", 0)"""

EVENTS_PER_HOUR = Query(
    "events_per_hour",
    """
select extract(hour from e.t at time zone 'UTC')::int as hour, e.kind, count(*) as events
from core.event e
where e.t >= :start and e.t < :stop
group by 1, 2
order by 1, 2""",
)

EVENTS_OF_DAY_BRIEF = Query(
    "events_of_day_brief",
    """
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument
from core.event e
join core.instrument i on i.id = e.instrument_id
where e.t >= :start and e.t < :stop
order by e.t, e.id
limit :rows""",
)

#: Changes when an event ``e`` is analysed anew or an analyst says something: both only ever add rows.
_ANALYSES = """select max(a.id) as h, a.event_id from core.event_analysis a group by a.event_id"""
_OVERRIDES = """select max(o.id) as h, o.event_id from core.fit_override o group by o.event_id"""

EVENT_DAYS = Query(
    "event_days",
    f"""
select (e.t at time zone 'UTC')::date as day, count(*) as events, min(e.id) as low, max(e.id) as high,
       bit_xor({_EVENT_HASH}
               # coalesce(x.h, 0) # hashtextextended(concat_ws('|', e.id, a.h, o.h) collate "C", 0)) as fingerprint
from core.event e
left join ({_ANALYSES}) a on a.event_id = e.id
left join ({_OVERRIDES}) o on o.event_id = e.id
left join (select p.event_id,
                  bit_xor(hashtextextended(concat_ws('|', p.file_id, p.record, f.state) collate "C", 0)) as h
           from core.event_product p join core.file f on f.id = p.file_id group by p.event_id) x on x.event_id = e.id
group by 1
order by 1""",
)

EVENTS_OF_DAY = Query(
    "events_of_day",
    f"""
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument,
       {NAME} as file_name,
       {_EVENT_HASH}
           # coalesce(x.h, 0)
           # hashtextextended(
                 concat_ws('|', e.id, (select max(a.id) from core.event_analysis a where a.event_id = e.id),
                           (select max(o.id) from core.fit_override o where o.event_id = e.id)) collate "C", 0)
           as fingerprint
from core.event e
join core.instrument i on i.id = e.instrument_id
join core.file f on f.id = e.file_id
left join lateral (select bit_xor(hashtextextended(concat_ws('|', p.file_id, p.record, pf.state) collate "C", 0)) as h
                   from core.event_product p join core.file pf on pf.id = p.file_id where p.event_id = e.id) x on true
where e.t >= :start and e.t < :stop
order by e.t, e.id""",
)

PRODUCTS_OF_EVENTS = Query(
    "products_of_events",
    """
select x.event_id, x.file_id, x.record, f.relpath, regexp_replace(f.relpath, '^.*/', '') as name, f.state, p.format
from core.event_product x
join core.event e on e.id = x.event_id
join core.file f on f.id = x.file_id
join core.product p on p.id = f.product_id
left join core.file_parent l on l.file_id = x.file_id and l.parent_id = e.file_id
where x.event_id = any(:events)
order by x.event_id, l.parent_id is null, p.format = 'hdf5' desc, x.file_id desc""",
)

SOURCES_OF_EVENTS = Query(
    "sources_of_events",
    f"""
select s.event_id, s.file_id, s.complete, s.missing, {NAME} as name
from core.event_source s
join core.file f on f.id = s.file_id
where s.event_id = any(:events)
order by s.event_id, s.file_id""",
)

EVENTS_OF_INSTRUMENT = Query(
    "events_of_instrument",
    """
select e.id, e.identity, e.kind, e.seq, e.t, e.flags, e.file_id, i.name as instrument
from core.event e
join core.instrument i on i.id = e.instrument_id
where e.instrument_id = :instrument_id
order by e.t desc, e.id desc
limit :rows""",
)
