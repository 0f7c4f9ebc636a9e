"""Table ``ops.trend``: statistics of data by the time of the data, as monitors work them out."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from archive.catalog.schema.base import metadata, name, ref, time

trend = Table(
    "trend",
    metadata,
    ref("monitor_id", "ops.monitor.id", "The monitor that worked it out."),
    name("name", "What it is of, for example noise_sigma."),
    name("series", "Which of several it is, for example the channel; empty: there is one.", server_default=text("''")),
    time("at", "Begin of the time that it is of, UTC: the time of the data, not of the run.", nullable=False),
    time("until", "End of that time, UTC, exclusive.", nullable=False),
    Column("value", Double, comment="The number; null: nothing could be measured, never a zero."),
    Column("low", Double, comment="Lower end of what it stands for: see the monitor; null: unknown."),
    Column("high", Double, comment="Upper end of what it stands for; null: unknown."),
    Column("n", BigInteger, nullable=False, comment="How many data it rests on."),
    name("unit", "Unit for people; empty for counts and shares.", server_default=text("''")),
    Column("red_low", Double, comment="Below this it is an error; null: no such limit."),
    Column("yellow_low", Double, comment="Below this it is a warning; null: no such limit."),
    Column("yellow_high", Double, comment="Above this it is a warning; null: no such limit."),
    Column("red_high", Double, comment="Above this it is an error; null: no such limit."),
    Column("message", Text, nullable=False, server_default=text("''"), comment="Whatever is to be said about it."),
    name("algorithm", "Version of the method."),
    Column("run_id", UUID(as_uuid=True), nullable=False, comment="The run that wrote it last; it may be gone by now."),
    PrimaryKeyConstraint("monitor_id", "name", "series", "at"),
    CheckConstraint("at <= until", name="times"),
    schema="ops",
    comment="Trends by the time of the data; data that are delivered late change the row of their time.",
)
