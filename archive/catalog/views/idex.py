"""Views of IDEX: its events with the facts of their headers, its housekeeping, messages and catalogue lists."""

from archive.catalog.views.base import View

EVENT = {
    "t": "Event time, UTC.",
    "identity": "Name of the event for ever.",
    "relpath": "Path of the raw file below the archive home.",
}

IDEX_EVENTS = View(
    "idex_events",
    "Every IDEX event: common columns first, then those of idex.event.",
    """
    select e.identity, e.kind, e.seq, e.t, e.tick, e.flags, e.relpath, e.n_sources, e.products, x.*
    from analysis.events e join idex.event x on x.event_id = e.event_id
    """,
    EVENT,
    ("idex.event", "analysis.events"),
)

IDEX_HOUSEKEEPING = View(
    "idex_housekeeping",
    "Converted housekeeping of every IDEX event.",
    "select e.identity, e.t, h.* from core.event e join idex.event_housekeeping h on h.event_id = e.id",
    EVENT,
    ("idex.event_housekeeping",),
)

IDEX_HEADERS = View(
    "idex_headers",
    "Raw header words of every IDEX event.",
    "select e.identity, e.t, h.* from core.event e join idex.event_header h on h.event_id = e.id",
    EVENT,
    ("idex.event_header",),
)

IDEX_MESSAGES = View(
    "idex_messages",
    "Event messages of IDEX.",
    "select f.relpath, m.* from idex.message m join core.file f on f.id = m.file_id",
    {"relpath": EVENT["relpath"]},
    ("idex.message",),
)

IDEX_CATALOGUE = View(
    "idex_catalogue",
    "Entries of the catalogue lists of IDEX.",
    "select f.relpath, c.* from idex.catalogue_entry c join core.file f on f.id = c.file_id",
    {"relpath": EVENT["relpath"]},
    ("idex.catalogue_entry",),
)

VIEWS = (IDEX_EVENTS, IDEX_HOUSEKEEPING, IDEX_HEADERS, IDEX_MESSAGES, IDEX_CATALOGUE)
