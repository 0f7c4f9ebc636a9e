"""What a catalog says, without what may differ between two ingests of the same files: keys and times of writing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from archive.catalog import Catalog

QUERIES = {
    "files": """
        select f.relpath, f.sha256, f.size, f.state, f.received, p.name as product, f.t_start, f.t_end, f.header::text
        from core.file f join core.product p on p.id = f.product_id where f.state <> 'retired'
    """,
    "parents": """
        select child.relpath, parent.relpath as parent, role from core.file_parent l
        join core.file child on child.id = l.file_id join core.file parent on parent.id = l.parent_id
        where child.state <> 'retired'
    """,
    "events": """
        select e.identity, f.sha256, e.kind, e.seq, e.t as at, e.tick, e.flags, e.preference
        from core.event e join core.file f on f.id = e.file_id
    """,
    "sources": """
        select f.sha256, e.identity, s.match_key, s.complete, s.parts, s.digest, s.missing::text
        from core.event_source s join core.file f on f.id = s.file_id left join core.event e on e.id = s.event_id
    """,
    "event_products": """
        select e.identity, f.relpath, f.sha256, p.record from core.event_product p
        join core.event e on e.id = p.event_id join core.file f on f.id = p.file_id
    """,
    "problems": """
        select f.sha256, x.code, x.severity, x.byte_offset, x.byte_length, x.packet, x.count, x.message
        from core.file_problem x left join core.file f on f.id = x.file_id
    """,
    # How often products of analyses are written depends on what comes when; which ones count in the end does not.
    "jobs": "select kind, state from ops.job where kind <> 'derive'",
    "apids": "select f.sha256, a.apid, a.n_packets, a.n_bytes, a.n_crc_failed from core.file_apid a "
    "join core.file f on f.id = a.file_id",
    "gaps": "select f.sha256, g.apid, g.kind, g.seq_before, g.seq_after, g.byte_offset from core.packet_gap g "
    "join core.file f on f.id = g.file_id",
}

READINGS = """
    select e.identity, f.sha256, r.part, r.value from toy.reading r
    join core.event e on e.id = r.event_id left join core.file f on f.id = r.file_id
"""


def snapshot(catalog: Catalog, **more: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every query, sorted."""
    with catalog.read() as conn:
        return {
            name: sorted(map(tuple, conn.execute(text(query)).all()), key=repr)
            for name, query in (QUERIES | more).items()
        }
