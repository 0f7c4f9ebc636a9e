"""Tags of files and events: what they can be tagged with, what stands, who said so, and saying more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, column, func, insert, select, table
from sqlalchemy.dialects.postgresql import insert as upsert

from archive.catalog import events, files
from archive.catalog.reference import instrument_ids
from archive.catalog.schema import instrument, tag, tag_kind, tag_kind_instrument
from archive.errors import NotFound, UsageError

Row = dict[str, Any]

#: Kinds that every archive has, for all instruments.
GENERAL: Mapping[str, str] = {
    "needs_discussion": "Somebody should look at it with others",
    "other": "Something is odd that no other kind names; the reason says what",
}

_LISTED = (
    "id", "tag", "title", "instrument", "subject_kind", "subject", "file_id", "event_id", "author", "reason", "said_at",
)  # fmt: skip
_TAGS = table("tags", *(column(name) for name in _LISTED), schema="analysis")
_HISTORY = table("tag_history", *(column(name) for name in ("action", *_LISTED)), schema="analysis")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a tag is about.

    Attributes
    ----------
    instrument
        Short name of its instrument.
    kind
        ``file`` or ``event``.
    name
        SHA-256 of the file, or identity of the event.
    """

    instrument: str
    kind: str
    name: str


def subject(conn: Connection, *, file: str | None = None, event: str | None = None) -> Subject:
    """Return the file or event that a person names; exactly one must be given.

    Raises
    ------
    UsageError
        When none or both are given.
    NotFound
        When there is no such file or event.
    """
    if (file is None) == (event is None):
        raise UsageError("Name one file (--file) or one event (--event).")
    if event is not None:
        row = events.get(conn, event)
        return Subject(row["instrument"], "event", row["identity"])
    row = files.get(conn, str(file))
    return Subject(row["instrument"], "file", row["sha256"])


def define(conn: Connection, name: str, title: str, instruments: Sequence[str] = ()) -> None:
    """Define a kind of tag, or change its title; `instruments` it applies to are added, none means all.

    Raises
    ------
    UsageError
        When the name is no lower-case word, the title is empty, or the kind exists for all instruments.
    NotFound
        When there is no such instrument.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r} is no name of a tag: lower-case letters, digits and underscores, a letter first.")
    if not title.strip():
        raise UsageError("A kind of tag needs a title that says what it means.")
    known = instrument_ids(conn)
    unknown = sorted(set(instruments) - set(known))
    if unknown:
        raise NotFound(f"The catalog has no instrument {unknown[0]!r} (it has: {', '.join(sorted(known)) or 'none'}).")
    before = conn.execute(select(tag_kind.c.id).where(tag_kind.c.name == name)).scalar()
    old = [row["instruments"] for row in kinds(conn) if row["tag"] == name]
    if before is not None and instruments and old == [[]]:
        raise UsageError(f"The tag {name!r} applies to all instruments already.")
    statement = upsert(tag_kind).values(name=name, title=title)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"title": title})
    kind = conn.execute(statement.returning(tag_kind.c.id)).scalar_one()
    for one in instruments:
        row = {"tag_kind_id": kind, "instrument_id": known[one]}
        conn.execute(upsert(tag_kind_instrument).values(**row).on_conflict_do_nothing())


def ensure_general(conn: Connection) -> None:
    """Define the kinds that every archive has."""
    rows = [{"name": name, "title": title} for name, title in GENERAL.items()]
    conn.execute(upsert(tag_kind).values(rows).on_conflict_do_nothing())


def kinds(conn: Connection, *, instrument_name: str | None = None) -> list[Row]:
    """Return what can be said: tag, title, instruments (empty: all), n (tags that stand)."""
    names = func.array_remove(func.array_agg(instrument.c.name), None).label("instruments")
    query = (
        select(tag_kind.c.name.label("tag"), tag_kind.c.title, names)
        .select_from(tag_kind.outerjoin(tag_kind_instrument).outerjoin(instrument))
        .group_by(tag_kind.c.id)
        .order_by(tag_kind.c.name)
    )
    counted = select(_TAGS.c.tag, func.count().label("n")).group_by(_TAGS.c.tag)
    standing = {row.tag: row.n for row in conn.execute(counted)}
    rows = [{**row, "instruments": sorted(row["instruments"])} for row in conn.execute(query).mappings()]
    return [
        {**row, "n": standing.get(row["tag"], 0)}
        for row in rows
        if instrument_name is None or not row["instruments"] or instrument_name in row["instruments"]
    ]


def listing(
    conn: Connection,
    *,
    about: Subject | None = None,
    instrument_name: str | None = None,
    name: str | None = None,
    history: bool = False,
    limit: int = 50,
) -> list[Row]:
    """Return tags, newest first: those that stand, or with `history` everything that was said."""
    wanted = {
        "instrument": about.instrument if about else instrument_name,
        "subject_kind": about and about.kind,
        "subject": about and about.name,
        "tag": name,
    }
    source = _HISTORY if history else _TAGS
    query = select(*source.c).order_by(source.c.id.desc()).limit(limit)
    for name_of_column, value in wanted.items():
        query = query if value is None else query.where(source.c[name_of_column] == value)
    return [dict(row) for row in conn.execute(query).mappings()]


def say(conn: Connection, name: str, about: Subject, author: str, reason: str, *, remove: bool = False) -> Row:
    """Append a tag, or that it is taken back; return its row as `listing` gives it.

    Raises
    ------
    NotFound
        When there is no such kind.
    UsageError
        When it does not apply to the instrument, stands already, or does not stand; or author or reason are empty.
    """
    if not author.strip() or not reason.strip():
        raise UsageError("A tag needs an author and a reason.")
    # The row of the kind is locked: two people who say the same at once speak one after the other.
    kind = conn.execute(select(tag_kind.c.id).where(tag_kind.c.name == name).with_for_update()).scalar()
    fitting = [row["tag"] for row in kinds(conn, instrument_name=about.instrument)]
    if kind is None:
        known = ", ".join(fitting) or "none"
        raise NotFound(f"There is no tag {name!r} (there are: {known}); `pinakes tags define` makes a new one.")
    if name not in fitting and not remove:
        raise UsageError(f"The tag {name!r} does not apply to {about.instrument} (these do: {', '.join(fitting)}).")
    standing = listing(conn, about=about, name=name, limit=1)
    if standing and not remove:
        raise UsageError(f"{standing[0]['author']} has said {name!r} of this {about.kind} already.")
    if remove and not standing:
        raise UsageError(f"The tag {name!r} does not stand on this {about.kind}.")
    owner = instrument_ids(conn)[about.instrument]
    conn.execute(
        insert(tag).values(
            tag_kind_id=kind, action="remove" if remove else "add", instrument_id=owner, subject_kind=about.kind,
            subject=about.name, author=author, reason=reason,
        )
    )  # fmt: skip
    return listing(conn, about=about, name=name, history=True, limit=1)[0]
