"""Tables of ``core`` with what people say of files and events: kinds of tags as data, tags that are appended only.

A tag names its subject by what never changes (the bytes of a file, the identity of an event), not by the key of a row:
so it stays when rows are removed, and speaks again of what is brought in again.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, Table, Text, text

from archive.catalog.schema.base import key, metadata, name, now, ref

tag_kind = Table(
    "tag_kind",
    metadata,
    key(),
    name("name", "Lower-case name, for example needs_discussion.", unique=True),
    Column("title", Text, nullable=False, comment="What it says, for people."),
    now("created_at", "When it was defined."),
    CheckConstraint("name ~ '^[a-z][a-z0-9_]*$'", name="name"),
    schema="core",
    comment="What files and events can be tagged with; a new kind is a row.",
)

tag_kind_instrument = Table(
    "tag_kind_instrument",
    metadata,
    ref("tag_kind_id", "core.tag_kind.id", "The kind."),
    ref("instrument_id", "core.instrument.id", "An instrument it applies to."),
    PrimaryKeyConstraint("tag_kind_id", "instrument_id"),
    schema="core",
    comment="Instruments a kind of tag applies to; a kind without any applies to all.",
)

tag = Table(
    "tag",
    metadata,
    key("Surrogate key; the order in which people spoke."),
    ref("tag_kind_id", "core.tag_kind.id", "What is said.", index=True),
    name("action", "add, or remove: taken back."),
    ref("instrument_id", "core.instrument.id", "Instrument of the file or event."),
    name("subject_kind", "file or event."),
    name("subject", "SHA-256 of the file, or identity of the event."),
    name("author", "Who says so."),
    Column("reason", Text, nullable=False, comment="Why."),
    now("created_at", "When it was said."),
    CheckConstraint("action in ('add', 'remove')", name="action"),
    CheckConstraint("subject_kind in ('file', 'event')", name="subject_kind"),
    CheckConstraint("author <> '' and reason <> '' and subject <> ''", name="signed"),
    Index("ix_tag_subject", "subject_kind", "subject", "instrument_id", "tag_kind_id", text("id desc")),
    schema="core",
    comment="Tags of files and events: rows are appended, never edited; taking a tag back is a row of its own.",
)
