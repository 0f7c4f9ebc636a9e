"""Views of tags: what stands now, and everything that was said."""

from archive.catalog.views.base import View

COLUMNS = {
    "tag": "Name of the kind.",
    "title": "What it says, for people.",
    "instrument": "Short name of the instrument.",
    "file_id": "The file with these bytes; null for an event, or when the catalog has no such file now.",
    "event_id": "The event of that identity; null for a file, or when the catalog has no such event now.",
    "author": "Who said so.",
    "reason": "Why.",
    "said_at": "When it was said.",
}

HISTORY = View(
    "tag_history",
    "Everything that was said by tags, what was taken back included.",
    """
    select t.id, k.name as tag, k.title, t.action, i.name as instrument, t.subject_kind, t.subject,
           (select max(f.id) from (
                select a.id, a.product_id from core.file a where a.received and a.sha256 = t.subject
                union all
                select b.id, b.product_id from core.file b where not b.received and b.sha256 = t.subject
            ) f join core.product p on p.id = f.product_id
            where t.subject_kind = 'file' and p.instrument_id = t.instrument_id) as file_id,
           (select e.id from core.event e where t.subject_kind = 'event' and e.identity = t.subject
            and e.instrument_id = t.instrument_id) as event_id,
           t.author, t.reason, t.created_at as said_at
    from core.tag t
    join core.tag_kind k on k.id = t.tag_kind_id
    join core.instrument i on i.id = t.instrument_id
    """,
    COLUMNS,
    ("core.tag",),
)

TAGS = View(
    "tags",
    "Tags that stand: what was said last of a file or event, unless it was taken back.",
    """
    select h.id, h.tag, h.title, h.instrument, h.subject_kind, h.subject, h.file_id, h.event_id, h.author, h.reason,
           h.said_at
    from analysis.tag_history h
    where h.action = 'add' and not exists (
        select 1 from core.tag t join core.tag later on later.subject_kind = t.subject_kind
        and later.subject = t.subject and later.instrument_id = t.instrument_id and later.tag_kind_id = t.tag_kind_id
        and later.id > t.id
        where t.id = h.id
    )
    """,
    COLUMNS,
    ("core.tag",),
)

VIEWS = (HISTORY, TAGS)
