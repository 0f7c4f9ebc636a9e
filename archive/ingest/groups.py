"""Which files hold parts of the same events: what an assembly has to put together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from archive.catalog.schema import event_source, file, product


@dataclass(frozen=True, slots=True)
class Part:
    """A raw file that holds parts."""

    file_id: int
    sha256: str
    relpath: str
    size: int
    original_name: str


@dataclass(frozen=True, slots=True)
class Group:
    """Files (sorted by hash) and the match keys (sorted) of the events whose parts lie in exactly these files."""

    files: tuple[Part, ...]
    match_keys: tuple[str, ...]

    @property
    def tag(self) -> str:
        """Text that names the group for ever: the same files and events give the same."""
        digest = hashlib.sha256()
        for word in (*(part.sha256 for part in self.files), "", *self.match_keys):
            digest.update(word.encode() + b"\0")
        return digest.hexdigest()[:16]


def touched(conn: Connection, instrument_id: int, file_id: int) -> list[int]:
    """Return `file_id` and the files that hold incomplete parts of any of its events."""
    own = select(event_source.c.match_key).where(event_source.c.file_id == file_id)
    query = (
        select(event_source.c.file_id)
        .join(file, file.c.id == event_source.c.file_id)
        .join(product, product.c.id == file.c.product_id)
        .where(product.c.instrument_id == instrument_id, event_source.c.match_key.in_(own), ~event_source.c.complete)
        .distinct()
    )
    return sorted({file_id, *conn.execute(query).scalars()})


def groups(conn: Connection, instrument_id: int, files: list[int]) -> list[Group]:
    """Return the groups that any of `files` belongs to, events that some file holds whole left out.

    Every group has two files or more, all of them available; the order is that of the tags.
    """
    here, whole = aliased(event_source), aliased(event_source)
    wanted = select(here.c.match_key).where(here.c.file_id.in_(files), ~here.c.complete)
    has_whole = select(whole.c.id).where(whole.c.match_key == event_source.c.match_key, whole.c.complete).exists()
    query = (
        select(event_source.c.match_key, file.c.id, file.c.sha256, file.c.relpath, file.c.size, file.c.original_name)
        .join(file, file.c.id == event_source.c.file_id)
        .join(product, product.c.id == file.c.product_id)
        .where(
            product.c.instrument_id == instrument_id,
            file.c.state == "available",
            event_source.c.match_key.in_(wanted),
            ~event_source.c.complete,
            ~has_whole,
        )
    )
    holders: dict[str, set[Part]] = defaultdict(set)
    for row in conn.execute(query):
        holders[row.match_key].add(Part(row.id, row.sha256, row.relpath, row.size, row.original_name or ""))
    shared: dict[tuple[Part, ...], list[str]] = defaultdict(list)
    for match_key, parts in holders.items():
        if len(parts) > 1:
            shared[tuple(sorted(parts, key=lambda part: part.sha256))].append(match_key)
    found = [Group(parts, tuple(sorted(keys))) for parts, keys in shared.items()]
    return sorted(found, key=lambda group: group.tag)
