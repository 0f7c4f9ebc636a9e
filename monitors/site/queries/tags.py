"""What people say of files and events."""

from __future__ import annotations

from monitors.site.queries.query import Query

TAGS = Query(
    "tags",
    """
select t.id, t.tag, t.title, t.instrument, t.subject_kind, t.subject, t.file_id, t.event_id, t.author, t.reason,
       t.said_at, coalesce(f.original_name, regexp_replace(f.relpath, '^.*/', '')) as name
from analysis.tags t
left join core.file f on f.id = t.file_id
order by t.id desc
limit :rows""",
)

TAG_COUNTS = Query(
    "tag_counts",
    """
select tag, title, instrument, count(*) filter (where subject_kind = 'file') as files,
       count(*) filter (where subject_kind = 'event') as events, max(said_at) as newest
from analysis.tags
group by tag, title, instrument
order by tag, instrument""",
)

TAGS_TAKEN_BACK = Query(
    "tags_taken_back",
    """
select t.id, t.tag, t.title, t.instrument, t.subject_kind, t.subject, t.file_id, t.event_id, t.author, t.reason,
       t.said_at, coalesce(f.original_name, regexp_replace(f.relpath, '^.*/', '')) as name
from analysis.tag_history t
left join core.file f on f.id = t.file_id
where t.action = 'remove'
order by t.id desc
limit :rows""",
)

TAGS_OF_EVENTS = Query(
    "tags_of_events",
    """
select event_id, tag, title, author, reason, said_at
from analysis.tags
where event_id is not null
order by event_id, id
limit :rows""",
)

TAGS_OF_FILES = Query(
    "tags_of_files",
    """
select file_id, id, action, tag, title, author, reason, said_at
from analysis.tag_history
where file_id between :low and :high
order by file_id, id desc""",
)
