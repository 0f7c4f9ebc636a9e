"""Views of events: one row an event, where its bytes and products are, and how often it was sent."""

from archive.catalog.views.base import View
from archive.catalog.views.files import ORIGIN
from archive.model import FLAG_ASSEMBLED, FLAG_CLOCK_UNSET, FLAG_CONFLICTING, FLAG_DAMAGED, FLAG_INCOMPLETE

EVENT_ID = "The event (core.event.id)."

FLAGS = {
    "is_incomplete": (FLAG_INCOMPLETE, "Whether parts of the event are missing."),
    "is_conflicting": (FLAG_CONFLICTING, "Whether complete copies of the event differ."),
    "is_damaged": (FLAG_DAMAGED, "Whether bytes of the event are damaged."),
    "is_clock_unset": (FLAG_CLOCK_UNSET, "Whether the instrument's clock was not set."),
    "is_assembled": (FLAG_ASSEMBLED, "Whether the event was put together from several files."),
}

EVENTS = View(
    "events",
    "Every event with its instrument, raw file, number of copies and products.",
    f"""
    select e.id as event_id, i.name as instrument, e.identity, e.kind, e.seq, e.t, e.t_end, e.tick, e.flags,
           {", ".join(f"(e.flags & {bit}) <> 0 as {name}" for name, (bit, _) in FLAGS.items())},
           e.file_id, f.relpath, f.sha256,
           (select count(*) from core.event_source s where s.event_id = e.id) as n_sources,
           (select coalesce(jsonb_agg(jsonb_build_object('product', p.name, 'relpath', m.relpath, 'record', x.record)
                                      order by p.name, m.relpath), '[]')
            from core.event_product x join core.file m on m.id = x.file_id join core.product p on p.id = m.product_id
            where x.event_id = e.id) as products,
           e.created_at
    from core.event e
    join core.instrument i on i.id = e.instrument_id
    join core.file f on f.id = e.file_id
    """,  # noqa: S608 - constants of this module
    {
        "event_id": EVENT_ID,
        "instrument": ORIGIN["instrument"],
        "relpath": "Path of the raw file below the archive home.",
        "sha256": "SHA-256 of the raw file.",
        "n_sources": "Raw files that carry the event or part of it.",
        "products": "Products that hold the event: product, relpath and record (from 0) of each.",
        **{name: comment for name, (_, comment) in FLAGS.items()},
    },
    ("core.event",),
)

EVENT_SOURCES = View(
    "event_sources",
    "Which raw file carries how much of which event.",
    """
    select s.event_id, e.identity, s.match_key, s.file_id, f.relpath, s.complete, s.parts, s.missing, s.digest,
           s.file_id = e.file_id as is_best
    from core.event_source s
    join core.file f on f.id = s.file_id
    left join core.event e on e.id = s.event_id
    """,
    {**ORIGIN, "is_best": "Whether the event's rows and products come from this file; null for orphans."},
    ("core.event_source", "core.event"),
)

RETRANSMISSIONS = View(
    "retransmissions",
    "Events that more than one raw file carries.",
    """
    select e.id as event_id, i.name as instrument, e.identity, e.t, count(*) as n_sources,
           count(*) filter (where s.complete) as n_complete, count(distinct s.digest) as n_contents,
           array_agg(f.relpath order by f.relpath) as relpaths
    from core.event e
    join core.instrument i on i.id = e.instrument_id
    join core.event_source s on s.event_id = e.id
    join core.file f on f.id = s.file_id
    group by e.id, i.name, e.identity, e.t
    having count(*) > 1
    """,
    {
        "event_id": EVENT_ID,
        "instrument": ORIGIN["instrument"],
        "n_sources": "Raw files that carry the event or part of it.",
        "n_complete": "Of them, files that hold the whole event.",
        "n_contents": "Different contents among them; 1 when all are equal.",
        "relpaths": "Paths of the raw files below the archive home.",
    },
    ("core.event",),
)

EVENTS_PER_DAY = View(
    "events_per_day",
    "Events per instrument, kind and UTC day.",
    f"""
    select i.name as instrument, e.kind, (e.t at time zone 'UTC')::date as day, count(*) as n_events,
           count(*) filter (where e.flags & {FLAG_INCOMPLETE} <> 0) as n_incomplete
    from core.event e join core.instrument i on i.id = e.instrument_id
    group by 1, 2, 3
    """,  # noqa: S608 - constants of this module
    {
        "instrument": ORIGIN["instrument"],
        "day": "UTC day of the event.",
        "n_events": "Events.",
        "n_incomplete": "Of them, events with missing parts.",
    },
    ("core.event",),
)

VIEWS = (EVENTS, EVENT_SOURCES, RETRANSMISSIONS, EVENTS_PER_DAY)
