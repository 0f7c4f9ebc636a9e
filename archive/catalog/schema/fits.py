"""Schema ``core``: analyses of events, their fits, and what analysts say against them. Nothing here is ever edited."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from archive.catalog.schema.base import key, metadata, name, now, ref

ORIGINS = ("automatic", "override")
ACTIONS = (
    "set", "refit", "add", "remove", "species", "anchors", "sensitivity", "gains", "baseline", "material", "reset",
)  # fmt: skip

fit_model = Table(
    "fit_model",
    metadata,
    key(),
    name("name", "Name of the function, for example emg."),
    Column("version", Integer, nullable=False, comment="Version; a changed meaning of a parameter is a new one."),
    Column("title", Text, nullable=False, comment="Name for people."),
    Column("parameters", JSONB, nullable=False, comment="Name, unit and meaning of each parameter, in order."),
    UniqueConstraint("name", "version"),
    schema="core",
    comment="Functions that are fitted: what stands in the arrays of core.fit.",
)

fit_override = Table(
    "fit_override",
    metadata,
    key(),
    ref("event_id", "core.event.id", "The event.", ondelete="CASCADE", index=True),
    name("action", f"What is done: {', '.join(ACTIONS)}."),
    name("channel", "Channel of the fit; null: the whole event.", nullable=True),
    Column("line", Integer, comment="Number of the fit in its channel; null: the whole channel or event."),
    Column("arguments", JSONB, nullable=False, server_default=text("'{}'"), comment="What it is done with."),
    Column("base", JSONB, comment="Values and errors that the override speaks against, as they were then."),
    name("author", "Who says so."),
    Column("reason", Text, nullable=False, comment="Why."),
    ref("supersedes_id", "core.fit_override.id", "The override it takes the place of.", nullable=True),
    now("created_at", "When it was written."),
    CheckConstraint(f"action in ({', '.join(repr(action) for action in ACTIONS)})", name="action"),
    CheckConstraint("author <> '' and reason <> ''", name="signed"),
    schema="core",
    comment="What analysts say about fits: rows are appended, never edited; a reset is a row of its own.",
)

event_analysis = Table(
    "event_analysis",
    metadata,
    key(),
    ref("event_id", "core.event.id", "The event.", ondelete="CASCADE"),
    ref("file_id", "core.file.id", "The product that was read.", ondelete="CASCADE", index=True),
    name("source", "Which copy of the event was analysed: the tail of core.event.preference at that time."),
    name("analysis", "Name of the analysis."),
    Column("version", Integer, nullable=False, comment="Version of the analysis."),
    name("settings_hash", "Hash of settings and calibrations; equal inputs and versions give equal results."),
    Column("inputs", JSONB, nullable=False, comment="Settings, and the version of each calibration used."),
    name("origin", "automatic or override."),
    ref(
        "override_id",
        "core.fit_override.id",
        "Newest override that was taken into account; null for an automatic analysis.",
        nullable=True,
        ondelete="CASCADE",
    ),
    name("status", "Words parted by blanks; ok when nothing is to be said."),
    Column("reason", Text, nullable=False, comment="What the status says, for a person; empty for ok."),
    ref("code_version_id", "core.code_version.id", "Code that wrote it."),
    now("created_at", "When the row was written."),
    UniqueConstraint(
        "event_id", "analysis", "version", "settings_hash", "source", "override_id",
        name="uq_event_analysis_inputs", postgresql_nulls_not_distinct=True,
    ),
    CheckConstraint(f"origin in ({', '.join(repr(origin) for origin in ORIGINS)})", name="origin"),
    CheckConstraint("(origin = 'override') = (override_id is not null)", name="override"),
    schema="core",
    comment="Every analysis of every event: one row a version, settings and set of overrides. Rows are appended.",
)  # fmt: skip

fit = Table(
    "fit",
    metadata,
    ref("event_analysis_id", "core.event_analysis.id", "The analysis it is part of.", ondelete="CASCADE"),
    name("channel", "Channel that was fitted."),
    Column("line", Integer, nullable=False, comment="Number of the line, from 1; 0: the one fit of the channel."),
    ref("fit_model_id", "core.fit_model.id", "The function."),
    Column("values", ARRAY(Double), nullable=False, comment="Parameters in the order of the model; null: unknown."),
    Column("errors", ARRAY(Double), nullable=False, comment="Standard errors in the same order; null: unknown."),
    Column("chi2", Double, comment="Chi-square of the window."),
    Column("dof", BigInteger, comment="Degrees of freedom of the window."),
    Column("window_start", Double, comment="First time of the window, us from the trigger."),
    Column("window_stop", Double, comment="Last time of the window, us from the trigger."),
    name("status", "Words parted by blanks; ok when nothing is to be said."),
    Column("reason", Text, nullable=False, comment="What the status says, for a person; empty for ok."),
    name("origin", "automatic or override: whether an analyst set or refitted this one."),
    PrimaryKeyConstraint("event_analysis_id", "channel", "line"),
    CheckConstraint(f"origin in ({', '.join(repr(origin) for origin in ORIGINS)})", name="origin"),
    Index("ix_fit_not_ok", "status", postgresql_where=text("status <> 'ok'")),
    schema="core",
    comment="Every fit of every analysis.",
)
